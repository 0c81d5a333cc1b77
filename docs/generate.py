"""The documents, and parts of documents, that are derived from the code.

``python docs/generate.py`` writes them anew; tests/project/test_docs.py compares them with the files.
"""

from __future__ import annotations

import runpy
from itertools import groupby
from pathlib import Path

from slotrocks.server import commands, config_example
from slotrocks.server.migration import table
from slotrocks.server.table import Command, all_rows

DOCS = Path(__file__).parent
BEGIN, END = "<!-- generated: {} -->\n", "<!-- end of generated: {} -->\n"


def documents() -> dict[Path, str]:
    """What each generated document should contain."""
    migration = (DOCS / "migration.md").read_text()
    migration = replace_part(migration, "diagram", f"```mermaid\n{table.diagram()}```\n")
    migration = replace_part(migration, "transitions", transitions())
    return {
        DOCS / "slotrocks.conf": config_example.example(),
        DOCS / "commands.md": command_list(),
        DOCS / "differences.md": difference_list(),
        DOCS / "migration.md": migration,
    }


def replace_part(text: str, name: str, part: str) -> str:
    """The text with what stands between the marks of part `name` replaced. Raises ValueError if they are missing."""
    begin, end = BEGIN.format(name), END.format(name)
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"no part {name!r}")
    return before + begin + part + end + after


def transitions() -> str:
    """The migration table: what the source does on each event."""
    lines = ["| state | event | next state | what the source does, in this order |", "|---|---|---|---|"]
    for (state, event), (target, effects) in table.TABLE.items():
        does = "; ".join(effect.value for effect in effects)
        lines.append(f"| {state.name} | {event.value} | {target.name} | {does} |")
    return "\n".join(lines) + "\n"


def command_list() -> str:
    """docs/commands.md."""
    commands.load()
    rows = sorted(all_rows(), key=lambda row: (row.group, row.name))
    parts = [
        "# Commands\n\n"
        "Every command of this version, from the command table. `COMMAND DOCS` tells a client the same.\n"
        "*Since* is the version of Redis, or of Kvrocks for what Redis does not have, that the command comes from.\n"
    ]
    for group, members in groupby(rows, key=lambda row: row.group):
        lines = [f"\n## {group}\n", "| command | arguments | since | |", "|---|---|---|---|"]
        lines += [f"| `{title(row)}` | {arguments(row)} | {row.since} | {description(row)} |" for row in members]
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)


def difference_list() -> str:
    """docs/differences.md, from the list that the comparison with redis-server uses."""
    differences = runpy.run_path(str(DOCS.parent / "tests" / "model" / "known_differences.py"))["DIFFERENCES"]
    lines = [
        "# Where replies differ from Redis\n",
        "Slotrocks follows Redis 7.2. Random sequences of commands (`make model`) are compared with a real",
        "redis-server, in both protocols; these are the differences that are meant.",
        "[commands.md](commands.md) lists what there is.\n",
        *(f"* {difference.text}" for difference in differences),
    ]
    return "\n".join(lines) + "\n"


def description(row: Command) -> str:
    """What a command does, and what is different from Redis and Kvrocks."""
    return f"{row.summary} *Differs:* {row.differs}" if row.differs else row.summary


def title(row: Command) -> str:
    """A command as a user types it."""
    return row.name.replace("|", " ").upper()


def arguments(row: Command) -> str:
    """How many arguments follow the command's name."""
    names = 1 + row.name.count("|")
    return str(row.arity - names) if row.arity >= 0 else f"{-row.arity - names} or more"


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text)
