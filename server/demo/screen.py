"""What people see: lines, a progress bar, a table. Without a terminal, plain lines only."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

REFRESH_S = 0.2  # drawing takes time that the clients, in the same process, are measured to wait
PLAIN_LINE_S = 2.0
BAR_WIDTH = 16  # leaves room for the texts on 80 columns


def megabytes(size: float) -> str:
    """Bytes as MB, for people."""
    return f"{size / 1e6:,.1f} MB"


def milliseconds(seconds: float) -> str:
    """A duration in ms, for people."""
    return f"{seconds * 1000:,.1f} ms"


def time_left(seconds: float | None) -> str:
    """How long it still takes, for people."""
    return "" if seconds is None else f"{seconds:.0f} s left" if seconds < 90 else f"{seconds / 60:.0f} min left"


class Screen:
    """Where everything is printed."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    def line(self, text: str, style: str | None = None) -> None:
        """One line; no markup, because file names may contain anything."""
        self.console.print(escape(text), style=style, soft_wrap=True)

    def bar(self, title: str, total: int) -> Bar:
        """A progress bar, to be used in a `with` statement."""
        return Bar(self.console, title, total)

    def table(self, columns: list[str], rows: list[list[str]]) -> None:
        """A table: the first column names the rows, its heading the table."""
        table = Table()
        for index, column in enumerate(columns):
            table.add_column(column, justify="left" if index == 0 else "right")
        for row in rows:
            table.add_row(*row)
        self.console.print(table)


class Bar:
    """A progress bar; without a terminal a line now and then."""

    def __init__(self, console: Console, title: str, total: int) -> None:
        self._console = console
        self._title = title
        self._total = total
        self._shown = time.monotonic()  # when; what is over soon needs no lines
        self._stage = ""
        self._progress = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(BAR_WIDTH), TaskProgressColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console, auto_refresh=False, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task(title, total=total, note="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, done: int, note: str, stage: str = "", *, last: bool = False) -> None:
        """Shows how far it is. `note`: rate and so on; a new `stage`, and the `last` update, are always shown."""
        now = time.monotonic()
        is_terminal = self._console.is_terminal
        interval = REFRESH_S if is_terminal else PLAIN_LINE_S
        if stage == self._stage and not last and now - self._shown < interval:
            return
        self._shown, self._stage = now, stage
        title = f"{self._title}: {stage}" if stage else self._title
        done = min(done, self._total)
        if is_terminal:
            self._progress.update(self._task, description=title, completed=done, note=note, refresh=True)
        else:
            percent = 100 * done // max(1, self._total)
            self._console.print(escape(f"  {title} {percent} % {note}".rstrip()), soft_wrap=True)
