"""XGROUP: consumer groups of a stream, and the consumers in them."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import OK
from slotrocks.engine.types import streams, streams_groups
from slotrocks.engine.types.streams import Stream
from slotrocks.engine.types.streams_ids import FIRST, LAST
from slotrocks.engine.types.streams_rows import ENTRIES_READ_UNKNOWN, Group
from slotrocks.server.arguments import integer
from slotrocks.server.errors import CommandError
from slotrocks.server.help_text import help_reply
from slotrocks.server.session import Session
from slotrocks.server.stream_arguments import strict_id, text_of
from slotrocks.server.table import command

NO_KEY = (
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option "
    "to create an empty stream automatically."
)
HELP = """
    CREATE <key> <groupname> <id|$> [option]
        Create a new consumer group. Options are:
        * MKSTREAM
          Create the empty stream if it does not exist.
        * ENTRIESREAD entries_read
          Set the group's entries_read counter (internal use).
    CREATECONSUMER <key> <groupname> <consumer>
        Create a new consumer in the specified group.
    DELCONSUMER <key> <groupname> <consumer>
        Remove the specified consumer.
    DESTROY <key> <groupname>
        Remove the specified group.
    SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]
        Set the current group ID and entries_read counter.
"""


def bad_subcommand(argv: list[bytes]) -> CommandError:
    """For arguments that a subcommand does not take."""
    shown, name = text_of(argv[1][:128]), argv[0].decode().upper()
    return CommandError(f"ERR unknown subcommand or wrong number of arguments for '{shown}'. Try {name} HELP.")


def no_group(key: bytes, group: bytes) -> CommandError:
    """For a group that a living stream does not have."""
    return CommandError(f"NOGROUP No such consumer group '{text_of(group)}' for key name '{text_of(key)}'")


def stream_of(s: Session, key: bytes) -> Stream:
    """The stream at a key that has to exist."""
    stream = streams.find(s.txn, key)
    if stream is None:
        raise CommandError(NO_KEY)
    return stream


def group_of(s: Session, argv: list[bytes]) -> tuple[Stream, Group]:
    """The stream at key argv[2] and its group argv[3], which have to exist."""
    stream = stream_of(s, argv[2])
    group = streams_groups.find(s.txn, stream, argv[3])
    if group is None:
        raise no_group(argv[2], argv[3])
    return stream, group


def parse_options(argv: list[bytes], *, create: bool) -> tuple[bool, int]:
    """The options of CREATE or SETID, from argv[5] on: (MKSTREAM, ENTRIESREAD)."""
    mkstream = False
    entries_read = ENTRIES_READ_UNKNOWN
    i = 5
    while i < len(argv):
        option = argv[i].upper()
        if create and option == b"MKSTREAM":
            mkstream = True
            i += 1
        elif option == b"ENTRIESREAD" and i + 1 < len(argv):
            entries_read = integer(argv[i + 1])
            if entries_read < 0 and entries_read != ENTRIES_READ_UNKNOWN:
                raise CommandError("ERR value for ENTRIESREAD must be positive or -1")
            i += 2
        else:
            raise bad_subcommand(argv)
    return mkstream, entries_read


@command("xgroup", arity=-2, group="stream", since="5.0.0", summary="A container for consumer groups commands.",
         complexity="Depends on subcommand.")  # fmt: skip
def xgroup(s: Session, argv: list[bytes]) -> Any:
    raise AssertionError("a container is never called")


@command(
    "xgroup|create", arity=-5, flags="write denyoom", keys=(2, 2, 1), group="stream", since="5.0.0",
    summary="Creates a consumer group.",
    differs="Names may begin with a digit (Kvrocks: refused).",
)  # fmt: skip
def create(s: Session, argv: list[bytes]) -> Any:
    mkstream, entries_read = parse_options(argv, create=True)
    stream = streams.find(s.txn, argv[2])
    if stream is None and not mkstream:
        raise CommandError(NO_KEY)
    if len(argv) > 8:
        raise bad_subcommand(argv)
    newest = FIRST if stream is None else stream.last_id
    last_id = newest if argv[4] == b"$" else strict_id(argv[4])
    if stream is None:
        stream = streams.create(s.txn, argv[2])
    if not streams_groups.create(s.txn, stream, argv[3], last_id, entries_read):
        raise CommandError("BUSYGROUP Consumer Group name already exists")
    return OK


@command(
    "xgroup|setid", arity=-5, flags="write", keys=(2, 2, 1), group="stream", since="5.0.0",
    summary="Sets the last-delivered ID of a consumer group.",
)  # fmt: skip
def setid(s: Session, argv: list[bytes]) -> Any:
    _, entries_read = parse_options(argv, create=False)
    stream, group = group_of(s, argv)
    if len(argv) > 7:
        raise bad_subcommand(argv)
    special = {b"$": stream.last_id, b"-": FIRST, b"+": LAST}
    last_id = special.get(argv[4]) or strict_id(argv[4])
    streams_groups.set_id(s.txn, stream, group, last_id, entries_read)
    return OK


@command(
    "xgroup|destroy", arity=4, flags="write", keys=(2, 2, 1), group="stream", since="5.0.0",
    summary="Destroys a consumer group.",
    complexity="O(N) where N is the number of entries in the group's pending entries list (PEL), while they are few.",
)  # fmt: skip
def destroy(s: Session, argv: list[bytes]) -> Any:
    return int(streams_groups.destroy(s.txn, stream_of(s, argv[2]), argv[3]))


@command(
    "xgroup|createconsumer", arity=5, flags="write denyoom", keys=(2, 2, 1), group="stream", since="6.2.0",
    summary="Creates a consumer in a consumer group.",
)  # fmt: skip
def createconsumer(s: Session, argv: list[bytes]) -> Any:
    return int(streams_groups.create_consumer(s.txn, *group_of(s, argv), argv[4]))


@command(
    "xgroup|delconsumer", arity=5, flags="write", keys=(2, 2, 1), group="stream", since="5.0.0",
    summary="Deletes a consumer from a consumer group.",
    complexity="O(N) where N is the number of entries in the group's pending entries list (PEL).",
)  # fmt: skip
def delconsumer(s: Session, argv: list[bytes]) -> Any:
    return streams_groups.delete_consumer(s.txn, *group_of(s, argv), argv[4])


@command("xgroup|help", arity=2, flags="loading stale", group="stream", since="5.0.0",
         summary="Returns helpful text about the different subcommands.")  # fmt: skip
def xgroup_help(s: Session, argv: list[bytes]) -> Any:
    return help_reply("xgroup", HELP)
