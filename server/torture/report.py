"""What people see: a line for each round, a table at the end; and the files that explain a violation.

events.log       what was done to the cluster, and when
violations.txt   each violation, with the last operations on its object, by the same clock
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from slotrocks.server.demo.screen import Screen
from slotrocks.server.torture.nodes import Node
from slotrocks.server.torture.objects import Board
from slotrocks.server.torture.violation import clock_s

if TYPE_CHECKING:
    from slotrocks.server.torture.adversary import Adversary
    from slotrocks.server.torture.controller import Controller
    from slotrocks.server.torture.workload import Workload

VIOLATIONS_SHOWN = 20


class Report:
    """The report of one run."""

    def __init__(self, folder: Path, seed: int, board: Board) -> None:
        self._folder = folder
        self._seed = seed
        self._board = board
        self._screen = Screen()
        self._events = (folder / "events.log").open("w", buffering=1)

    def note(self, text: str) -> None:
        """A line in events.log."""
        self._events.write(f"{clock_s():9.3f}  {text}\n")

    def begin(self, nodes: list[Node]) -> None:
        """What is about to happen."""
        names = ", ".join(f"{node.name} on port {node.port}" for node in nodes)
        self._screen.line(f"Seed {self._seed}. Nodes {names}, in {self._folder}.")

    def progress(self, controller: Controller, adversary: Adversary, count: int) -> None:
        """The line of a round."""
        self._write_violations()
        moves, board = controller.counts, self._board
        self._screen.line(
            f"{clock_s():6.0f} s  inspection {count}: {moves['completed']} of {moves['attempted']} migrations, "
            f"{adversary.counts['kills of nodes']} kills, {board.acknowledged.total():,} writes, "
            f"{board.unknown.total()} unknown, {board.violation_count} violations",
            style="bold red" if board.violation_count else None,
        )

    def end(self, controller: Controller, adversary: Adversary, workload: Workload, inspections: int) -> None:
        """The table, and the verdict."""
        board = self._board
        attempted = controller.counts.pop("attempted", 0)
        rows = [["migrations attempted", f"{attempted:,}"], *_rows("    ", controller.counts)]
        rows += [["    rolled back: " + why, f"{count:,}"] for why, count in controller.errors.most_common(12)]
        rows += _rows("", adversary.counts)
        rows += [["acknowledged writes", f"{board.acknowledged.total():,}"], *_rows("    ", board.acknowledged)]
        rows += [["reads", f"{board.reads.total():,}"], ["MOVED", f"{workload.redirections:,}"]]
        rows += [["unknown outcomes", f"{board.unknown.total():,}"], ["refused", f"{board.refused.total():,}"]]
        rows += [["inspections", f"{inspections:,}"], ["violations", f"{board.violation_count:,}"]]
        self._screen.table([f"seed {self._seed}", "total"], rows)
        for violation in board.violations[:VIOLATIONS_SHOWN]:
            self._screen.line(f"{violation.object}: {violation.what}", style="red")
        if board.violation_count:
            self._screen.line(f"{board.violation_count} violations.", style="bold red")
        else:
            self._screen.line("No violation.", style="bold green")

    def close(self) -> None:
        """Writes what is left to write."""
        self._write_violations()
        self._events.close()

    def _write_violations(self) -> None:
        if self._board.violations:
            with (self._folder / "violations.txt").open("w") as file:
                for violation in self._board.violations:
                    file.write(f"{violation.object}: {violation.what}\n")
                    file.writelines(f"    {line}\n" for line in violation.trace)


def _rows(indent: str, counts: Counter[str]) -> list[list[str]]:
    return [[indent + name, f"{count:,}"] for name, count in sorted(counts.items())]
