"""DEBUG, as far as the tests of clients need it. Whatever else Redis has is answered like an unknown subcommand."""

from __future__ import annotations

import logging
import time
from typing import Any

from slotrocks.engine import OK, Push, Verbatim, parse_float
from slotrocks.server.errors import CommandError
from slotrocks.server.help_text import help_reply
from slotrocks.server.session import Session
from slotrocks.server.table import command

log = logging.getLogger(__name__)

# DEBUG PROTOCOL: Redis's examples. It has two more, attrib and bignum, which this server never sends.
EXAMPLES: dict[str, Any] = {
    "string": "Hello World",
    "integer": 12345,
    "double": 3.141,
    "null": None,
    "array": [0, 1, 2],
    "set": {0, 1, 2},
    "map": {0: False, 1: True, 2: False},
    "push": Push(["server-cpu-usage", 42]),
    "verbatim": Verbatim("txt", "This is a verbatim\nstring"),
    "true": True,
    "false": False,
}


@command("debug", arity=-2, flags="admin loading noscript stale", group="server", since="1.0.0",
         summary="A container for debugging commands.", complexity="Depends on subcommand.",
         differs="Only SLEEP, SET-ACTIVE-EXPIRE, LOG, ERROR and PROTOCOL (without attrib and bignum).")  # fmt: skip
def debug(s: Session, argv: list[bytes]) -> Any:
    name = argv[1].decode("utf-8", "surrogateescape")
    match name.lower(), len(argv):
        case "sleep", 3:
            # The whole server stands still, other clients included: that is what it is for.
            time.sleep(max(0.0, seconds(argv[2])))
        case "set-active-expire", 3:
            s.node.expiry.enabled = argv[2] != b"0"
        case "log", 3:
            log.warning("DEBUG LOG: %s", argv[2].decode("utf-8", "replace"))
        case "error", 3:
            raise CommandError(argv[2].decode("utf-8", "surrogateescape"))
        case "protocol", 3:
            return protocol(argv[2].decode("latin-1").lower())
        case "help", 2:
            return help_reply("debug", HELP)
        case _:
            raise CommandError(f"ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP.")
    return OK


def seconds(word: bytes) -> float:
    """As strtod has it in Redis: what is no number is 0."""
    try:
        return parse_float(word)
    except ValueError:
        return 0.0


def protocol(name: str) -> Any:
    """The example of a type. Raises CommandError."""
    if name not in EXAMPLES:
        raise CommandError(f"ERR Wrong protocol type name. Please use one of the following: {'|'.join(EXAMPLES)}")
    return EXAMPLES[name]


HELP = """
    ERROR <string>
        Return an error with <string> as message. Useful for clients' unit tests.
    LOG <message>
        Write <message> to the server log.
    PROTOCOL <type>
        Reply with a test value of the specified type. <type> can be: string,
        integer, double, null, array, set, map, push, verbatim, true, false.
    SET-ACTIVE-EXPIRE <0|1>
        Setting it to 0 disables expiring keys in background when they are not
        accessed. Setting it to 1 reenables the default.
    SLEEP <seconds>
        Stop the server for <seconds>. Decimals allowed.
"""
