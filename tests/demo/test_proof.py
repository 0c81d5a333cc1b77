"""The proof at the end of the demo: above all, that it can fail."""

from __future__ import annotations

import asyncio
import io

import pytest
from fake_node import FakeNode, holding
from rich.console import Console

from slotrocks.engine import slot_of
from slotrocks.server.demo.link import Link, LinkError, ReplyError
from slotrocks.server.demo.live import Journal
from slotrocks.server.demo.migration import Progress
from slotrocks.server.demo.proof import Expected, Proof, prove
from slotrocks.server.demo.report import report_proof
from slotrocks.server.demo.screen import Screen

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
            link = await Link.open(node.address)
            try:
                await prove({"A": link}, owner_of, [], [], lambda checked: None)
            finally:
                link.close()

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
