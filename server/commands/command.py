"""COMMAND: what clients can learn about the commands. All of it derives from the table (see server/command_info.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slotrocks.engine import Simple
from slotrocks.server import command_info
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.glob import matcher
from slotrocks.server.help_text import help_reply
from slotrocks.server.session import Session
from slotrocks.server.table import COMMANDS, Command, all_rows, command, find_command

FLAGS = "loading stale"
PER_COMMAND = "O(N) where N is the number of commands to look up"
ALL_COMMANDS = "O(N) where N is the total number of commands"


@command("command", arity=-1, flags=FLAGS, group="server", since="2.8.13",
         summary="Returns detailed information about all commands.", complexity=ALL_COMMANDS)  # fmt: skip
def command_(s: Session, argv: list[bytes]) -> Any:
    return [command_info.info(row) for row in COMMANDS.values()]


@command("command|count", arity=2, flags=FLAGS, group="server", since="2.8.13",
         summary="Returns a count of commands.")  # fmt: skip
def count(s: Session, argv: list[bytes]) -> Any:
    return len(COMMANDS)


@command("command|info", arity=-2, flags=FLAGS, group="server", since="2.8.13",
         summary="Returns information about one, multiple or all commands.", complexity=PER_COMMAND)  # fmt: skip
def info(s: Session, argv: list[bytes]) -> Any:
    rows = [named(word) for word in argv[2:]] or list(COMMANDS.values())
    return [None if row is None else command_info.info(row) for row in rows]


@command("command|docs", arity=-2, flags=FLAGS, group="server", since="7.0.0",
         summary="Returns documentary information about one, multiple or all commands.",
         complexity=PER_COMMAND,
         differs="Without arguments and history.")  # fmt: skip
def docs(s: Session, argv: list[bytes]) -> Any:
    rows = [named(word) for word in argv[2:]] or list(COMMANDS.values())
    return {row.name: command_info.docs(row) for row in rows if row is not None}


def named(word: bytes) -> Command | None:
    """The row of "name" or "container|subcommand", or None."""
    name, bar, sub = word.partition(b"|")
    row = find_command(name)
    return row.subcommands.get(sub.lower().decode("latin-1")) if row is not None and bar else row


@command("command|list", arity=-2, flags=FLAGS, group="server", since="7.0.0",
         summary="Returns a list of command names.", complexity=ALL_COMMANDS)  # fmt: skip
def command_list(s: Session, argv: list[bytes]) -> Any:
    if len(argv) == 2:
        return [row.name for row in all_rows()]
    if len(argv) != 5 or argv[2].lower() != b"filterby":
        raise CommandError(SYNTAX)
    wanted = list_filter(argv[3].lower(), argv[4].decode("latin-1").lower())
    return [row.name for row in all_rows() if wanted(row)]


def list_filter(kind: bytes, value: str) -> Callable[[Command], bool]:
    """The condition of COMMAND LIST FILTERBY. Raises CommandError."""
    if kind == b"module":
        return lambda row: False  # there are no modules
    if kind == b"aclcat":
        return lambda row: value in command_info.categories(row)
    if kind == b"pattern":
        matches = matcher(value.encode("latin-1"))
        return lambda row: bool(matches(row.name.encode()))
    raise CommandError(SYNTAX)


@command("command|getkeys", arity=-3, flags=FLAGS, group="server", since="2.8.13",
         summary="Extracts the key names from an arbitrary command.",
         complexity="O(N) where N is the number of arguments to the command")  # fmt: skip
def getkeys(s: Session, argv: list[bytes]) -> Any:
    return call_keys(argv[2:])[1]


@command("command|getkeysandflags", arity=-3, flags=FLAGS, group="server", since="7.0.0",
         summary="Extracts the key names and access flags for an arbitrary command.",
         complexity="O(N) where N is the number of arguments to the command")  # fmt: skip
def getkeysandflags(s: Session, argv: list[bytes]) -> Any:
    row, keys = call_keys(argv[2:])
    uses = command_info.key_flags(row, argv[2:])
    return [[key, {Simple(word) for word in uses[min(i, len(uses) - 1)]}] for i, key in enumerate(keys)]


def call_keys(call: list[bytes]) -> tuple[Command, list[bytes]]:
    """The row of a whole call, and its keys. Raises CommandError."""
    row = find_command(call[0])
    if row is not None and row.subcommands and len(call) > 1:
        row = row.subcommands.get(call[1].lower().decode("latin-1"))
    if row is None:
        raise CommandError("ERR Invalid command specified")
    if not row.has_keys:
        raise CommandError("ERR The command has no key arguments")
    if not row.arity_fits(len(call)):
        raise CommandError("ERR Invalid number of arguments specified for command")
    keys = row.find_keys(call)
    if not keys and "no_mandatory_keys" not in row.flags:
        raise CommandError("ERR Invalid arguments specified for command")
    return row, keys


@command("command|help", arity=2, flags=FLAGS, group="server", since="5.0.0",
         summary="Returns helpful text about the different subcommands.")  # fmt: skip
def command_help(s: Session, argv: list[bytes]) -> Any:
    return help_reply("command", HELP)


HELP = """
    (no subcommand)
        Return details about all commands.
    COUNT
        Return the total number of commands in this server.
    LIST [FILTERBY (MODULE <module>|ACLCAT <category>|PATTERN <pattern>)]
        Return a list of all commands in this server.
    INFO [<command-name> ...]
        Return details about multiple commands.
        If no command names are given, details for all commands are returned.
    DOCS [<command-name> ...]
        Return documentation details about multiple commands.
        If no command names are given, documentation details for all
        commands are returned.
    GETKEYS <full-command>
        Return the keys from a full command.
    GETKEYSANDFLAGS <full-command>
        Return the keys and the access flags from a full command.
"""
