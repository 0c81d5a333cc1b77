"""Virtual time: an event loop that never sleeps. When nothing is ready, its clock jumps to the next timer.

Everything that runs is a *step*: a callback of the loop, in the context of the process that it belongs to. A step of a
dead process is skipped, and after each step `on_step` looks at the world.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from asyncio import base_events
from collections.abc import Callable
from typing import Any

from simulation.processes import CURRENT, Crash


class Deadlock(Exception):
    """Nothing is ready and no timer is set, but the run has not ended."""


class VirtualLoop(base_events.BaseEventLoop):
    """An event loop with a clock of its own, in seconds from 1000. Its sockets are network.Socket."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._now = 1000.0
        self._selector = self
        self._random = rng
        self.steps = 0
        self.on_step: Callable[[], None] = lambda: None
        self.listen: Callable[[Any, str, int], Any] = lambda factory, host, port: None
        self.errors: list[str] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.set_exception_handler(self._on_error)
        self.set_task_factory(self._new_task)

    def time(self) -> float:
        return self._now

    # -- what the base class asks of a selector

    def select(self, timeout: float | None) -> list[Any]:
        """Nothing ever comes from outside: time passes at once."""
        if timeout is None:
            raise Deadlock
        self._now += timeout
        return []

    def _process_events(self, events: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    # -- steps

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        step: list[asyncio.Handle] = []
        step.append(super().call_soon(self._step, step, callback, args, context=context))
        return step[0]

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        step: list[asyncio.TimerHandle] = []
        step.append(super().call_at(when, self._step, step, callback, args, context=context))
        return step[0]

    def _step(self, step: list[asyncio.Handle], callback: Any, args: Any) -> None:
        process = CURRENT.get()
        if process is not None and process.standing is not None:
            process.standing.append(lambda: None if step[0].cancelled() else callback(*args))
            return
        if process is not None and not process.alive:
            return
        self.steps += 1
        with contextlib.suppress(Crash):
            callback(*args)
        self.on_step()

    def _on_error(self, loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Crash) or "destroyed" in context["message"]:
            return
        self.errors.append(f"{context['message']}: {error!r}")

    def _new_task(self, loop: Any, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, **options)
        self.tasks.append(task)
        return task

    def _asyncgen_firstiter_hook(self, generator: Any) -> None:
        pass

    def _asyncgen_finalizer_hook(self, generator: Any) -> None:
        pass

    def end(self) -> None:
        """Lets go of what dead processes have left, without a word."""
        self.on_step = lambda: None
        for task in self.tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            if not task.done():
                with contextlib.suppress(Exception, Crash):
                    task.get_coro().close()  # type: ignore[union-attr]
            elif not task.cancelled():
                task.exception()
        self.tasks.clear()
        self._ready.clear()  # type: ignore[attr-defined]
        self._scheduled.clear()  # type: ignore[attr-defined]
        self.close()

    # -- threads, servers and sockets

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:
        """The only use of threads is Store.sync(): it covers what was written before it began, and takes a while."""
        future = self.create_future()
        covered = func.__self__.log_end

        def done() -> None:
            func.__self__.sync_up_to(covered)
            if not future.done():
                future.set_result(None)

        self.call_later(self._random.uniform(0.0002, 0.004), done)
        return future

    async def create_server(self, factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        return self.listen(factory, host, port)

    async def sock_sendall(self, sock: Any, data: Any) -> None:
        sock.send(bytes(data))

    async def sock_recv(self, sock: Any, n: int) -> bytes:
        data: bytes = await sock.receive()
        return data
