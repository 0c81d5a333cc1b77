"""The parts of the demo without nodes: above all, that the proof can fail."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hiredis
import pytest
from rich.console import Console

from slotrocks.engine import slot_of
from slotrocks.server.demo.client import REDIRECTIONS_MAX, ClusterClient, decode_moved
from slotrocks.server.demo.link import Address, Link, LinkError, ReplyError
from slotrocks.server.demo.live import Journal
from slotrocks.server.demo.measure import Measurements, Phase
from slotrocks.server.demo.migration import Progress, decode_progress
from slotrocks.server.demo.nodes import DemoError
from slotrocks.server.demo.proof import Expected, Proof, prove
from slotrocks.server.demo.report import report_proof
from slotrocks.server.demo.screen import Screen, time_left
from slotrocks.server.demo.source import Generated, Lines, Source, StandardLibrary, choose
from slotrocks.server.errors import ConfigError

# -- a node that holds what a test says


class FakeNode:
    """Speaks enough of the protocol for the demo's client side: `answer` makes the reply, in RESP."""

    def __init__(self, answer: Callable[[list[bytes]], bytes]) -> None:
        self.address = Address("127.0.0.1", 0)
        self.seen: list[list[bytes]] = []
        self._answer = answer

    async def __aenter__(self) -> FakeNode:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = Address("127.0.0.1", self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = hiredis.Reader()
        while data := await reader.read(65536):
            parser.feed(data)
            while (request := parser.gets()) is not False:
                self.seen.append(request)
                writer.write(self._answer(request))
        writer.close()


def bulk(value: bytes | None) -> bytes:
    return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)


def array(values: list[bytes]) -> bytes:
    """An array of encoded replies."""
    return b"*%d\r\n%s" % (len(values), b"".join(values))


def holding(data: dict[bytes, bytes], page: int = 2) -> FakeNode:
    """A node with these keys, whose SCAN gives `page` of them at a time."""

    def answer(request: list[bytes]) -> bytes:
        if request[0] == b"SCAN":
            start = int(request[1])
            keys = sorted(data)
            cursor = start + page if start + page < len(keys) else 0
            return array([bulk(b"%d" % cursor), array([bulk(key) for key in keys[start : start + page]])])
        assert request[0] == b"GET"
        return bulk(data.get(request[1]))

    return FakeNode(answer)


# -- the proof

KEYS = [b"key:%d" % number for number in range(20)]
ORIGINAL: dict[bytes, bytes] = {key: b"value of " + key for key in KEYS}


def owner_of(slot: int) -> str:
    return "A" if slot < 8192 else "B"


def split() -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """What A and B have to have."""
    parts: dict[str, dict[bytes, bytes]] = {"A": {}, "B": {}}
    for key, value in ORIGINAL.items():
        parts[owner_of(slot_of(key))][key] = value
    assert parts["A"] and parts["B"]
    return parts["A"], parts["B"]


def proof_of(a: dict[bytes, bytes], b: dict[bytes, bytes], expected: list[Expected] | None = None) -> Proof:
    async def main() -> Proof:
        async with holding(a) as node_a, holding(b) as node_b:
            links = {"A": await Link.open(node_a.address), "B": await Link.open(node_b.address)}
            each: list[Expected] = [(key, [value]) for key, value in ORIGINAL.items()]
            proof = await prove(links, owner_of, expected or each, [], lambda checked: None)
            for link in links.values():
                link.close()
            return proof

    return asyncio.run(main())


def test_the_proof_holds() -> None:
    a, b = split()
    proof = proof_of(a, b)
    assert proof.holds
    assert (proof.checked, proof.keys["A"], proof.keys["B"]) == (20, len(a), len(b))
    assert (proof.faults.total(), proof.examples) == (0, [])


def test_a_lost_key() -> None:
    a, b = split()
    key, _ = b.popitem()
    proof = proof_of(a, b)
    assert not proof.holds
    assert dict(proof.faults) == {"lost": 1}
    assert proof.examples == [f"{key.decode()} is gone"]


def test_a_changed_value() -> None:
    a, b = split()
    b[min(b)] += b"!"
    proof = proof_of(a, b)
    assert not proof.holds
    assert dict(proof.faults) == {"changed": 1}


def test_a_key_that_is_on_both_nodes() -> None:
    a, b = split()
    key = min(b)
    a[key] = b[key]
    proof = proof_of(a, b)
    assert not proof.holds
    assert dict(proof.faults) == {"misplaced": 1}


def test_a_key_that_is_on_the_wrong_node_only() -> None:
    a, b = split()
    key = min(b)
    a[key] = b.pop(key)
    proof = proof_of(a, b)
    assert not proof.holds
    assert dict(proof.faults) == {"misplaced": 1, "lost": 1}


def test_a_key_that_nobody_wrote() -> None:
    a, b = split()
    stranger = next(key for number in range(100) if owner_of(slot_of(key := b"x:%d" % number)) == "B")
    b[stranger] = b""
    proof = proof_of(a, b)
    assert not proof.holds
    assert dict(proof.faults) == {"extra": 1}


def test_an_older_value_than_the_last_acknowledged_one() -> None:
    a, b = split()
    journal = Journal()
    for value in (b"old", b"new"):
        journal.on_sent(b"key:0", value)
        journal.on_acknowledged(b"key:0", value)
    expected = [(key, [value]) for key, value in ORIGINAL.items()]
    (a if b"key:0" in a else b)[b"key:0"] = b"old"
    proof = proof_of(a, b, [*expected[1:], (b"key:0", journal.possible(b"key:0"))])
    assert dict(proof.faults) == {"changed": 1}


def test_an_owner_that_sends_away() -> None:
    proof = Proof(owner_of)
    proof.read((b"key", [b"value"]), ReplyError("MOVED 1 127.0.0.1:1"))
    assert (proof.holds, dict(proof.faults)) == (False, {"lost": 1})


def test_wrong_reads_of_clients_count() -> None:
    proof = Proof(owner_of)
    proof.found("A" if slot_of(b"key") < 8192 else "B", [b"key"])
    proof.read((b"key", [b"value"]), b"value")
    proof.wrong_reads(["key: a client read nothing"])
    proof.finish()
    assert (proof.holds, dict(proof.faults)) == (False, {"wrong reads": 1})


def test_nothing_checked_is_no_proof() -> None:
    proof = Proof(owner_of)
    proof.finish()
    assert not proof.holds


def test_a_node_that_does_not_tell_its_keys() -> None:
    async def main() -> None:
        async with FakeNode(lambda request: b"-ERR no\r\n") as node:
            await prove({"A": await Link.open(node.address)}, owner_of, [], [], lambda checked: None)

    with pytest.raises(LinkError, match="does not tell its keys"):
        asyncio.run(main())


def test_the_verdict_is_printed() -> None:
    screen = Screen(Console(file=io.StringIO(), width=80))
    proof = Proof(owner_of)
    proof.read((b"[bold]key\xff", [b"value"]), None)
    report_proof(screen, proof, Progress("fail", error="the target died"))
    text = screen.console.file.getvalue()  # type: ignore[attr-defined]
    assert "The migration failed: the target died. All slots are still A's.\n" in text
    assert "The proof FAILED: 1 lost.\n" in text
    assert "[bold]key\\xff is gone\n" in text


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
            broken = FakeNode(lambda request: b"garbage\r\n")
            node._answer = broken._answer
            with pytest.raises(LinkError):
                await client.call(b"k", ("GET", b"k"))
            node._answer = lambda request: b"+OK\r\n"
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
