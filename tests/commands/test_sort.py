"""SORT in a cluster, and what Redis and we do differently. The rest: test_bits_sort_against_redis.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from node_bench import Bench, Caller

from slotrocks.server.commands.sort import parse
from slotrocks.server.errors import CommandError


@pytest.fixture
def clustered(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, commits=False, cluster=True)
    yield bench
    bench.close()


@pytest.mark.parametrize(
    "options",
    [
        "BY nosort", "BY {k}w_*", "BY {k}w_*->f", "BY a{k}*", "GET #", "GET {k}w_*->f", "GET {k}fixed", "GET k",
        "BY nosort GET # GET {k}*", "STORE d LIMIT 0 1",
    ],
)  # fmt: skip
def test_in_a_cluster_what_stays_in_the_slot_is_allowed(clustered: Bench, options: str) -> None:
    parse(clustered.call.session, [b"SORT", b"{k}l", *options.encode().split()], may_store=True)


@pytest.mark.parametrize(
    "options",
    ["BY w_*", "BY {j}w_*", "BY w_*{k}", "BY {k*}", "BY {}{k}*", "GET w_*", "GET fixed", "GET #x", "GET {j}*->f"],
)
def test_in_a_cluster_what_leaves_the_slot_is_refused(clustered: Bench, options: str) -> None:
    option = options.partition(" ")[0]
    with pytest.raises(CommandError) as raised:
        parse(clustered.call.session, [b"SORT", b"{k}l", *options.encode().split()], may_store=True)
    assert raised.value.text == (
        f"ERR {option} option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots."
    )


@pytest.mark.parametrize("weight", [b"1e400", b"-1e999", b"nan", b"-nan", b"x", b"1x", b"0x"])
def test_what_is_no_weight(call: Caller, weight: bytes) -> None:
    call("RPUSH", "l", "1", weight)
    assert "converted into double" in call.error("SORT", "l")


def test_large_inputs(call: Caller) -> None:
    """More than one run."""
    numbers = [(i * 7919) % 20011 for i in range(10_000)]
    call("RPUSH", "l", *numbers)
    expected = [b"%d" % number for number in sorted(numbers)]
    call("MULTI")
    call("SORT", "l", "LIMIT", 9000, 500)
    call("SORT", "l", "STORE", "d", "DESC")
    assert call("EXEC") == [expected[9000:9500], 10_000]
    assert call("LRANGE", "d", 0, -1) == expected[::-1]
    call("MSET", *(word for number in numbers for word in (f"w_{number}", -number)))
    assert call("SORT", "l", "BY", "w_*") == expected[::-1]
