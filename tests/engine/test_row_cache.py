"""The row cache never says anything that is not so, and stays within its bounds."""

from __future__ import annotations

import random

import pytest

from slotrocks.engine._engine import ABSENT, RowCache

CHUNK_BYTES = 2 << 20


@pytest.mark.parametrize("bytes_max", [0, 64 << 10, 16 << 20])
@pytest.mark.parametrize("seed", range(4))
def test_against_a_dict(bytes_max: int, seed: int) -> None:
    rng = random.Random(seed)
    cache, model = RowCache(bytes_max), dict[bytes, object]()
    keys = [rng.randbytes(rng.choice((0, 1, 8, 30, 4096, 4097))) for _ in range(600)]
    found = 0
    for _ in range(20_000):
        key = rng.choice(keys)
        if rng.random() < 0.4:
            row = ABSENT if rng.random() < 0.2 else rng.randbytes(rng.choice((0, 9, 40, 200, 4096, 4097)))
            cache.keep(key, row)
            model[key] = row
        known = cache.find(key)
        if known is not None:
            assert known == model[key]
            found += 1
        if rng.random() < 0.0005:
            cache.clear()
            model.clear()
    assert bool(found) == bool(bytes_max)


def test_what_was_kept_is_found() -> None:
    cache = RowCache(1 << 20)
    cache.keep(b"key", b"row")
    assert cache.find(b"key") == b"row"
    cache.keep(b"key", b"a longer row")
    assert cache.find(b"key") == b"a longer row"
    cache.keep(b"key", b"")
    assert cache.find(b"key") == b""
    cache.keep(b"key", ABSENT)
    assert cache.find(b"key") is ABSENT
    cache.keep(b"key", b"x" * 4097)
    assert cache.find(b"key") is None
    assert cache.find(b"another") is None


def test_a_row_too_large_hides_the_old_generations() -> None:
    cache = RowCache(4 << 20)
    cache.keep(b"key", b"row")
    for i in range(15_000):  # pushes it into the old generation
        cache.keep(b"%d" % i, b"x" * 200)
    cache.keep(b"key", b"x" * 4097)
    assert cache.find(b"key") is None


def test_memory_is_bounded_and_what_is_used_stays() -> None:
    bytes_max = 16 << 20
    cache = RowCache(bytes_max)
    for i in range(150_000):
        cache.keep(b"key:%d" % i, b"x" * 100)
        assert cache.find(b"key:7") == b"x" * 100 or i < 7
        assert cache.size_bytes <= bytes_max + 4 * CHUNK_BYTES
    assert cache.find(b"key:149999") == b"x" * 100
    assert cache.find(b"key:8") is None
