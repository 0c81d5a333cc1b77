"""CLUSTERX VERIFY: whether two nodes hold the same rows of some slots, by reading all of them.

Each node digests (engine/digest.pxi) what it has, in a process of its own, from a view that is fixed when the process
begins; the key of the digest is random. So a write between the two moments makes them differ.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING

from slotrocks.engine import DIGEST_KEY_BYTES
from slotrocks.server.cluster.ranges import SlotSet
from slotrocks.server.cluster.topology import Node as Peer
from slotrocks.server.errors import CommandError
from slotrocks.server.migration.link import Link, LinkError, Refused

if TYPE_CHECKING:
    from slotrocks.server.node import Node

DIGESTS_MAX = 2

Digest = tuple[int, str]
"""(rows, sum in hexadecimal)."""


class Verifier:
    """The digests that a node makes of its slots: a few at a time."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._running = 0

    async def digest(self, slots: SlotSet, key: bytes) -> Digest:
        """That of all rows of the slots as of now. Raises CommandError."""
        if self._running >= DIGESTS_MAX:
            raise CommandError(f"TRYAGAIN this node makes {DIGESTS_MAX} digests already")
        self._running += 1
        self._node.tick.end()
        parent = self._node.directory / "migration"
        parent.mkdir(exist_ok=True)
        directory = tempfile.mkdtemp(prefix="verify-", dir=parent)
        try:
            return await self._run(directory, slots, key)
        finally:
            self._running -= 1
            shutil.rmtree(directory, ignore_errors=True)

    async def _run(self, directory: str, slots: SlotSet, key: bytes) -> Digest:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "slotrocks.server.migration.digest_process",
            str(self._node.directory / "db"), directory, key.hex(), slots.text(),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        fields = json.loads(output or b'{"error": "the process that digests has died"}')
        if "error" in fields:
            raise CommandError(f"ERR {fields['error']}")
        return fields["rows"], fields["total"]

    async def verify(self, slots: SlotSet, peer: Peer) -> dict[str, object]:
        """Compares the slots with those of another node: the reply of CLUSTERX VERIFY. Raises CommandError."""
        key = os.urandom(DIGEST_KEY_BYTES)
        ours, theirs = await asyncio.gather(self.digest(slots, key), self._ask(peer, slots, key))
        return {
            "equal": ours == theirs,
            "rows": ours[0],
            "digest": ours[1],
            "other-rows": theirs[0],
            "other-digest": theirs[1],
        }

    async def _ask(self, peer: Peer, slots: SlotSet, key: bytes) -> Digest:
        config = self._node.config
        timeout_s = config.migrate_response_timeout_ms / 1000
        try:
            link = await Link.open(peer.host, peer.port, timeout_s, config.masterauth or config.requirepass)
            try:
                link.timeout_s = None  # it reads as long as it takes; a client that does not want to wait hangs up
                reply = await link.call("CLUSTERX", "DIGEST", slots.text(), key.hex())
            finally:
                link.close()
        except (LinkError, Refused) as error:
            raise CommandError(f"ERR {peer.address}: {error}") from None
        match reply:
            case [int(rows), bytes(total)]:
                return rows, total.decode("latin-1")
        raise CommandError(f"ERR {peer.address} answered {reply!r:.100}")
