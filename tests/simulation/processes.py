"""Processes: what runs belongs to one, by its context, and a dead one runs no more."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

CURRENT: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)
"""Whose step this is; None: the clients', the adversary's, the network's."""


class Crash(BaseException):
    """The process has died inside of a step."""


class Process:
    """One life of a node, or of a sender."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.alive = True
        self.context = contextvars.copy_context()
        self.context.run(CURRENT.set, self)
        self.standing: list[Callable[[], Any]] | None = None  # while it is stopped: the steps that wait
        self.ends: list[Any] = []  # what the system closes when the process dies: network.Socket and network.Transport

    def run(self, callback: Callable[..., Any], *args: Any) -> Any:
        """Runs a step of it from outside, unless it is dead."""
        if self.standing is not None:
            self.standing.append(lambda: callback(*args))
            return None
        if not self.alive:
            return None
        try:
            return self.context.copy().run(callback, *args)
        except Crash:
            return None

    def spawn(self, coroutine: Any) -> asyncio.Task[Any]:
        """Starts a task of it."""
        return asyncio.get_running_loop().create_task(coroutine, context=self.context.copy())

    def stop(self) -> None:
        """SIGSTOP."""
        if self.standing is None:
            self.standing = []

    def go_on(self) -> None:
        """SIGCONT: what has become due meanwhile happens now."""
        steps, self.standing = self.standing or [], None
        for step in steps:
            asyncio.get_running_loop().call_soon(step, context=self.context.copy())

    def die(self) -> None:
        """Ends it, between two steps or, together with `raise Crash`, inside of one."""
        if self.alive:
            self.alive = False
            for end in self.ends:
                end.on_process_died()
            self.ends.clear()
