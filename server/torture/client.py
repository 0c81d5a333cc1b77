"""A cluster client that knows what it does not know.

A request has one of three ends: a reply; `NotDone`, when every attempt was refused or never sent; or `Unknown`, when it
was sent and no reply came. It is sent again only after a refusal that says that nothing was done: MOVED, TRYAGAIN,
CLUSTERDOWN, MISCONF.

Nodes call each other by the addresses of proxies, and so their MOVED says; this client, on the other side of them,
translates each to the node's own (as clients behind a NAT do).

Now and then a client hangs up before the reply of its request: for the node that is the same as a lost reply.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

from slotrocks.engine import SLOTS, slot_of
from slotrocks.server.demo.client import decode_moved
from slotrocks.server.demo.link import Address, Link, LinkError, ReplyError, Request

PATIENCE_S = 12.0
RETRY_S = 0.03
HANG_UP_S_MAX = 0.004
HARMLESS = ("TRYAGAIN", "CLUSTERDOWN", "MISCONF", "EXECABORT", "LOADING")


class NotDone(Exception):
    """Nothing was done; the last refusal."""


class Unknown(Exception):
    """The request was sent, and may have been, or may still be, executed."""


class Silent(Unknown):
    """A node kept its connection and did not answer for very long."""


class WrongError(Exception):
    """An error that no request of ours may get."""


class Client:
    """One client; for one task at a time."""

    def __init__(self, nodes: list[Address], by_port: Mapping[int, int], rng: random.Random, hang_up: float) -> None:
        """`by_port`: any port by which a node is known -> its index; `hang_up`: the share of hung-up requests."""
        self._nodes = nodes
        self._by_port = by_port
        self._rng = rng
        self._hang_up = hang_up
        self._owners = [0] * SLOTS
        self._links: dict[int, Link] = {}
        self.redirections = 0

    async def call(self, key: str, *requests: Request, may_hang_up: bool = True) -> Any:
        """The reply to the last of requests that are sent together about `key`. Raises NotDone, Unknown or WrongError;
        with several (a transaction), all or none of them is done."""
        slot = slot_of(key.encode())
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        while True:
            refusal = await self._attempt(slot, requests, may_hang_up=may_hang_up)
            if not isinstance(refusal, Refusal):
                return refusal
            if loop.time() > deadline:
                raise NotDone(refusal.text)
            if refusal.wait:
                await asyncio.sleep(RETRY_S)

    async def replace(self, key: str, read: Request, write: Callable[[Any], Request]) -> tuple[Any, bool]:
        """Does what `write` makes of the reply to `read`, unless `key` changes in between (WATCH): that reply, and
        whether it was done. Raises as call() does."""
        slot = slot_of(key.encode())
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        while True:
            try:
                value = await self._attempt(slot, (("WATCH", key), read), may_hang_up=False)
            except Unknown as error:
                raise NotDone(str(error)) from error
            done = value
            if not isinstance(value, Refusal):
                # Over the same connection: nothing else of this client's comes in between.
                done = await self._attempt(slot, (("MULTI",), write(value), ("EXEC",)), may_hang_up=True)
            if not isinstance(done, Refusal):
                return value, done is not None
            if loop.time() > deadline:
                raise NotDone(done.text)
            if done.wait:
                await asyncio.sleep(RETRY_S)

    async def _attempt(self, slot: int, requests: tuple[Request, ...], *, may_hang_up: bool) -> Any:
        index = self._owners[slot]
        try:
            link = self._links.get(index)
            if link is None:
                link = self._links[index] = await Link.open(self._nodes[index])
        except LinkError as error:
            self._owners[slot] = self._rng.randrange(len(self._nodes))  # whoever lives knows the owner
            return Refusal(str(error), wait=True)
        try:
            if may_hang_up and self._rng.random() < self._hang_up:
                await _send_and_hang_up(link, requests, self._rng.random() * HANG_UP_S_MAX)
            replies = await link.call_all(requests)
        except LinkError as error:
            self._drop(index)
            if isinstance(error.__cause__, TimeoutError):
                raise Silent(f"{requests[0][0]!s}: {error}") from error
            raise Unknown(str(error)) from error
        except asyncio.CancelledError:
            self._drop(index)
            raise
        errors = [reply for reply in replies if isinstance(reply, ReplyError)]
        return self._on_error(slot, errors) if errors else replies[-1]

    def _on_error(self, slot: int, errors: list[ReplyError]) -> Refusal:
        """Of a transaction: the first error says why, the last that nothing was done."""
        for error in errors:
            moved = decode_moved(error)
            if moved is not None:
                self.redirections += 1
                owner = self._by_port[moved[1].port]
                # Two nodes that each say "the other one" are between two steps: not to be asked as fast as possible.
                wait = self.redirections % 4 == 0
                self._owners[slot] = owner
                return Refusal(str(error), wait=wait)
        if str(errors[0]).startswith(HARMLESS):
            return Refusal(str(errors[0]), wait=True)
        raise WrongError(str(errors[0]))

    def _drop(self, index: int) -> None:
        link = self._links.pop(index, None)
        if link is not None:
            link.close()

    def close(self) -> None:
        """Ends the connections."""
        for index in list(self._links):
            self._drop(index)


class Refusal:
    """Why an attempt was not done; `wait`: asking again at once would not help."""

    def __init__(self, text: str, *, wait: bool) -> None:
        self.text = text
        self.wait = wait


async def _send_and_hang_up(link: Link, requests: tuple[Request, ...], after_s: float) -> None:
    """Always raises LinkError."""
    try:
        async with asyncio.timeout(after_s):
            await link.call_all(requests)
    except TimeoutError:
        pass
    raise LinkError("hung up")
