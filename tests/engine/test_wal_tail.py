"""All log files in sequence: every write exactly once and in order, or an error that says what is missing."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from slotrocks.engine import (
    OP_DELETE,
    OP_DELETE_RANGE,
    OP_PUT,
    BatchBuilder,
    SlotFilter,
    WALError,
    WALTail,
    batch_header,
    decode_batch,
)
from slotrocks.engine.wal_files import WALFiles
from wal_helpers import batch, key_of, log_bytes, numbered, physical, write_log

EVERY = SlotFilter([(0, 16383)])
TailAt = Callable[..., WALTail]


@pytest.fixture
def tail_at(tmp_path: Path) -> TailAt:
    def make(since: int = 0, db: Path = tmp_path) -> WALTail:
        return WALTail(str(db), str(tmp_path / "pins"), since)

    return make


def numbers(rows: list[tuple[int, int, bytes, bytes]]) -> list[int]:
    """What numbered() put into the values."""
    return [int(value.rstrip(b"\0")) for _, _, _, value in rows]


def drain(tail: WALTail) -> list[int]:
    seen = []
    while True:
        seen += numbers(tail.read_rows(EVERY, 1 << 20))
        if tail.at_end:
            return seen


def test_files_in_both_folders_in_order(tmp_path: Path, tail_at: TailAt) -> None:
    write_log(tmp_path / "archive", 4, [numbered(1, 3), numbered(4)])
    write_log(tmp_path / "archive", 9, [numbered(5, 2)])
    write_log(tmp_path, 12, [])  # a restart left it empty
    write_log(tmp_path, 100_000_0, [numbered(7, 2)])
    tail = tail_at()
    assert drain(tail) == list(range(1, 9))
    assert (tail.position, tail.since) == (8, 0)
    assert tail.bytes_read == sum(path.stat().st_size for path in tmp_path.rglob("*.log") if "pins" not in path.parts)
    tail.close()
    assert not (tmp_path / "pins").exists()


@pytest.mark.parametrize("since", range(9))
def test_delivery_starts_after_since(tmp_path: Path, tail_at: TailAt, since: int) -> None:
    """Also within a batch: a group of commits is one batch in the log."""
    write_log(tmp_path, 4, [numbered(1, 3), numbered(4)])
    write_log(tmp_path, 5, [numbered(5, 3), numbered(8)])
    tail = tail_at(since)
    assert drain(tail) == list(range(since + 1, 9))
    assert tail.position == max(since, 8)
    tail.close()


def test_what_is_appended_is_delivered(tmp_path: Path, tail_at: TailAt) -> None:
    tail = tail_at()
    assert drain(tail) == []  # no file at all
    path = write_log(tmp_path, 4, [])
    assert drain(tail) == []  # an empty one
    content = log_bytes([numbered(1, 3), numbered(4)])
    first = len(log_bytes([numbered(1, 3)]))
    path.write_bytes(content[: first + 20])
    assert (drain(tail), tail.position) == ([1, 2, 3], 3)
    path.write_bytes(content)
    assert (drain(tail), tail.position) == ([4], 4)
    write_log(tmp_path, 5, [])
    assert drain(tail) == []
    write_log(tmp_path, 5, [numbered(5)])
    assert (drain(tail), tail.position) == ([5], 5)
    tail.close()


def test_a_newer_file_exists_before_the_older_is_complete(tmp_path: Path, tail_at: TailAt) -> None:
    """Not until the newer one holds a batch is the older one complete; it is read once more then."""
    path = write_log(tmp_path, 4, [numbered(1)])
    newer = write_log(tmp_path, 5, [])
    tail = tail_at()
    assert drain(tail) == [1]
    path.write_bytes(log_bytes([numbered(1), numbered(2)]))
    assert drain(tail) == [2]
    path.write_bytes(log_bytes([numbered(1), numbered(2), numbered(3)]))
    newer.write_bytes(log_bytes([numbered(4)]))
    assert drain(tail) == [3, 4]
    tail.close()


def test_a_file_completed_between_looking_and_listing(
    tmp_path: Path, tail_at: TailAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_log(tmp_path, 4, [numbered(1)])
    tail = tail_at()
    refresh = WALFiles.refresh

    def write_then_refresh(self: WALFiles, only_if_changed: bool = False) -> None:
        if not only_if_changed and not (tmp_path / "000005.log").exists():
            path.write_bytes(log_bytes([numbered(1), numbered(2)]))
            write_log(tmp_path, 5, [numbered(3)])
        refresh(self, only_if_changed)

    monkeypatch.setattr(WALFiles, "refresh", write_then_refresh)
    assert drain(tail) == [1, 2, 3]
    tail.close()


@pytest.mark.parametrize("missing", [5, 6])
def test_a_missing_file_is_an_error(tmp_path: Path, tail_at: TailAt, missing: int) -> None:
    for number, sequence in ((4, 1), (5, 3), (6, 5), (7, 7)):
        write_log(tmp_path, number, [numbered(sequence), numbered(sequence + 1)])
    (tmp_path / f"{missing:06d}.log").unlink()
    tail = tail_at()
    sequence = {5: 3, 6: 5}[missing]
    with pytest.raises(
        WALError, match=f"expected sequence number {sequence}, found {sequence + 2} in 00000{missing + 1}"
    ):
        drain(tail)
    assert tail.position == sequence - 1
    tail.close()


def test_a_log_that_begins_too_late_is_an_error(tmp_path: Path, tail_at: TailAt) -> None:
    write_log(tmp_path, 4, [numbered(10)])
    with pytest.raises(WALError, match="expected sequence number 9, found 10"):
        tail_at(8)
    assert not (tmp_path / "pins").exists()
    tail = tail_at(9)
    assert drain(tail) == [10]
    tail.close()


def test_a_gap_before_the_start_does_not_matter(tmp_path: Path, tail_at: TailAt) -> None:
    """An ingestion of SST files takes a sequence number without a log record."""
    write_log(tmp_path, 4, [numbered(1), numbered(3), numbered(6), numbered(7)])
    for since in (5, 6):
        tail = tail_at(since)
        assert drain(tail) == list(range(since + 1, 8))
        tail.close()
    tail = tail_at(4)
    with pytest.raises(WALError, match="expected sequence number 4, found 6"):
        drain(tail)
    tail.close()


def test_a_batch_repeated_or_left_out_is_an_error(tmp_path: Path, tail_at: TailAt) -> None:
    for second in (1, 3):
        write_log(tmp_path, 4, [numbered(1), numbered(second)])
        tail = tail_at()
        with pytest.raises(WALError, match=f"expected sequence number 2, found {second}"):
            drain(tail)
        tail.close()


def test_a_torn_file_that_is_not_the_newest_is_an_error(tmp_path: Path, tail_at: TailAt) -> None:
    path = write_log(tmp_path, 4, [numbered(1), numbered(2)])
    path.write_bytes(path.read_bytes()[:-1])
    tail = tail_at()
    assert drain(tail) == [1]
    write_log(tmp_path, 5, [numbered(2)])
    with pytest.raises(WALError, match=r"000004.log: an incomplete record"):
        drain(tail)
    tail.close()


def test_batches_that_cannot_be_applied_are_errors(tmp_path: Path, tail_at: TailAt) -> None:
    bad = {
        "Merge": numbered(2)[:12] + b"\x02\x01a\x01b",
        "announces": numbered(2)[:-1] + b"\x00\x0d\x00\x01k",
        "column family 7": batch(2, (7, key_of(1, b"k"), b"")),
        "shorter than its header": b"short",
    }
    for text, record in bad.items():
        write_log(tmp_path, 4, [numbered(1), record])
        for read in ("read_rows", "read_batches"):
            tail = tail_at()
            with pytest.raises(WALError, match=f"000004.log: .*{text}"):
                getattr(tail, read)(EVERY, 1 << 20)
            with pytest.raises(WALError, match="an earlier read of the log failed"):
                getattr(tail, read)(EVERY, 1 << 20)  # it must not go on behind the bad batch
            tail.close()


def test_only_rows_of_the_slots_are_delivered(tmp_path: Path, tail_at: TailAt) -> None:
    builder = BatchBuilder()
    wanted = []
    for cf in range(7):
        for slot in (4, 5, 6, 7, 8, 16383):
            builder.put(cf, key_of(slot, b"k"), b"v")
            builder.delete(cf, key_of(slot, b""))
            if cf in (0, 1, 2, 5) and slot in (5, 6, 16383):
                wanted += [(OP_PUT, cf, key_of(slot, b"k"), b"v"), (OP_DELETE, cf, key_of(slot, b""), b"")]
    for key in (b"", b"\x05other\x00\x05key1234567", key_of(5, b"")[:13], key_of(5, b"")[:12], key_of(0x4005, b"k")):
        builder.put(1, key, b"v")
    builder.log_data(b"for replicas")
    write_log(tmp_path, 4, [bytes([1]) + builder.take()[1:]])
    tail = tail_at()
    slots = SlotFilter([(5, 6), (16383, 16383)])
    assert tail.read_rows(slots, 1 << 20) == wanted
    tail.close()
    tail = tail_at()
    (data,) = tail.read_batches(slots, 1 << 20)
    assert decode_batch(data) == wanted
    assert batch_header(data) == (0, len(wanted))
    tail.close()


def test_range_deletes_are_clipped(tmp_path: Path, tail_at: TailAt) -> None:
    builder = BatchBuilder()
    builder.delete_range(1, b"", b"\xff")
    builder.delete_range(0, key_of(6, b"m"), key_of(9, b"c"))
    builder.delete_range(2, key_of(7, b""), key_of(9, b""))  # between the ranges
    builder.delete_range(4, b"", b"\xff")  # propagate
    builder.delete_range(5, key_of(6, b"z"), key_of(6, b"a"))  # deletes nothing
    write_log(tmp_path, 4, [bytes([1]) + builder.take()[1:]])
    expected = [
        (OP_DELETE_RANGE, 1, key_of(5, b""), key_of(7, b"")),
        (OP_DELETE_RANGE, 1, key_of(9, b""), key_of(10, b"")),
        (OP_DELETE_RANGE, 0, key_of(6, b"m"), key_of(7, b"")),
        (OP_DELETE_RANGE, 0, key_of(9, b""), key_of(9, b"c")),
    ]
    slots = SlotFilter([(5, 6), (9, 9)])
    tail = tail_at()
    assert tail.read_rows(slots, 1 << 20) == expected
    tail.close()
    tail = tail_at()
    (data,) = tail.read_batches(slots, 1 << 20)
    assert decode_batch(data) == expected
    tail.close()


def test_batches_of_the_source_are_kept_whole(tmp_path: Path, tail_at: TailAt) -> None:
    sizes = [random.Random(n).randint(1, 9) for n in range(200)]
    records, ends = [], []
    sequence = 1
    for count in sizes:
        records.append(numbered(sequence, count, size=200))
        sequence += count
        ends.append(sequence - 1)
    write_log(tmp_path, 4, records)
    tail = tail_at()
    seen: list[int] = []
    while not tail.at_end:
        for data in tail.read_batches(EVERY, 3000):
            assert len(data) < 3000 + 9 * 250
            seen += numbers(decode_batch(data))
            assert seen[-1] == tail.position
            assert seen[-1] in ends
    assert seen == list(range(1, sequence))
    tail.close()


def test_a_huge_batch_is_cut(tmp_path: Path, tail_at: TailAt) -> None:
    write_log(tmp_path, 4, [numbered(1, 2), numbered(3, 100, size=1000), numbered(103)])
    tail = tail_at()
    batches = tail.read_batches(EVERY, 5000, batch_bytes_max=20_000)
    assert len(batches) == 5
    assert max(map(len, batches)) < 24_000
    assert [n for data in batches for n in numbers(decode_batch(data))] == list(range(1, 103))
    assert (tail.position, tail.at_end) == (102, False)
    assert len(tail.read_batches(EVERY, 5000, batch_bytes_max=20_000)) == 1
    tail.close()


def test_one_call_reads_a_bounded_part_of_the_log(tmp_path: Path, tail_at: TailAt) -> None:
    write_log(tmp_path, 4, [numbered(n, size=1 << 20) for n in range(1, 21)])
    tail = tail_at()
    positions = []
    while not tail.at_end:
        assert tail.read_batches(SlotFilter([(8, 8)]), 1 << 20) == []
        positions.append(tail.position)
    assert positions == [8, 16, 20]
    tail.close()


def test_pinned_files_outlive_their_deletion(tmp_path: Path, tail_at: TailAt) -> None:
    paths = [write_log(tmp_path, 4 + n, [numbered(2 * n + 1, 2)]) for n in range(3)]
    tail = tail_at(2)
    assert sorted(os.listdir(tmp_path / "pins")) == ["000005.log", "000006.log"]  # the first is not needed
    for path in paths:
        path.unlink()
    write_log(tmp_path, 9, [numbered(7)])
    tail.pin()
    (tmp_path / "000009.log").unlink()
    assert drain(tail) == [3, 4, 5, 6, 7]
    assert os.listdir(tmp_path / "pins") == ["000009.log"]
    tail.close()
    tail.close()
    with pytest.raises(ValueError, match="closed"):
        tail.read_rows(EVERY, 1)
    with pytest.raises(ValueError, match="closed"):
        tail.pin()


def test_a_file_that_moves_while_it_is_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_log(tmp_path, 4, [numbered(1)])
    (tmp_path / "archive").mkdir()
    (tmp_path / "pins").mkdir()
    (tmp_path / "pins" / "000001.log").write_bytes(b"left by a killed reader")
    link = os.link

    def move_then_link(source: str, target: str) -> None:
        if path.exists():
            path.rename(tmp_path / "archive" / path.name)
        link(source, target)

    monkeypatch.setattr(os, "link", move_then_link)
    files = WALFiles(str(tmp_path), str(tmp_path / "pins"))
    files.refresh()
    assert files.numbers == [4]
    assert Path(files.path(4)).read_bytes() == log_bytes([numbered(1)])
    files.close()


def test_a_file_that_disappears_while_it_is_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_log(tmp_path, 4, [numbered(1)])
    link = os.link

    def delete_then_link(source: str, target: str) -> None:
        path.unlink(missing_ok=True)
        link(source, target)

    monkeypatch.setattr(os, "link", delete_then_link)
    files = WALFiles(str(tmp_path), str(tmp_path / "pins"))
    files.refresh()
    assert files.numbers == []
    files.close()


def test_pins_on_another_file_system_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_log(tmp_path, 4, [numbered(1)])

    def no_link(source: str, target: str) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_link)
    with pytest.raises(WALError, match=r"cannot pin log file 000004.log in .*cross-device"):
        WALTail(str(tmp_path), str(tmp_path / "pins"), 0)


def test_fragments_and_file_records_in_a_tail(tmp_path: Path, tail_at: TailAt) -> None:
    path = tmp_path / "000004.log"
    head = physical(130, bytes(24))
    path.write_bytes(head + log_bytes([numbered(1, 3, size=40_000), numbered(4)], start=len(head)))
    tail = tail_at()
    assert drain(tail) == [1, 2, 3, 4]
    tail.close()
