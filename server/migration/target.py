"""What a source says to a target, in the two dialects that there are.

A Slotrocks node is addressed with CLUSTERX HANDOVER, which names the job and has two phases. A Kvrocks node knows only
CLUSTER IMPORT <range> <state>: it cannot promise before it serves, so `prepare` says nothing to it, and what became of
an unanswered commit is read off its CLUSTER INFO.
"""

from __future__ import annotations

from slotrocks.server.cluster.ranges import SlotSet
from slotrocks.server.cluster.topology import Node as Peer
from slotrocks.server.config import Config
from slotrocks.server.migration.link import Link, LinkError, Refused
from slotrocks.server.migration.plan import Checked
from slotrocks.server.migration.table import Event

HANDOVER_VERSION = 1

_IMPORT_START, _IMPORT_SUCCESS, _IMPORT_FAILED = 0, 1, 2
_OUTCOMES = {
    b"committed": Event.COMMITTED,
    b"prepared": Event.STILL_PREPARED,
    b"aborted": Event.ABORTED,
    b"unknown": Event.ABORTED,
}


class Target:
    """A link to the target of a job. Every method raises LinkError or Refused."""

    def __init__(self, link: Link, *, kvrocks: bool, takes_batches: bool) -> None:
        self._link = link
        self.kvrocks = kvrocks
        self.takes_batches = takes_batches

    @classmethod
    async def connect(cls, peer: Peer, config: Config, *, kvrocks: bool | None = None) -> Target:
        """Connects, authenticates, and finds out what the other node speaks. If that is known, this is about a job that
        the node has taken part in: another one, which would not know of it, must not be taken for it."""
        timeout_s = config.migrate_response_timeout_ms / 1000
        link = await Link.open(peer.host, peer.port, timeout_s, config.masterauth or config.requirepass)
        try:
            if kvrocks is not None:
                if not kvrocks and await link.call("CLUSTERX", "MYID") != peer.id.encode():
                    raise LinkError(f"another node answers at {peer.address}")
                return cls(link, kvrocks=kvrocks, takes_batches=True)
            info = await link.call("COMMAND", "INFO", "applybatch")
            takes_batches = isinstance(info, list) and len(info) == 1 and isinstance(info[0], list)
            try:
                version = await link.call("CLUSTERX", "HANDOVER", "VERSION")
            except Refused:
                return cls(link, kvrocks=True, takes_batches=takes_batches)
            if version != HANDOVER_VERSION:
                raise LinkError(f"the target speaks hand-over version {version!r}, not {HANDOVER_VERSION}")
            return cls(link, kvrocks=False, takes_batches=takes_batches)
        except BaseException:
            link.close()
            raise

    @property
    def fileno(self) -> int:
        """The socket, to be lent to the sender."""
        return self._link.sock.fileno()

    async def start(self, job: str, source: str, slots: SlotSet, *first: str | int) -> None:
        """Has the target import. `first`: the key of the digest (hexadecimal) and the sequence number of the snapshot,
        if rows are to come, and not commands."""
        if not self.kvrocks:
            await self._link.expect_ok("CLUSTERX", "HANDOVER", "START", job, source, slots.text(), *first)
            return
        if len(slots.ranges) > 1:
            raise LinkError("the target speaks Kvrocks's protocol, which takes one range at a time")
        await self._link.expect_ok("CLUSTER", "IMPORT", slots.text(), _IMPORT_START)

    async def resume(self, job: str, epoch: int) -> tuple[int, Checked] | None:
        """Has the target go on over this link: (position, what it has). None if it does not know the job. `epoch` must
        be higher each time."""
        reply = await self._link.call("CLUSTERX", "HANDOVER", "RESUME", job, epoch)
        if reply is None:
            return None
        match reply:
            case [int(chunks), int(position), int(family), bytes(key), bytes(digest_key)]:
                return position, Checked(job, digest_key.hex(), chunks, family, key.hex())
        raise LinkError(f"RESUME was answered {reply!r:.100}")

    async def prepare(self, job: str, digest: tuple[int, str] | None) -> None:
        """Has the target promise to keep what it got, if its digest of that is (rows, sum)."""
        if not self.kvrocks:
            await self._link.expect_ok("CLUSTERX", "HANDOVER", "PREPARE", job, *(digest or ()))

    async def commit(self, job: str, slots: SlotSet) -> bool:
        """Has the target serve. False: it says that it never will. LinkError or Refused: it is not known."""
        if self.kvrocks:
            try:
                await self._link.expect_ok("CLUSTER", "IMPORT", slots.text(), _IMPORT_SUCCESS)
            except Refused:
                return False
            return True
        await self._link.expect_ok("CLUSTERX", "HANDOVER", "COMMIT", job)
        return True

    async def outcome(self, job: str, slots: SlotSet) -> Event:
        """COMMITTED, STILL_PREPARED or ABORTED, as the target remembers it; NO_ANSWER when it does not say."""
        if not self.kvrocks:
            status = await self._link.call("CLUSTERX", "HANDOVER", "STATUS", job, slots.text())
            return _OUTCOMES.get(status, Event.NO_ANSWER) if isinstance(status, bytes) else Event.NO_ANSWER
        info = await self._link.call("CLUSTER", "INFO")
        if not isinstance(info, bytes):
            return Event.NO_ANSWER
        fields = dict(line.split(":", 1) for line in info.decode(errors="replace").splitlines() if ":" in line)
        if fields.get("importing_slot(s)", "").strip() == slots.text():
            state = fields.get("import_state", "").strip()
            if state == "success":
                return Event.COMMITTED
            if state == "start":
                return Event.NO_ANSWER
        return Event.ABORTED

    async def ask_source(self, job: str) -> str:
        """The other way round: what the source of a job says of it (see inquiry.py)."""
        outcome = await self._link.call("CLUSTERX", "HANDOVER", "OUTCOME", job)
        if outcome not in (b"pending", b"aborted", b"moved"):
            raise LinkError(f"OUTCOME was answered {outcome!r:.100}")
        return str(outcome, "ascii")

    async def abort(self, job: str) -> None:
        """Has the target drop what it got."""
        await self._link.expect_ok("CLUSTERX", "HANDOVER", "ABORT", job)

    def close(self) -> None:
        """Ends the link; an import that was not prepared ends with it."""
        self._link.close()
