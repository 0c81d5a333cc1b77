"""The reply of a container command's HELP, laid out as Redis does."""

from textwrap import dedent

from slotrocks.engine import Simple


def help_reply(name: str, text: str) -> list[Simple]:
    """Lines for the subcommands of `name`: `text` has them, indented as one likes, descriptions four blanks deeper."""
    head = f"{name.upper()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    lines = dedent(text).strip("\n").splitlines()
    return [Simple(line) for line in (head, *lines, "HELP", "    Print this help.")]
