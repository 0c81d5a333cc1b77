"""SLOWLOG (see server/slowlog.py)."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import OK
from slotrocks.server.arguments import integer
from slotrocks.server.errors import CommandError
from slotrocks.server.help_text import help_reply
from slotrocks.server.session import Session
from slotrocks.server.table import command

ADMIN = "admin loading stale"
COUNT_DEFAULT = 10
BAD_COUNT = "ERR count should be greater than or equal to -1"


@command("slowlog", arity=-2, group="server", since="2.2.12", summary="A container for slow log commands.",
         complexity="Depends on subcommand.")  # fmt: skip
def slowlog(s: Session, argv: list[bytes]) -> Any:
    raise AssertionError("a container is never called")


@command("slowlog|get", arity=-2, flags=ADMIN, group="server", since="2.2.12",
         summary="Returns the slow log's entries.",
         complexity="O(N) where N is the number of entries returned")  # fmt: skip
def get(s: Session, argv: list[bytes]) -> Any:
    if len(argv) > 3:
        word = argv[1].decode()
        raise CommandError(f"ERR unknown subcommand or wrong number of arguments for '{word}'. Try SLOWLOG HELP.")
    count = COUNT_DEFAULT
    if len(argv) == 3:
        count = integer(argv[2], BAD_COUNT)
        if count < -1:
            raise CommandError(BAD_COUNT)
    return s.node.slowlog.newest(count)


@command("slowlog|len", arity=2, flags=ADMIN, group="server", since="2.2.12",
         summary="Returns the number of entries in the slow log.")  # fmt: skip
def length(s: Session, argv: list[bytes]) -> Any:
    return len(s.node.slowlog)


@command("slowlog|reset", arity=2, flags=ADMIN, group="server", since="2.2.12",
         summary="Clears all entries from the slow log.",
         complexity="O(N) where N is the number of entries in the slowlog")  # fmt: skip
def reset(s: Session, argv: list[bytes]) -> Any:
    s.node.slowlog.reset()
    return OK


@command("slowlog|help", arity=2, flags="loading stale", group="server", since="6.2.0",
         summary="Show helpful text about the different subcommands")  # fmt: skip
def slowlog_help(s: Session, argv: list[bytes]) -> Any:
    return help_reply("slowlog", HELP)


HELP = """
    GET [<count>]
        Return top <count> entries from the slowlog (default: 10, -1 mean all).
        Entries are made of:
        id, timestamp, time in microseconds, arguments array, client IP and port,
        client name
    LEN
        Return the length of the slowlog.
    RESET
        Reset the slowlog.
"""
