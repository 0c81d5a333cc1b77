"""The models find what they are to find, each planted by hand, and say nothing of what may be."""

from __future__ import annotations

import random

import pytest

from slotrocks.server.torture.counter import Counter
from slotrocks.server.torture.expiring import SLACK_S, Expiring
from slotrocks.server.torture.fifo import Fifo
from slotrocks.server.torture.register import REMEMBERED, Register
from slotrocks.server.torture.sequence import Sequence


def written(register: Register, *values: bytes | None) -> Register:
    """With these writes done."""
    for value in values:
        register.begin_write(value)
        register.acknowledge()
    return register


def read(register: Register, value: bytes | None) -> str:
    """What is wrong with a read that begins and ends now."""
    violation = register.end_read(register.begin_read(), value)
    return "" if violation is None else violation.what


def test_register_that_does_what_it_should() -> None:
    register = Register("r")
    assert not read(register, None)
    written(register, b"1", b"2")
    assert not read(register, b"2")
    register.begin_write(None)
    assert not read(register, b"2")
    assert not read(register, None)
    register.acknowledge()
    assert not read(register, None)


def test_register_finds_a_lost_write() -> None:
    assert read(written(Register("r"), b"1"), None).startswith("stale")  # it is what was there before the first write
    assert read(written(Register("r"), None, b"1", *(b"x%d" % n for n in range(99))), None).startswith("lost")


def test_register_finds_a_stale_read() -> None:
    register = written(Register("r"), b"1", b"2", b"3")
    assert "2 writes older than b'3'" in read(register, b"1")


def test_register_finds_a_read_that_is_older_than_another() -> None:
    register = written(Register("r"), b"1")
    register.begin_write(b"2")
    assert not read(register, b"2")  # done, though nobody has said so
    assert read(register, b"1").startswith("stale")


def test_register_finds_a_value_that_nobody_wrote() -> None:
    assert read(written(Register("r"), b"1"), b"7").startswith("foreign")


def test_register_reads_that_overlap_writes() -> None:
    register = written(Register("r"), b"1")
    floor = register.begin_read()
    written(register, b"2", b"3")
    for value in (b"1", b"2", b"3"):
        assert register.end_read(floor, value) is None
    floor = register.begin_read()
    written(register, *(b"x%d" % n for n in range(3 * REMEMBERED)))
    assert register.end_read(floor, b"3") is None  # nobody remembers whether that may be
    assert read(register, b"3")


def test_register_refused_write() -> None:
    register = written(Register("r"), b"1")
    register.begin_write(b"2")
    assert register.refuse() is None
    assert not read(register, b"1")
    assert read(register, b"2").startswith("foreign")
    register.begin_write(b"3")
    assert not read(register, b"3")
    violation = register.refuse()
    assert violation is not None and "has been read" in violation.what


def test_register_unknown_outcome_may_be_either_and_then_stays() -> None:
    register = written(Register("r"), b"1")
    register.begin_write(b"2")
    register.lose()
    assert register.retired
    assert not read(register, b"1")
    assert not read(register, b"2")
    assert read(register, b"1").startswith("stale")


def appended(sequence: Sequence, count: int) -> None:
    for _ in range(count):
        sequence.begin()
        sequence.acknowledge()


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        ([1, 2, 3, 4], ""),
        ([1, 2, 4], "lost: 1 numbers (3), acknowledged up to 4"),
        ([1, 2, 3], "lost: 1 numbers (4)"),
        ([], "lost: 4 numbers"),
        ([1, 2, 2, 3, 4], "duplicate without an unknown outcome: 1 numbers (2)"),
        ([1, 3, 2, 4], "out of order: 2 behind 3"),
        ([1, 2, 3, 4, 5], "never appended: 1 numbers (5)"),
    ],
)
def test_sequence(found: list[int], wrong: str) -> None:
    sequence = Sequence("s")
    appended(sequence, 4)
    violations = sequence.check(found)
    assert [each.what for each in violations] == ([] if not wrong else [violations[0].what])
    assert not wrong or violations[0].what.startswith(wrong)


def test_sequence_unknown_outcomes_allow_as_many_duplicates() -> None:
    sequence = Sequence("s")
    appended(sequence, 1)
    for _ in range(2):
        assert sequence.begin() == 2
        sequence.lose()
    sequence.begin()
    sequence.refuse()
    assert not sequence.check([1])
    assert not sequence.check([1, 2, 2])
    assert sequence.check([1, 2, 2, 2])
    appended(sequence, 2)
    for found in ([1, 2, 3], [1, 2, 3, 2], [1, 2, 2, 3, 2]):
        assert not sequence.check(found)
    assert sequence.check([1, 2, 2, 2, 2, 3])
    assert sequence.check([1, 3, 2])
    assert sequence.check([1, 3])


def test_counter() -> None:
    counter = Counter("c")
    for value in (1, 2, 3):
        assert counter.acknowledge(counter.begin(), value) is None
    assert counter.end_read(counter.begin_read(), 3) is None
    for value, wrong in ((2, "lost increments"), (4, "increments that nobody made")):
        violation = counter.end_read(counter.begin_read(), value)
        assert violation is not None and violation.what.startswith(wrong)


def test_counter_finds_a_lost_update() -> None:
    counter = Counter("c")
    floors = [counter.begin(), counter.begin()]
    assert counter.acknowledge(floors[0], 1) is None
    violation = counter.acknowledge(floors[1], 1)
    assert violation is not None and violation.what.startswith("a lost update")


def test_counter_unknown_and_refused() -> None:
    counter = Counter("c")
    counter.acknowledge(counter.begin(), 1)
    counter.begin()
    counter.lose()
    counter.begin()
    counter.refuse()
    for value in (1, 2):
        assert counter.end_read(counter.begin_read(), value) is None
    violation = counter.end_read(counter.begin_read(), 1)
    assert violation is not None  # 2 has been seen
    assert counter.end_read(counter.begin_read(), 3) is not None


def test_fifo() -> None:
    fifo = Fifo("f")
    appended(fifo, 5)
    assert fifo.take(1) is None and fifo.take(2) is None
    assert not fifo.check([3, 4, 5])
    assert fifo.check([2, 3, 4, 5])[0].what.startswith("taken and still there")
    assert fifo.check([4, 5])[0].what.startswith("lost: 1 numbers (3)")
    fifo.lose_take()
    assert not fifo.check([4, 5])
    assert fifo.check([5])
    violation = fifo.take(2)
    assert violation is not None and violation.what == "2 was taken 2 times"


def test_fifo_order() -> None:
    fifo = Fifo("f")
    appended(fifo, 3)
    assert fifo.take(2) is None
    violation = fifo.take(1)
    assert violation is not None and violation.what == "1 was taken after 2"


def test_expiring() -> None:
    key = Expiring("e", 1.0)
    assert key.end_read(0, 1e9, True) is None  # nothing is known of it
    key.acknowledge(100.0, 100.2)
    assert key.end_read(100.5, 100.6, True) is None
    assert key.end_read(100.9, 101.1, False) is None
    assert key.end_read(101.1, 101.15, True) is None
    early = key.end_read(100.5, 101.0 - 2 * SLACK_S, False)
    assert early is not None and early.what.startswith("lost")
    late = key.end_read(101.2 + 2 * SLACK_S, 102, True)
    assert late is not None and late.what.startswith("came back to life")


def test_register_against_a_linearizable_one() -> None:
    """Random histories of a real register, with reads that overlap writes: nothing is ever wrong with them."""
    rng = random.Random(1)
    for _ in range(200):
        register, value, number = Register("r"), None, 0
        pending: bytes | None = None
        reads: list[tuple[int, bytes | None]] = []
        for _ in range(60):
            match rng.randrange(5):
                case 0 if pending is None and not register.retired:
                    number += 1
                    pending = b"%d" % number
                    register.begin_write(pending)
                case 1 if pending is not None:
                    value, pending = pending, None
                    register.acknowledge()
                case 2 if pending is not None and rng.random() < 0.1:
                    if rng.random() < 0.5:
                        value = pending
                    pending = None
                    register.lose()
                case 3:
                    reads.append((register.begin_read(), value))
                case 4 if reads:
                    floor, seen = reads.pop(0)
                    assert register.end_read(floor, seen if rng.random() < 0.5 else value) is None
