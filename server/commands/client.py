"""CLIENT: who is connected, names, and ending connections. What controls a connection is in client_control."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from slotrocks.engine import OK, Verbatim
from slotrocks.server.arguments import integer
from slotrocks.server.client_line import client_line
from slotrocks.server.commands.connection import checked_name
from slotrocks.server.errors import SYNTAX, CommandError
from slotrocks.server.help_text import help_reply
from slotrocks.server.session import Session
from slotrocks.server.table import command

FLAGS = "loading noscript stale"
ADMIN = "admin loading noscript stale"
# Replicas, masters and subscribers do not connect to this server yet: every client is a normal one.
TYPES = {b"normal": True, b"master": False, b"slave": False, b"replica": False, b"pubsub": False}


@command(
    "client", arity=-2, group="connection", since="2.4.0", summary="A container for client connection commands.",
    complexity="Depends on subcommand.",
)  # fmt: skip
def client(s: Session, argv: list[bytes]) -> Any:
    raise AssertionError("a container is never called")


@command("client|id", arity=2, flags=FLAGS, group="connection", since="5.0.0",
         summary="Returns the unique client ID of the connection.")  # fmt: skip
def client_id(s: Session, argv: list[bytes]) -> Any:
    return s.id


@command("client|getname", arity=2, flags=FLAGS, group="connection", since="2.6.9",
         summary="Returns the name of the connection.")  # fmt: skip
def getname(s: Session, argv: list[bytes]) -> Any:
    return s.name or None


@command("client|setname", arity=3, flags=FLAGS, group="connection", since="2.6.9",
         summary="Sets the connection name.")  # fmt: skip
def setname(s: Session, argv: list[bytes]) -> Any:
    s.name = checked_name(argv[2])
    return OK


@command("client|setinfo", arity=4, flags="allow_busy " + FLAGS, group="connection", since="7.2.0",
         summary="Sets information specific to the client or connection.")  # fmt: skip
def setinfo(s: Session, argv: list[bytes]) -> Any:
    option = argv[2].lower()
    shown = argv[2].decode("utf-8", "surrogateescape")
    if option not in (b"lib-name", b"lib-ver"):
        raise CommandError(f"ERR Unrecognized option '{shown}'")
    if any(not 0x21 <= char <= 0x7E for char in argv[3]):
        raise CommandError(f"ERR {shown} cannot contain spaces, newlines or special characters.")
    s.info[option.decode()] = argv[3].decode()
    return OK


@command("client|info", arity=2, flags=FLAGS, group="connection", since="6.2.0",
         summary="Returns information about the connection.")  # fmt: skip
def info(s: Session, argv: list[bytes]) -> Any:
    return Verbatim("txt", client_line(s, s.node.now_ms) + "\n")


@command(
    "client|list", arity=-2, flags=ADMIN, group="connection", since="2.4.0", summary="Lists open connections.",
    complexity="O(N) where N is the number of client connections",
    differs="All clients are of the type normal.",
)  # fmt: skip
def client_list(s: Session, argv: list[bytes]) -> Any:
    listed = list(open_sessions(s))
    if len(argv) == 4 and argv[2].lower() == b"type":
        listed = listed if is_type(argv[3]) else []
    elif len(argv) > 3 and argv[2].lower() == b"id":
        ids = {client_number(word, "ERR Invalid client ID") for word in argv[3:]}
        listed = [other for other in listed if other.id in ids]
    elif len(argv) > 2:
        raise CommandError(SYNTAX)
    return Verbatim("txt", "".join(client_line(other, s.node.now_ms) + "\n" for other in listed))


def open_sessions(s: Session) -> Iterator[Session]:
    """The clients that are connected and stay so."""
    return (other for other in list(s.node.sessions.values()) if not other.link.closing)


def is_type(word: bytes) -> bool:
    """Whether clients are of the type that `word` names. Raises CommandError when there is no such type."""
    of_type = TYPES.get(word.lower())
    if of_type is None:
        raise CommandError(f"ERR Unknown client type '{word.decode('utf-8', 'surrogateescape')}'")
    return of_type


def client_number(word: bytes, error: str) -> int:
    """A positive integer. Raises CommandError."""
    number = integer(word, error)
    if number <= 0:
        raise CommandError(error)
    return number


@command(
    "client|kill", arity=-3, flags=ADMIN, group="connection", since="2.4.0", summary="Terminates open connections.",
    complexity="O(N) where N is the number of client connections",
    differs="MAXAGE is there, as in Redis 7.4. All clients are of the type normal.",
)  # fmt: skip
def kill(s: Session, argv: list[bytes]) -> Any:
    if len(argv) == 3:
        address = argv[2].decode("utf-8", "replace")
        found = [other for other in open_sessions(s) if other.link.peer_name == address]
        if not found:
            raise CommandError("ERR No such client")
        end(s, found[:1])
        return OK
    filters, skip_me = kill_filters(s, argv)
    found = [other for other in open_sessions(s) if all(fits(other) for fits in filters)]
    if skip_me and s in found:
        found.remove(s)
    end(s, found)
    return len(found)


def kill_filters(s: Session, argv: list[bytes]) -> tuple[list[Callable[[Session], bool]], bool]:
    """The conditions that a client must meet to be ended, and whether the caller is spared. Raises CommandError."""
    if len(argv) % 2:
        raise CommandError(SYNTAX)
    filters: dict[bytes, Callable[[Session], bool]] = {}
    skip_me = True
    for name, word in zip(argv[2::2], argv[3::2], strict=True):
        option, text = name.lower(), word.decode("utf-8", "surrogateescape")
        if option == b"id":
            number = client_number(word, "ERR client-id should be greater than 0")
            filters[option] = lambda other, number=number: other.id == number  # type: ignore[misc]
        elif option == b"maxage":
            age = max_age(word)
            created_max = s.node.now_ms / 1000 - age
            filters[option] = lambda other, at=created_max: other.created <= at  # type: ignore[misc]
        elif option == b"type":
            of_type = is_type(word)
            filters[option] = lambda other, of_type=of_type: of_type  # type: ignore[misc]
        elif option == b"addr":
            filters[option] = lambda other, text=text: other.link.peer_name == text  # type: ignore[misc]
        elif option == b"laddr":
            filters[option] = lambda other, text=text: other.link.local_name == text  # type: ignore[misc]
        elif option == b"user":
            if text != "default":
                raise CommandError(f"ERR No such user '{text}'")
        elif option == b"skipme" and word.lower() in (b"yes", b"no"):
            skip_me = word.lower() == b"yes"
        else:
            raise CommandError(SYNTAX)
    return list(filters.values()), skip_me


def max_age(word: bytes) -> int:
    """Seconds. Raises CommandError."""
    age = integer(word, "ERR maxage is not an integer or out of range")
    if age <= 0:
        raise CommandError("ERR maxage should be greater than 0")
    return age


def end(s: Session, found: list[Session]) -> None:
    """Closes connections at once; the caller's own after its reply."""
    for other in found:
        other.link.close(after_replies=other is s)


@command("client|help", arity=2, flags="loading stale", group="connection", since="5.0.0",
         summary="Returns helpful text about the different subcommands.")  # fmt: skip
def client_help(s: Session, argv: list[bytes]) -> Any:
    return help_reply("client", HELP)


HELP = """
    CACHING (YES|NO)
        Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.
    GETREDIR
        Return the client ID we are redirecting to when tracking is enabled.
    GETNAME
        Return the name of the current connection.
    ID
        Return the ID of the current connection.
    INFO
        Return information about the current client connection.
    KILL <ip:port>
        Kill connection made from <ip:port>.
    KILL <option> <value> [<option> <value> [...]]
        Kill connections. Options are:
        * ADDR <ip:port>
          Kill connections made from the specified address
        * LADDR <ip:port>
          Kill connections made to specified local address
        * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)
          Kill connections by type.
        * USER <username>
          Kill connections authenticated by <username>.
        * SKIPME (YES|NO)
          Skip killing current connection (default: yes).
        * ID <client-id>
          Kill connections by client id.
        * MAXAGE <maxage>
          Kill connections older than the specified age, in seconds.
    LIST [options ...]
        Return information about client connections. Options:
        * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)
          Return clients of specified type.
        * ID <client-id> [<client-id> ...]
          Return clients of specified ids.
    UNPAUSE
        Stop the current client pause, resuming traffic.
    PAUSE <timeout> [WRITE|ALL]
        Suspend all, or just write, clients for <timeout> milliseconds.
    REPLY (ON|OFF|SKIP)
        Control the replies sent to the current connection.
    SETNAME <name>
        Assign the name <name> to the current connection.
    SETINFO <option> <value>
        Set client meta attr. Options are:
        * LIB-NAME: the client lib name.
        * LIB-VER: the client lib version.
    UNBLOCK <clientid> [TIMEOUT|ERROR]
        Unblock the specified blocked client.
    TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]
             [OPTIN] [OPTOUT] [NOLOOP]
        Control server assisted client side caching. This server does not support it.
    TRACKINGINFO
        Report tracking status for the current connection.
    NO-EVICT (ON|OFF)
        Protect current client connection from eviction.
    NO-TOUCH (ON|OFF)
        Will not touch LRU/LFU stats when this mode is on.
"""
