"""The one way of a command through the node: look up, check, route, run, reply. Nothing here awaits, so nothing can
change between the check that this node owns a slot and the command's execution.

The order of the checks is Redis's: unknown command, arity, authentication, what MULTI forbids, then (Kvrocks's order,
see cluster/route.py) where the keys live. Inside MULTI a command is checked when it is queued and again, all of them
before the first runs, at EXEC.
"""

from __future__ import annotations

from slotrocks.engine import Simple, Unwritten, slot_of
from slotrocks.server.cluster.route import CROSS_SLOT, HOLD, Hold
from slotrocks.server.errors import CommandError
from slotrocks.server.session import SUSPENDED, Session
from slotrocks.server.streaming import Stream, send
from slotrocks.server.table import Command, find_command

NO_AUTH = "NOAUTH Authentication required."
QUEUED = Simple("QUEUED")


def execute(session: Session, argv: list[bytes]) -> None:
    """Runs one command and writes its reply, or suspends the session."""
    asking = session.asking
    muted_from = -1 if session.reply_mode == "on" else mute(session)
    try:
        row = resolve(session, argv)
        session.last_command = row.name
        pause = session.node.pause
        if pause is not None and pause.holds(session, row):
            pause.hold(session, argv)
            return
        if session.queue is not None and "multi_control" not in row.flags:
            enqueue(session, row, argv)
            return
        if row.has_keys and session.node.cluster is not None and route(session, row, argv) is HOLD:
            session.node.hold(session, argv)
            return
        waiter = session.waiter
        value = session.node.call(session, row, argv)
        if waiter is not None and value is not SUSPENDED:
            session.node.blocking.end(session)
        if isinstance(value, Unwritten):
            deliver(session, argv, value)
        else:
            session.writer.write(value)
        if session.node.blocking.ready:
            session.node.blocking.serve()
    except CommandError as error:
        reject(session, argv, error.text)
    finally:
        if asking and not session.suspended:  # a call that is held runs again, and still asks
            session.asking = False
        if muted_from >= 0:
            unmute(session, muted_from)


def deliver(session: Session, argv: list[bytes], value: Unwritten) -> None:
    """What becomes of a call whose reply comes later, bit by bit, or not at all."""
    if value is SUSPENDED:
        session.argv = argv
    elif isinstance(value, Stream):
        send(session, value)


def mute(session: Session) -> int:
    """CLIENT REPLY OFF or SKIP: begins a call whose reply is dropped. Returns how much was written before it."""
    if session.reply_mode == "skip":
        session.reply_mode = "skipping"
    return session.writer.size


def unmute(session: Session, muted_from: int) -> None:
    """Ends what mute() began. The reply to CLIENT REPLY ON stays."""
    if session.reply_mode == "on":
        return
    session.writer.truncate(muted_from)
    if session.reply_mode == "skipping" and not session.suspended:
        session.reply_mode = "on"


def reject(session: Session, argv: list[bytes], text: str) -> None:
    """Answers with an error; inside MULTI it also dooms the EXEC, and a refused EXEC ends the transaction."""
    if argv[0].upper() == b"EXEC":
        session.end_transaction()
        text = f"EXECABORT Transaction discarded because of: {text.removeprefix('ERR ')}"
    if session.queue is not None:
        session.dirty_exec = True
    if session.waiter is not None:
        session.node.blocking.end(session)
    session.node.on_error(text)
    session.writer.error(text)


def resolve(session: Session, argv: list[bytes]) -> Command:
    """The row of a call that may run: known, of right arity, allowed to this client. Raises CommandError."""
    row = find_command(argv[0])
    if row is None:
        raise CommandError(unknown_command(argv))
    usage = ""
    if row.container and len(argv) > 1:
        usage, row = row.unknown, subcommand(row, argv)
    count = len(argv)
    if count != row.arity if row.arity >= 0 else count < -row.arity:
        row.rejected_calls += 1
        raise CommandError(usage or f"ERR wrong number of arguments for '{row.name}' command")
    if not session.authenticated and not row.no_auth:
        row.rejected_calls += 1
        raise CommandError(NO_AUTH)
    if row.write and session.node.write_error:
        row.rejected_calls += 1
        raise CommandError(f"MISCONF Errors writing to the database, writes are refused: {session.node.write_error}")
    return row


def unknown_command(argv: list[bytes]) -> str:
    """Redis's text, with the first arguments quoted (at most 128 bytes of each)."""
    name = argv[0][:128].decode("utf-8", "replace")
    args = "".join(f"'{arg[:128].decode('utf-8', 'replace')}' " for arg in argv[1:])[:128]
    return f"ERR unknown command '{name}', with args beginning with: {args}"


def subcommand(row: Command, argv: list[bytes]) -> Command:
    """The row of a container's subcommand."""
    sub = row.subcommands.get(argv[1].lower().decode("latin-1"))
    if sub is None:
        raise CommandError(row.unknown or unknown_subcommand(row, argv))
    return sub


def unknown_subcommand(row: Command, argv: list[bytes]) -> str:
    """Redis's text for a container command."""
    return f"ERR unknown subcommand '{argv[1][:128].decode('utf-8', 'replace')}'. Try {row.name.upper()} HELP."


def route(session: Session, row: Command, argv: list[bytes]) -> Hold | None:
    """Whether the keys of a call are served here: None if so, HOLD if they will be soon. Raises CommandError with the
    redirection otherwise."""
    cluster = session.node.cluster
    assert cluster is not None
    if row.single_key:
        slot = slot_of(argv[1])
    else:
        keys = row.find_keys(argv)
        if not keys:
            return None
        slot = slot_of(keys[0])
        for key in keys[1:]:
            if slot_of(key) != slot:
                raise CommandError(CROSS_SLOT)
    asking = session.asking or "asking" in row.flags
    decision = cluster.slots.decide(
        slot, row.write, asking=asking, readonly=session.readonly, importer=session.importing is not None
    )
    if decision is None or decision is HOLD:
        return decision
    row.rejected_calls += 1
    raise CommandError(decision)


def enqueue(session: Session, row: Command, argv: list[bytes]) -> None:
    """Queues a call inside MULTI. A slot that is frozen just now does not matter yet: EXEC checks again."""
    assert session.queue is not None
    if row.no_multi:
        raise CommandError(f"ERR Command not allowed inside a transaction: {row.name}")
    if row.has_keys and session.node.cluster is not None:
        route(session, row, argv)
    session.queue.append((row, argv))
    session.writer.write(QUEUED)
