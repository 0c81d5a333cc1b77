"""PING, ECHO, HELLO, AUTH, SELECT, QUIT and RESET: a client's way in, and out."""

from __future__ import annotations

from hmac import compare_digest
from typing import Any

from slotrocks.engine import OK, Simple
from slotrocks.server.arguments import int32, integer
from slotrocks.server.errors import CommandError
from slotrocks.server.session import Session
from slotrocks.server.table import command
from slotrocks.server.version import REDIS_VERSION

PONG = Simple("PONG")
USER = b"default"

WRONG_PASSWORD = "WRONGPASS invalid username-password pair or user is disabled."
NO_PASSWORD = (
    "ERR AUTH <password> called without any password configured for the default user. "
    "Are you sure your configuration is correct?"
)
HELLO_NO_AUTH = (
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> "
    "option can be used to authenticate the client and select the RESP protocol version at the same time"
)
BAD_NAME = "ERR Client names cannot contain spaces, newlines or special characters."


@command(
    "ping", arity=-1, flags="fast", group="connection", since="1.0.0",
    summary="Returns the server's liveliness response.",
)  # fmt: skip
def ping(s: Session, argv: list[bytes]) -> Any:
    if len(argv) > 2:
        raise CommandError("ERR wrong number of arguments for 'ping' command")
    return argv[1] if len(argv) == 2 else PONG


@command(
    "echo", arity=2, flags="fast loading stale", group="connection", since="1.0.0", summary="Returns the given string."
)
def echo(s: Session, argv: list[bytes]) -> Any:
    return argv[1]


@command(
    "hello", arity=-1, flags="allow_busy fast loading no_auth noscript stale", group="connection", since="6.0.0",
    summary="Handshakes with the server.",
    differs="RESP3 is always there (Kvrocks: resp3-enabled). The role is always master, the version that of the Redis "
    "that is followed.",
)  # fmt: skip
def hello(s: Session, argv: list[bytes]) -> Any:
    protocol = None
    if len(argv) > 1:
        protocol = integer(argv[1], "ERR Protocol version is not an integer or out of range")
        if protocol not in (2, 3):
            raise CommandError("NOPROTO unsupported protocol version")
    credentials: list[bytes] = []
    name = None
    i = 2
    while i < len(argv):
        option, left = argv[i].lower(), len(argv) - i - 1
        if option == b"auth" and left >= 2:
            credentials = argv[i + 1 : i + 3]
            i += 3
        elif option == b"setname" and left:
            name = checked_name(argv[i + 1])
            i += 2
        else:
            raise CommandError(f"ERR Syntax error in HELLO option '{argv[i].decode('utf-8', 'surrogateescape')}'")
    if credentials:
        authenticate(s, *credentials)
    if not s.authenticated:
        raise CommandError(HELLO_NO_AUTH)
    if name is not None:
        s.name = name
    if protocol is not None:
        s.writer.protocol = protocol
    return {
        "server": "redis",
        "version": REDIS_VERSION,
        "proto": s.protocol,
        "id": s.id,
        "mode": "standalone" if s.node.cluster is None else "cluster",
        "role": "master",
        "modules": [],
    }


def checked_name(name: bytes) -> bytes:
    """A client's name, which CLIENT LIST must be able to show. Raises CommandError."""
    if any(not 0x21 <= char <= 0x7E for char in name):
        raise CommandError(BAD_NAME)
    return name


@command(
    "auth", arity=-2, flags="allow_busy fast loading no_auth noscript stale", group="connection", since="1.0.0",
    summary="Authenticates the connection.", complexity="O(N) where N is the number of passwords defined for the user",
    differs="There is one user, default, with the password requirepass; no ACL, and no namespaces as in Kvrocks.",
)  # fmt: skip
def auth(s: Session, argv: list[bytes]) -> Any:
    if len(argv) > 3:
        raise CommandError("ERR syntax error")
    if len(argv) == 2 and not s.node.config.requirepass:
        raise CommandError(NO_PASSWORD)
    authenticate(s, USER if len(argv) == 2 else argv[1], argv[-1])
    return OK


def authenticate(s: Session, user: bytes, password: bytes) -> None:
    """Lets a client in. The time this takes tells nothing about the password. Raises CommandError."""
    wanted = s.node.config.requirepass
    right = not wanted or compare_digest(password, wanted)
    if user != USER or not right:
        raise CommandError(WRONG_PASSWORD)
    set_authenticated(s, True)


def set_authenticated(s: Session, authenticated: bool) -> None:
    """Changes what the client may do, and how much it may send at once."""
    s.authenticated = authenticated
    s.link.on_authenticated(authenticated)


@command(
    "select", arity=2, flags="fast loading stale", group="connection", since="1.0.0",
    summary="Changes the selected database.",
    differs="Only 0. Kvrocks 2.10 answers OK to any number, and changes nothing.",
)  # fmt: skip
def select(s: Session, argv: list[bytes]) -> Any:
    index = int32(argv[1])
    if s.node.cluster is not None and index != 0:
        raise CommandError("ERR SELECT is not allowed in cluster mode")
    if index != 0:
        raise CommandError("ERR DB index is out of range")
    return OK


@command(
    "quit", arity=-1, flags="allow_busy fast loading no_auth noscript stale multi_control", group="connection",
    since="1.0.0", summary="Closes the connection.",
)  # fmt: skip
def quit(s: Session, argv: list[bytes]) -> Any:
    s.link.close()
    return OK


@command(
    "reset", arity=1, flags="allow_busy fast loading no_auth noscript stale multi_control", group="connection",
    since="6.2.0", summary="Resets the connection.",
)  # fmt: skip
def reset(s: Session, argv: list[bytes]) -> Any:
    s.end_transaction()
    s.node.monitors.discard(s)
    s.asking = s.readonly = s.no_evict = s.no_touch = False
    s.name = b""
    s.user = USER.decode()
    s.reply_mode = "on"
    s.writer.protocol = 2
    set_authenticated(s, not s.node.config.requirepass)
    return Simple("RESET")
