"""The parts of the demo, without nodes; see test_proof.py for the proof."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from fake_node import FakeNode, array, bulk
from rich.console import Console

from slotrocks.engine import slot_of
from slotrocks.server.demo.client import REDIRECTIONS_MAX, ClusterClient, decode_moved
from slotrocks.server.demo.link import Address, LinkError, ReplyError
from slotrocks.server.demo.live import Journal
from slotrocks.server.demo.measure import Measurements, Phase
from slotrocks.server.demo.migration import Progress, decode_progress
from slotrocks.server.demo.nodes import DemoError
from slotrocks.server.demo.screen import Screen, time_left
from slotrocks.server.demo.source import Generated, Lines, Source, StandardLibrary, choose
from slotrocks.server.errors import ConfigError

KEYS = [b"key:%d" % number for number in range(20)]

# -- the journal


def test_a_write_without_an_answer_is_in_doubt_until_the_next_acknowledged_one() -> None:
    journal = Journal()
    assert journal.possible(b"k") == [None]
    journal.on_sent(b"k", b"1")
    assert journal.possible(b"k") == [None, b"1"]
    journal.on_sent(b"k", b"2")
    assert journal.possible(b"k") == [None, b"1", b"2"]
    journal.on_acknowledged(b"k", b"2")
    assert journal.possible(b"k") == [b"2"]
    assert journal.keys == [b"k"]


def test_a_refused_write_must_not_be_there() -> None:
    journal = Journal()
    journal.on_sent(b"k", b"1")
    journal.on_acknowledged(b"k", b"1")
    journal.on_sent(b"k", b"2")
    journal.on_refused(b"k", b"2")
    assert journal.possible(b"k") == [b"1"]


# -- the client


def test_moved() -> None:
    assert decode_moved(ReplyError("MOVED 5 127.0.0.1:6666")) == (5, Address("127.0.0.1", 6666))
    assert decode_moved(ReplyError("MOVED 5 ::1:6666")) == (5, Address("::1", 6666))
    assert decode_moved(ReplyError("TRYAGAIN later")) is None


def test_one_moved_teaches_a_client_all_slots() -> None:
    async def main() -> None:
        async with FakeNode(lambda request: bulk(b"here")) as target:

            def answer(request: list[bytes]) -> bytes:
                if request[0] == b"CLUSTER":
                    node = array([bulk(target.address.host.encode()), b":%d\r\n" % target.address.port, bulk(b"id")])
                    return array([array([b":0\r\n", b":16383\r\n", node])])
                return b"-MOVED %d %s:%d\r\n" % (slot_of(request[1]), b"127.0.0.1", target.address.port)

            async with FakeNode(answer) as source:
                client = ClusterClient(source.address)
                assert [await client.call(key, ("GET", key)) for key in KEYS] == [b"here"] * len(KEYS)
                assert (client.redirections, len(source.seen), len(target.seen)) == (1, 2, len(KEYS))
                client.close()

    asyncio.run(main())


def test_a_client_does_not_go_in_circles_for_ever() -> None:
    async def main() -> Any:
        async with FakeNode(lambda request: b"-MOVED 1 127.0.0.1:%d\r\n" % node.address.port) as node:
            client = ClusterClient(node.address)
            reply = await client.call(b"k", ("GET", b"k"))
            assert client.redirections == REDIRECTIONS_MAX
            client.close()
            return reply

    assert isinstance(asyncio.run(main()), ReplyError)


def test_a_client_connects_again() -> None:
    async def main() -> None:
        async with FakeNode(lambda request: b"+OK\r\n") as node:
            client = ClusterClient(node.address)
            assert await client.call(b"k", ("GET", b"k")) == b"OK"
            node.answer = lambda request: b"garbage\r\n"
            with pytest.raises(LinkError):
                await client.call(b"k", ("GET", b"k"))
            node.answer = lambda request: b"+OK\r\n"
            assert await client.call(b"k", ("GET", b"k")) == b"OK"
            client.close()

    asyncio.run(main())


# -- measurements


def test_phases_percentiles_and_errors() -> None:
    of = Measurements(1.0)
    for latency in range(1, 101):
        of.add(Phase.BEFORE, latency / 1000)
    assert [round(of.percentile_s(Phase.BEFORE, percent) * 1000) for percent in (0, 50, 99, 100)] == [1, 51, 100, 100]
    assert of.longest_s(Phase.BEFORE) == 0.1
    of.phase = Phase.DURING
    of.add(Phase.BEFORE, 0.2)  # overlaps the migration: belongs to it
    of.add_error("TRYAGAIN")
    of.phase = Phase.AFTER
    of.add(Phase.DURING, 0.3)
    assert (of.requests[Phase.BEFORE], of.requests[Phase.DURING], of.requests[Phase.AFTER]) == (100, 2, 0)
    assert (of.longest_s(Phase.DURING), of.error_count(Phase.DURING)) == (0.3, 1)
    assert (of.percentile_s(Phase.AFTER, 99), of.longest_s(Phase.AFTER), of.error_count(Phase.AFTER)) == (0, 0, 0)


def test_a_pause_counts_for_every_request_that_it_held_back() -> None:
    of = Measurements(0.01)
    for _ in range(90):
        of.add(Phase.BEFORE, 0.001)
    of.add(Phase.BEFORE, 0.1)  # ten requests' time
    assert of.requests[Phase.BEFORE] == 91
    assert of.percentile_s(Phase.BEFORE, 95) > 0.04


# -- progress


def test_progress_is_read_from_cluster_info() -> None:
    info = (
        "cluster_state:ok\r\nmigrating_slot(s): 8192-16383\r\ndestination_node: b\r\nmigrating_state: start\r\n"
        "migrating_stage:snapshot\r\nmigrating_elapsed_ms:2000\r\nmigrating_keys:100\r\nmigrating_bytes:5000\r\n"
        "migrating_rate_bytes_per_sec:2500\r\nmigrating_rounds:1\r\nmigrating_lag_bytes:0\r\nmigrating_pause_ms:7\r\n"
    )
    progress = decode_progress(info)
    assert progress == Progress("start", "snapshot", 2.0, 100, 5000, 1, 7)
    assert (progress.keys_per_s, progress.bytes_per_s) == (50, 2500)
    assert (progress.left_s(200), progress.left_s(50), Progress("start").left_s(10)) == (2, 0, None)
    assert decode_progress(info + "migrating_error:the target died\r\n").error == "the target died"
    with pytest.raises(DemoError):
        decode_progress("cluster_state:ok\r\n")


def test_a_bar_without_a_terminal_is_lines() -> None:
    file = io.StringIO()
    screen = Screen(Console(file=file, width=40))
    with screen.bar("Migration", 100) as bar:
        bar.update(1, "", "snapshot")
        bar.update(50, "not shown: the same stage, and too soon", "snapshot")
        bar.update(120, "a note that is longer than the screen is wide", "moved", last=True)
    assert file.getvalue() == (
        "  Migration: snapshot 1 %\n  Migration: moved 100 % a note that is longer than the screen is wide\n"
    )


def test_a_bar_on_a_terminal() -> None:
    file = io.StringIO()
    with Screen(Console(file=file, width=80, force_terminal=True)).bar("Migration", 100) as bar:
        bar.update(40, "10 keys/s [x]", "snapshot")
    assert "40%" in file.getvalue()
    assert "10 keys/s [x]" in file.getvalue()


def test_time_left() -> None:
    assert [time_left(seconds) for seconds in (None, 3.4, 600)] == ["", "3 s left", "10 min left"]


# -- sources


def all_of(source: Source) -> dict[bytes, bytes]:
    items = [source.item(index) for index in range(len(source))]
    assert len(dict(items)) == len(items)
    return dict(items)


def test_the_standard_library() -> None:
    source = StandardLibrary()
    assert len(source) > 100
    keys = {source.item(index)[0] for index in range(len(source))}
    assert b"asyncio/base_events.py" in keys
    assert not any(b"site-packages" in key for key in keys)
    index = next(index for index in range(len(source)) if source.item(index)[0] == b"asyncio/__init__.py")
    assert source.item(index)[1] == Path(asyncio.__file__).read_bytes()


def test_python_without_sources(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_bytes(b"x")
    assert all_of(StandardLibrary(tmp_path)) == {b"x.py": b"x"}
    (tmp_path / "x.py").unlink()
    with pytest.raises(ConfigError, match="--keys"):
        StandardLibrary(tmp_path)


def test_generated_data() -> None:
    data = all_of(Generated(1000))
    assert len(data) == len(set(data.values())) == 1000
    assert {len(value) for value in data.values()} == {100}
    assert data == all_of(Generated(1000))


def test_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\ntwo\r\n\nthe last \xff")
    expected = {b"line:1": b"one", b"line:2": b"two", b"line:3": b"", b"line:4": b"the last \xff"}
    assert all_of(Lines(str(path))) == expected
    assert Lines(str(path)).item(2) == (b"line:3", b"")


@pytest.mark.parametrize(("name", "why"), [("absent", "not a file"), (".", "not a file"), ("empty", "is empty")])
def test_files_that_cannot_be_input(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(ConfigError, match=why):
        Lines(str(tmp_path / name))


def test_the_choice(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"line")
    assert isinstance(choose(None, None), StandardLibrary)
    assert len(choose(7, None)) == 7
    assert len(choose(None, str(tmp_path / "f"))) == 1
