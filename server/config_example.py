"""Prints `docs/slotrocks.conf`, the documented configuration file, from the option table.

Run ``python -m slotrocks.server.config_example > docs/slotrocks.conf`` after changing the table; a test compares them.
"""

import textwrap
from typing import Any

from slotrocks.server.config import Config
from slotrocks.server.config_file import format_line
from slotrocks.server.option_kinds import INT_MAX, Enum, Int, Kind
from slotrocks.server.options import OPTIONS, SECTIONS

HEAD = """\
Slotrocks: every option with its default.

slotrocks serve FILE reads a file like this one; slotrocks serve --option value sets single
options, and wins. One option a line. Words with blanks stand in 'single' or "double" quotes; in
double quotes \\n, \\r, \\t, \\" and \\xHH work. Sizes: 1k is 1000 bytes, 1kb is 1024; likewise m, mb, g,
gb. A line "include PATTERN" inserts other files, relative to the folder of this one.

Options marked [live] can be changed while the server runs with CONFIG SET; CONFIG REWRITE keeps the
changes in this file. Names are those of Apache Kvrocks or Redis. A kvrocks.conf works, too: options
that have no meaning here are ignored with a warning.
"""


def example() -> str:
    """The text of the file. Loading it gives the defaults."""
    blocks = [_comment(HEAD.splitlines())]
    for option in OPTIONS.values():
        if option.name in SECTIONS:
            blocks.append(f"{' ' + SECTIONS[option.name] + ' ':#^80}\n")
        wrapped = textwrap.wrap(option.help + (" [live]" if option.mutable else ""), width=98)
        line = '# rename-command FLUSHALL ""' if option.file_only else format_line(Config(), option.name)
        blocks.append(_comment(wrapped + _accepted(option.kind)) + line + "\n")
    return "\n".join(blocks)


def _accepted(kind: Kind[Any]) -> list[str]:
    """A line about the accepted values, if they are not plain from the default."""
    if isinstance(kind, Int) and kind.high != INT_MAX:
        return [f"From {kind.low} to {kind.high}."]
    return [f"One of: {kind.placeholder.replace('|', ', ')}."] if isinstance(kind, Enum) else []


def _comment(lines: list[str]) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


if __name__ == "__main__":
    print(example(), end="")
