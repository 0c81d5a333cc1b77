"""A small cluster client: sends each request to the node that owns the key's slot, and learns from MOVED, as all do."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import SLOTS, slot_of
from slotrocks.server.demo.link import Address, Link, LinkError, ReplyError, Request

REDIRECTIONS_MAX = 5


def decode_moved(error: ReplyError) -> tuple[int, Address] | None:
    """(slot, new owner) of ``MOVED <slot> <host>:<port>``; None for any other error."""
    words = str(error).split(" ")
    if len(words) != 3 or words[0] != "MOVED":
        return None
    host, _, port = words[2].rpartition(":")
    return int(words[1]), Address(host, int(port))


class ClusterClient:
    """One client; for one task at a time."""

    def __init__(self, seed: Address) -> None:
        """`seed`: the node that is believed to own every slot until it says otherwise."""
        self._owners = [seed] * SLOTS
        self._links: dict[Address, Link] = {}
        self.redirections = 0  # MOVED replies so far

    async def call(self, key: bytes, request: Request) -> Any:
        """The reply to a request about `key`, from whoever owns it. Raises LinkError."""
        slot = slot_of(key)
        reply: Any = None
        for _ in range(REDIRECTIONS_MAX):
            address = self._owners[slot]
            try:
                reply = await (await self._link(address)).call(*request)
                moved = decode_moved(reply) if isinstance(reply, ReplyError) else None
                if moved is None:
                    return reply
                self.redirections += 1
                await self._refresh(address)
                self._owners[moved[0]] = moved[1]
            except LinkError:
                if address in self._links:
                    self._links.pop(address).close()
                raise
        return reply

    async def _link(self, address: Address) -> Link:
        if address not in self._links:
            self._links[address] = await Link.open(address)
        return self._links[address]

    async def _refresh(self, address: Address) -> None:
        """Asks the node that knows better for all slots: one MOVED is enough for a thousand of them."""
        rows = await (await self._link(address)).call("CLUSTER", "SLOTS")
        if not isinstance(rows, ReplyError):
            for first, last, (host, port, *_), *_ in rows:
                self._owners[first : last + 1] = [Address(host.decode(), port)] * (last + 1 - first)

    def close(self) -> None:
        """Ends the connections."""
        for link in self._links.values():
            link.close()
