"""The adversary: what breaks, and when. Every so often one thing, drawn from the seed, most often where a job runs.

What it does has an end: a stopped process goes on, a link is mended, a killed node is started again, each after a short
while; `end()` brings all of that forward.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from slotrocks.server.migration import faults
from slotrocks.server.torture.controller import Controller
from slotrocks.server.torture.network import Network, Proxy, Rule
from slotrocks.server.torture.nodes import Node
from slotrocks.server.torture.violation import Violation

PACES_S = (0.5, 1.0, 2.0)  # between two faults, on average; one of them for a round
STOP_S_MAX = 3.0
DEAD_S_MAX = 1.2
LINK_S_MAX = 3.0
POLL_S = 0.03
WORDS = (b"START", b"PREPARE", b"COMMIT", b"STATUS", b"ABORT", b"VERSION", b"MYID", b"APPLYBATCH")
LINK_FAULTS = ("delay", "hold", "cut", "refuse", "lose request", "lose reply", "late")
POINTS = sorted(point for point in faults.POINTS if point != "node.sync")
FAILED_STARTS_MAX = 5

Task = Coroutine[Any, Any, None]


class Adversary:
    """Breaks what `controller` drives. `counts`: by kind."""

    def __init__(
        self, controller: Controller, network: Network, rng: random.Random, note: Callable[[str], None],
        report: Callable[[Violation], None],
    ) -> None:  # fmt: skip
        self.counts: Counter[str] = Counter()
        self._controller = controller
        self._nodes = controller.nodes
        self._network = network
        self._rng = rng
        self._note = note
        self._report = report
        self._main: list[asyncio.Task[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()  # what ends later
        self._eager = False
        self._stopped: set[int] = set()
        self._asked_to_end: set[int] = set()

    def start(self) -> None:
        """Begins to break things, and to start again what has died, for whatever reason."""
        self._eager = False
        self._main = [asyncio.create_task(self._run(self._rng.choice(PACES_S)))]
        self._main += [asyncio.create_task(self._revive(node)) for node in self._nodes]

    def check(self) -> None:
        """Raises what ended a task."""
        for task in (*self._main, *self._tasks):
            if task.done() and not task.cancelled():
                task.result()

    async def end(self) -> None:
        """Breaks nothing more and mends what is broken; dead nodes are still started again."""
        self._eager = True
        if self._main:
            self._main[0].cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._main[:1], *self._tasks, return_exceptions=True)
        self._main = self._main[1:]
        for node in self._nodes:
            node.arm("")
            node.signal(signal.SIGCONT)
            node.signal_sender(signal.SIGCONT)
        self._stopped.clear()
        self._network.heal()

    async def stop(self) -> None:
        """Ends altogether."""
        for task in self._main:
            task.cancel()
        await asyncio.gather(*self._main, return_exceptions=True)
        self._main = []

    # -- starting again what has died

    async def _revive(self, node: Node) -> None:
        failed = 0
        while True:
            await asyncio.sleep(POLL_S)
            if not node.dead:
                continue
            if node.status == -signal.SIGKILL:
                self._count("kills of nodes", f"node {node.name} is dead")
            elif node.status in (0, -signal.SIGTERM) and node.index in self._asked_to_end:  # before or after it began
                self._count("orderly stops of nodes", f"node {node.name} has ended")
            else:
                failed += 1
                self._note(f"node {node.name} ended with status {node.status}")
                self._report(Violation(f"node {node.name} ended with status {node.status}", node.name,
                                       tuple(node.log_end().splitlines())))  # fmt: skip
                if failed == FAILED_STARTS_MAX:
                    raise RuntimeError(f"node {node.name} cannot be started:\n{node.log_end()}")
            if not self._eager:
                await asyncio.sleep(self._rng.random() * DEAD_S_MAX)
            node.kill()  # what may be left of it
            self._asked_to_end.discard(node.index)
            self._note(f"start {node.name}")
            node.start()

    # -- breaking

    async def _run(self, pace_s: float) -> None:
        while True:
            await asyncio.sleep(self._rng.uniform(0.2, 1.8) * pace_s)
            jobs = self._controller.jobs
            job = self._rng.choice(jobs) if jobs else None
            source, target = (job.source, job.target) if job else self._rng.sample(self._nodes, 2)
            match self._rng.choices(("kill", "end", "stop", "sender", "link", "point"), (4, 1, 3, 2, 6, 6))[0]:
                case "kill":
                    self._kill(self._victim(source, target))
                case "end":
                    self._ask_to_end(self._victim(source, target))
                case "stop":
                    self._stop(self._victim(source, target))
                case "sender":
                    self._hurt_sender(source)
                case "link":
                    self._break_link(self._network.links[source.index, target.index])
                case "point":
                    self._arm(source, target)

    def _victim(self, source: Node, target: Node) -> Node:
        """The source, the target, or a bystander."""
        others = [node for node in self._nodes if node not in (source, target)]
        return self._rng.choice([source, source, target, target, *others[:1]])

    def _kill(self, node: Node) -> None:
        if not node.dead:
            self._note(f"kill {node.name}")  # it is counted when it is started again
            node.signal(signal.SIGKILL)
            node.disconnect()

    def _ask_to_end(self, node: Node) -> None:
        """SIGTERM: a job in its hands may go on after its restart, or not, as after a kill."""
        if not node.dead:
            self._note(f"ask {node.name} to end")
            self._asked_to_end.add(node.index)
            node.signal(signal.SIGTERM)

    def _stop(self, node: Node) -> None:
        if node.dead or node.index in self._stopped:
            return
        stop_s = self._rng.random() ** 2 * STOP_S_MAX
        self._count("stops", f"stop {node.name} for {stop_s:.2f} s")
        node.signal(signal.SIGSTOP)
        self._stopped.add(node.index)
        self._later(self._go_on(node, stop_s))

    async def _go_on(self, node: Node, stop_s: float) -> None:
        await asyncio.sleep(stop_s)
        node.signal(signal.SIGCONT)
        self._stopped.discard(node.index)

    def _hurt_sender(self, node: Node) -> None:
        number, what = self._rng.choice(((signal.SIGKILL, "kill"), (signal.SIGSTOP, "stop")))
        seconds = self._rng.random() * STOP_S_MAX
        if node.signal_sender(number):
            self._count(f"{what}s of senders", f"{what} the sender of {node.name}")
            if number == signal.SIGSTOP:
                self._later(self._go_on_sender(node, seconds))

    async def _go_on_sender(self, node: Node, stop_s: float) -> None:
        await asyncio.sleep(stop_s)
        node.signal_sender(signal.SIGCONT)

    def _break_link(self, proxy: Proxy) -> None:
        kind = self._rng.choice(LINK_FAULTS)
        seconds = self._rng.random() * LINK_S_MAX
        rule = Rule(self._rng.choice(WORDS), kind, seconds)
        detail = ""
        match kind:
            case "delay":
                proxy.delay_s = self._rng.random() ** 2 * 0.3
                detail = f", {proxy.delay_s:.3f} s"
            case "hold":
                proxy.hold()
            case "cut":
                proxy.cut()
            case "refuse":
                proxy.refusing = True
                proxy.cut()
            case _:
                proxy.rule = rule
                detail = f" {rule.word.decode()}"
        self._count("link faults", f"{kind}{detail} on {proxy.caller} -> {proxy.callee} for {seconds:.2f} s")
        self._later(self._mend(proxy, seconds))

    async def _mend(self, proxy: Proxy, after_s: float) -> None:
        await asyncio.sleep(after_s)
        proxy.heal()

    def _arm(self, source: Node, target: Node) -> None:
        """Plans a fault at a named point, for whichever side reaches it."""
        point = self._rng.choice(POINTS)
        node = target if point.startswith("target") else source
        action = "kill" if self._rng.random() < 0.6 else f"delay:{int(self._rng.random() * 1800)}"
        self._count("faults planned at points", f"plan {point}={action} at {node.name}")
        node.arm(f"{point}={action}")

    def _later(self, task: Task) -> None:
        running = asyncio.create_task(task)
        self._tasks.add(running)
        running.add_done_callback(self._tasks.discard)

    def _count(self, kind: str, text: str) -> None:
        self.counts[kind] += 1
        self._note(text)
