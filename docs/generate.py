"""The documents, and parts of documents, that are derived from the code.

``python docs/generate.py`` writes them anew; tests/project/test_docs.py compares them with the files.
"""

from __future__ import annotations

import runpy
import textwrap
from itertools import groupby
from pathlib import Path

from slotrocks.server import commands, config_example
from slotrocks.server.migration import table
from slotrocks.server.table import Command, all_rows

DOCS = Path(__file__).parent
ABOUT_COMMANDS = """\
# Commands

Every command of this version, from the command table; `COMMAND DOCS` tells a client the same. *Since* is the version
that the command comes from: of Redis, or else of Kvrocks or Slotrocks. *Complexity* is that of Slotrocks, whose
collections are rows on disk. *Differs* is what users of Redis 7.2 or of Kvrocks 2.10 will find to be otherwise.

In general:

* Replies and errors are those of Redis 7.2, those about the cluster Kvrocks's; the data on disk are in Kvrocks's form.
  [differences.md](differences.md) has the differences from Redis in detail.
* There is one database, 0, one user, and one namespace, Kvrocks's default. Nothing is evicted: there is no `maxmemory`.
* There are no scripts or functions, no publish/subscribe, no notifications, replicas, snapshot files or modules.
* Bitmaps and HyperLogLogs are strings to all commands for strings, as in Redis; in Kvrocks they are types of their own.
  A command that changes them as a string (`APPEND`, `SETRANGE`, `INCR` ...) leaves a plain string.
* Scores and other doubles have the fewest digits that read back as the same number; Kvrocks prints 17.
* A client that waits (`BLPOP`, `XREAD` ... `BLOCK`) gets `MOVED` when the slot moves away.
* While a slot is handed over its writes wait, where Kvrocks answers `TRYAGAIN`.

[What Redis and Kvrocks have and Slotrocks does not](#redis-72-has-slotrocks-does-not) is at the end.
"""
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
    parts = [ABOUT_COMMANDS]
    for group, members in groupby(rows, key=lambda row: row.group):
        lines = [f"\n## {group}\n", "| command | arguments | since | complexity | |", "|---|---|---|---|---|"]
        lines += [
            f"| `{title(row)}` | {arguments(row)} | {since(row)} | {row.complexity} | {description(row)} |"
            for row in members
        ]
        parts.append("\n".join(lines) + "\n")
    return "".join(parts) + other_servers({row.name for row in rows})


def other_servers(ours: set[str]) -> str:
    """The names that Redis, Kvrocks and Slotrocks do not have in common."""
    redis, kvrocks = names_in("redis_commands.txt"), names_in("kvrocks_commands.txt")
    # Of a container whose subcommands the list of Kvrocks does not name, it is not known which ones it has.
    containers = {name.partition("|")[0] for name in kvrocks if "|" in name}
    comparable = {name for name in ours if "|" not in name or name.partition("|")[0] in containers}
    sections = (
        ("Redis 7.2 has, Slotrocks does not", without_subcommands(redis - ours)),
        ("Kvrocks 2.10 has, Slotrocks does not", without_subcommands(kvrocks - ours)),
        ("Slotrocks has, Kvrocks 2.10 does not", without_subcommands(comparable - kvrocks)),
    )
    return "".join(f"\n## {heading}\n\n{listed(names)}\n" for heading, names in sections)


def names_in(file: str) -> set[str]:
    """The names in one of the lists beside this file."""
    lines = (DOCS / file).read_text().splitlines()
    return {name for line in lines if not line.startswith("#") for name in line.split()}


def without_subcommands(names: set[str]) -> list[str]:
    """The names in order, without the subcommands of a container that is among them."""
    return sorted(name for name in names if "|" not in name or name.partition("|")[0] not in names)


def listed(names: list[str]) -> str:
    """Names as a paragraph."""
    joined = ", ".join(f"`{spelled(name)}`".replace(" ", "\0") for name in names)
    return textwrap.fill(joined, 120, break_on_hyphens=False).replace("\0", " ")


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
    return spelled(row.name)


def spelled(name: str) -> str:
    """A name of the table as a user types it."""
    return name.replace("|", " ").upper()


def since(row: Command) -> str:
    """The version that a command comes from, with whose it is unless that is Redis."""
    if row.name in names_in("redis_commands.txt"):
        return row.since
    # Kvrocks begins with 1.0.
    return f"Slotrocks {row.since}" if row.since.startswith("0.") else f"Kvrocks {row.since}"


def arguments(row: Command) -> str:
    """How many arguments follow the command's name."""
    names = 1 + row.name.count("|")
    return str(row.arity - names) if row.arity >= 0 else f"{-row.arity - names} or more"


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text)
