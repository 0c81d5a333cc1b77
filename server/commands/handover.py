"""CLUSTERX HANDOVER: what a Slotrocks source says to a Slotrocks target (see migration/table.py for the protocol).

    VERSION                                     -> :1
    START <job> <source> <slots>                -> +OK      this connection feeds the import from now on, by commands
    START <job> <source> <slots> <key> <seq>    -> +OK      ... by rows, which are digested with a key (hexadecimal);
                                                            the source's changes after a sequence number will follow
    ROWS <job> <chunk> <batch>                  -> +OK      the next rows of the snapshot
    CHANGES <job> <chunk> <position> <batch>    -> +OK      the next changes, up to a sequence number
    RESUME <job> <epoch>                        -> array    this connection feeds it from now on; how far it has come:
                                                            chunks, position, column family, storage key, key of the
                                                            digest; null if the job is not known
    PREPARE <job>                               -> +OK      durable: the data stays until the outcome is known
    PREPARE <job> <rows> <digest>               -> +OK      ... and is what the source says it is
    COMMIT <job>                                -> +OK      durable: this node serves the slots
    ABORT <job>                                 -> +OK      what came is dropped; refused once committed
    STATUS <job> <slots>                        -> importing | prepared | committed | aborted | unknown; durable

and what a target that has promised says to a source that has fallen silent (see migration/inquiry.py):

    OUTCOME <job>                               -> pending | aborted | moved

Rows, changes and PREPARE count only over the connection that feeds the import; the others come over any.
"""

from __future__ import annotations

from typing import Any

from slotrocks.engine import DIGEST_KEY_BYTES, OK, RowDigest
from slotrocks.server.cluster.ranges import SlotSet, parse_ranges
from slotrocks.server.commands.cluster import cluster_of, require_admin
from slotrocks.server.errors import CommandError
from slotrocks.server.migration import faults
from slotrocks.server.migration.importer import Importer
from slotrocks.server.migration.progress import Progress
from slotrocks.server.migration.records import ImportState
from slotrocks.server.migration.target import HANDOVER_VERSION
from slotrocks.server.session import Session
from slotrocks.server.table import command

SYNTAX = "ERR syntax error"


@command("clusterx|handover", arity=-3, flags="admin stale noscript no_multi", group="cluster", since="0.1.0",
         summary="Internal: what the two ends of a migration say to each other.")  # fmt: skip
def handover(s: Session, argv: list[bytes]) -> Any:
    importer = cluster_of(s).importer
    require_admin(s)
    match [argv[2].lower(), *argv[3:]]:
        case [b"rows", job, number, batch]:
            importer.receive(s, _text(job)).add(_number(number), batch)
            return OK
        case [b"changes", job, number, position, batch]:
            importer.receive(s, _text(job)).change(_number(number), _number(position), batch)
            return OK
        case [b"version"]:
            return HANDOVER_VERSION
        case [b"start", job, source, slots, *rest]:
            importer.start(s, _slots(slots), _text(job), _text(source), first=_first(rest))
            return OK
        case [b"resume", job, epoch]:
            progress = importer.resume(s, _text(job), _number(epoch))
            if progress is None:
                return None
            return [progress.chunks, progress.position, progress.family, progress.key, progress.digest.key]
        case [b"prepare", job, *rest]:
            importer.prepare(s, _text(job), _digest(rest))
            return s.node.reply_when_synced(s, lambda: faults.reach("target.prepare.synced"))
        case [b"commit", job]:
            each = importer.find(_text(job))
            importer.commit(each)
            return s.node.reply_when_synced(s, lambda: importer.serve(each))
        case [b"abort", job]:
            importer.abort(importer.find(_text(job)), "the source gave up", by_source=True)
            return OK
        case [b"outcome", job]:
            return cluster_of(s).coordinator.outcome(_text(job))
        case [b"status", job, slots]:
            return _status(s, importer, _text(job), _slots(slots))
        case _:
            raise CommandError(SYNTAX)


def _status(s: Session, importer: Importer, job: str, slots: SlotSet) -> Any:
    """What became of a job. A commit that was noted must be durable before anybody is told of it."""
    status = importer.status(job, slots)
    if status != ImportState.COMMITTED.value:
        return status
    each = importer.known(job)
    return s.node.reply_when_synced(s, None if each is None else lambda: importer.serve(each), status)


def _first(words: list[bytes]) -> Progress | None:
    """What a START says of the digest, if it does."""
    if not words:
        return None
    if len(words) != 2:
        raise CommandError(SYNTAX)
    key = _hexadecimal(words[0])
    if len(key) != DIGEST_KEY_BYTES:
        raise CommandError(SYNTAX)
    return Progress(RowDigest(key), _number(words[1]))


def _digest(words: list[bytes]) -> tuple[int, bytes] | None:
    """(rows, sum) that a PREPARE expects, if it does."""
    if not words:
        return None
    if len(words) != 2:
        raise CommandError(SYNTAX)
    return _number(words[0]), _hexadecimal(words[1])


def _text(word: bytes) -> str:
    return word.decode("latin-1")


def _slots(word: bytes) -> SlotSet:
    return parse_ranges(_text(word))


def _number(word: bytes) -> int:
    if not word.isdigit():
        raise CommandError(SYNTAX)
    return int(word)


def _hexadecimal(word: bytes) -> bytes:
    try:
        return bytes.fromhex(_text(word))
    except ValueError:
        raise CommandError(SYNTAX) from None
