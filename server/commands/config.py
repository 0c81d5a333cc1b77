"""CONFIG: reading and changing the options of the running server (see server/config.py)."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import OK
from slotrocks.server.config_file import rewrite_file
from slotrocks.server.help_text import help_reply
from slotrocks.server.session import Session
from slotrocks.server.table import all_rows, command

ADMIN = "admin loading noscript stale"
PER_OPTION = "O(N) when N is the number of configuration parameters provided"


@command(
    "config", arity=-2, group="server", since="2.0.0", summary="A container for server configuration commands.",
    complexity="Depends on subcommand.",
)  # fmt: skip
def config(s: Session, argv: list[bytes]) -> Any:
    raise AssertionError("a container is never called")


@command("config|get", arity=-3, flags=ADMIN, group="server", since="2.0.0",
         summary="Returns the effective values of configuration parameters.", complexity=PER_OPTION,
         differs="The options are those of [slotrocks.conf](slotrocks.conf): none of Redis's for memory, "
         "snapshots, append-only files or encodings.")  # fmt: skip
def get(s: Session, argv: list[bytes]) -> Any:
    return s.node.config.get_options(argv[2:])


@command("config|set", arity=-4, flags=ADMIN, group="server", since="2.0.0",
         summary="Sets configuration parameters in-flight.", complexity=PER_OPTION,
         differs="The options are those of [slotrocks.conf](slotrocks.conf), of which those marked live "
         "can be set.")  # fmt: skip
def set_options(s: Session, argv: list[bytes]) -> Any:
    s.node.config.set_options(argv[2:])
    return OK


@command("config|rewrite", arity=2, flags=ADMIN, group="server", since="2.8.0",
         summary="Persists the effective configuration to file.")  # fmt: skip
def rewrite(s: Session, argv: list[bytes]) -> Any:
    rewrite_file(s.node.config)
    return OK


@command("config|resetstat", arity=2, flags=ADMIN, group="server", since="2.0.0",
         summary="Resets the server's statistics.")  # fmt: skip
def resetstat(s: Session, argv: list[bytes]) -> Any:
    s.node.stats.reset()
    for row in all_rows():
        row.reset()
    return OK


@command("config|help", arity=2, flags="loading stale", group="server", since="5.0.0",
         summary="Returns helpful text about the different subcommands.")  # fmt: skip
def config_help(s: Session, argv: list[bytes]) -> Any:
    return help_reply("config", HELP)


HELP = """
    GET <pattern>
        Return parameters matching the glob-like <pattern> and their values.
    SET <directive> <value>
        Set the configuration <directive> to <value>.
    RESETSTAT
        Reset statistics reported by the INFO command.
    REWRITE
        Rewrite the configuration file.
"""
