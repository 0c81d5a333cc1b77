"""What must hold when nothing moves: the checks outside the servers, all together.

Asked of the nodes: who serves each slot. Of their databases and folders: that nothing is left over. Of the clients'
models: that everything which was acknowledged is there.
"""

from __future__ import annotations

import random
import re
from collections import Counter as Tally
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from slotrocks.engine import SLOTS, StoreError, slot_of
from slotrocks.server.demo.client import decode_moved
from slotrocks.server.demo.link import ReplyError, Request
from slotrocks.server.torture.client import Client, NotDone, Unknown, WrongError
from slotrocks.server.torture.controller import Controller
from slotrocks.server.torture.nodes import Node
from slotrocks.server.torture.objects import CELLS, Board, Collection, decode_all
from slotrocks.server.torture.rows import inspect_rows
from slotrocks.server.torture.violation import Violation
from slotrocks.server.torture.writers import read_counter, read_element, read_expiring, read_pair

REQUESTS_AT_ONCE = 2000
SHOWN_MAX = 5
OLD_LISTS_CHECKED = 10
FILES = {"db", "nodes.conf"}  # of a node that does nothing
BAD_LOG = re.compile(r"Traceback|internal error|CRITICAL|AssertionError")


@cache
def tags() -> list[str]:
    """A hash tag for each slot."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < SLOTS:
        found.setdefault(slot_of(b"%d" % number), str(number))
        number += 1
    return [found[slot] for slot in range(SLOTS)]


class Inspection:
    """The checks of one run."""

    def __init__(
        self, nodes: list[Node], controller: Controller, by_port: Mapping[int, int], board: Board, client: Client,
        ballast: Mapping[str, bytes], rng: random.Random,
    ) -> None:  # fmt: skip
        self.count = 0
        self._nodes = nodes
        self._controller = controller
        self._by_port = by_port
        self._board = board
        self._client = client
        self._ballast = ballast
        self._rng = rng
        self._log_seen = [0] * len(nodes)  # bytes

    async def run(self, *, last: bool = False) -> None:
        """Checks everything; `last`: also what has not changed for long."""
        self.count += 1
        self._client.close()  # its connections may be to processes that are dead by now
        await self.owners()
        for node in self._nodes:
            self.leftovers(node)
            self.log(node)
        await self.objects(last=last)
        await self.constants()

    async def owners(self) -> None:
        """Each slot is served by its owner, and the others say so: reads of all slots, and for each unit a write."""
        expected = [0] * SLOTS
        writes: list[Request] = []
        for unit, owner in enumerate(self._controller.owner):
            first, last = self._controller.range_of(unit)
            expected[first : last + 1] = [owner] * (last + 1 - first)
            writes.append(("DEL", f"{{{tags()[(first + last) // 2]}}}:nothing"))
        requests = [*(("GET", f"{{{tag}}}:nothing") for tag in tags()), *writes]
        slots = [*range(SLOTS), *(slot_of(str(request[1]).encode()) for request in writes)]
        wrong: Tally[str] = Tally()
        for node in self._nodes:
            link = await node.connect()
            for at in range(0, len(requests), REQUESTS_AT_ONCE):
                replies = await link.call_all(requests[at : at + REQUESTS_AT_ONCE])
                for slot, request, reply in zip(slots[at:], requests[at:], replies, strict=False):
                    says = self._says(node, reply)
                    if says != self._nodes[expected[slot]].name:
                        owner = self._nodes[expected[slot]].name
                        wrong[f"{request[0]!s} at {node.name}: {says}, instead of {owner}"] += 1
            link.close()
        for text, count in wrong.items():
            self._board.report(Violation(f"{count} slots have a wrong owner: {text}", "the slots"))

    def _says(self, node: Node, reply: object) -> str:
        """The name of the node that serves, says a reply from `node`."""
        if not isinstance(reply, ReplyError):
            return node.name
        moved = decode_moved(reply)
        return str(reply) if moved is None else self._nodes[self._by_port[moved[1].port]].name

    def leftovers(self, node: Node) -> None:
        """Nothing of a migration is left in the folder, the database or the process table."""
        wrong = [f"file {path.name}" for path in node.directory.iterdir()
                 if path.name not in FILES and not _is_empty_folder(path)]  # fmt: skip
        wrong += [f"process {process.pid}" for process in node.senders()]
        owned = {
            slot
            for unit in self._controller.units_of(node)
            for slot in range(self._controller.range_of(unit)[0], self._controller.range_of(unit)[1] + 1)
        }
        try:
            wrong += inspect_rows(node.directory / "db", owned)
        except StoreError as error:
            wrong.append(str(error))
        for text in wrong[:SHOWN_MAX]:
            self._board.report(Violation(f"left over or damaged: {text}", f"node {node.name}"))

    def log(self, node: Node) -> None:
        """No node has noted a mistake of its own."""
        with node.log_path.open("rb") as file:
            file.seek(self._log_seen[node.index])
            data = file.read()
        self._log_seen[node.index] += len(data)
        lines = data.decode(errors="replace").splitlines()
        bad = [number for number, line in enumerate(lines) if BAD_LOG.search(line)]
        if bad:
            text = tuple(lines[max(0, bad[0] - 3) : bad[0] + 30])
            self._board.report(Violation(f"the log has {lines[bad[0]]!r}", f"node {node.name}", text))

    # -- what was acknowledged

    async def objects(self, *, last: bool) -> None:
        """Every object is as its model says."""
        try:
            for collection in self._board.collections:
                await self._collection(collection)
            for pair in self._board.pairs:
                await read_pair(self._board, self._client, pair)
            for counter in self._board.counters.values():
                await read_counter(self._board, self._client, counter)
            for expiring in self._board.expiring:
                await read_expiring(self._board, self._client, expiring)
            lists = list(self._board.sequences.values())
            recent = len(lists) if last else OLD_LISTS_CHECKED
            old = lists[:-recent]
            for sequence in (*lists[-recent:], *self._rng.sample(old, min(len(old), OLD_LISTS_CHECKED))):
                self._board.report(*sequence.check(await self._numbers(sequence.name)))
            for stream in self._board.streams:
                self._board.report(*stream.check(await self._entries(stream.name)))
            for queue in self._board.queues.values():
                self._board.report(*queue.check(await self._numbers(queue.name)))
        except (NotDone, Unknown, WrongError) as error:
            text = f"a read failed though nothing moves: {type(error).__name__}: {error}"
            self._board.report(Violation(text, "the objects"))

    async def _numbers(self, key: str) -> list[int]:
        return [int(each) for each in await self._client.call(key, ("LRANGE", key, 0, -1))]

    async def _entries(self, key: str) -> list[int]:
        entries = await self._client.call(key, ("XRANGE", key, "-", "+"))
        return [int(number) for _, (_, number) in entries]

    async def _collection(self, collection: Collection) -> None:
        """Its elements one by one if it is a string, else all at once, and no others."""
        read_all = CELLS[collection.kind].read_all
        if read_all is None:
            for name in collection.elements:
                await read_element(self._board, self._client, collection, name)
            return
        reply = decode_all(collection.kind, await self._client.call(collection.key, read_all(collection.key)))
        for name in reply.keys() - collection.elements.keys():
            self._board.report(Violation(f"foreign element {name}", f"{collection.kind} {collection.key}"))
        for name, register in collection.elements.items():
            self._board.report(register.end_read(register.begin_read(), reply.get(name)))

    async def constants(self) -> None:
        """The ballast is what it was."""
        names = list(self._ballast)
        for name in self._rng.sample(names, min(len(names), REQUESTS_AT_ONCE)):
            try:
                value = await self._client.call(name, ("GET", name))
            except (NotDone, Unknown, WrongError) as error:
                value = str(error).encode()
            if value != self._ballast[name]:
                self._board.report(Violation(f"is {value!r:.60} instead of {self._ballast[name]!r:.60}", name))


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
