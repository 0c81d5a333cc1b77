"""One node: everything that a process serves, put together, and its life from start to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import uvloop
from rocksdict import WriteBatch

from slotrocks.engine import OK, NodeState, ReplyError, Store, StoreError, Transaction, Unwritten
from slotrocks.server import commands, dispatch
from slotrocks.server.background import Background
from slotrocks.server.blocking import Blocking
from slotrocks.server.cluster.state import Cluster
from slotrocks.server.config import Config
from slotrocks.server.connection import Connection
from slotrocks.server.errors import CommandError, ConfigError
from slotrocks.server.expiry import Expiry
from slotrocks.server.expiry_index import index_some
from slotrocks.server.latency import Latency
from slotrocks.server.monitor import monitor_line
from slotrocks.server.pause import Pause
from slotrocks.server.redact import redacted
from slotrocks.server.scan_cursors import ScanCursors
from slotrocks.server.session import Link, Session, Suspended
from slotrocks.server.slowlog import SlowLog
from slotrocks.server.stats import Stats
from slotrocks.server.store_options import store_options
from slotrocks.server.sweep import Sweep
from slotrocks.server.table import ROWS_BY_WORD, Command, all_rows, rename_command
from slotrocks.server.tick import Tick

log = logging.getLogger(__name__)

CRON_INTERVAL_S = 0.1
GC_ALLOCATIONS_MIN = 50_000


class Watcher(Protocol):
    """Who wants to know that a key changed: a session after WATCH, or a command that goes on for a while."""

    dirty_watch: bool


class Node(NodeState):
    """A running node. Everything on it belongs to one event loop."""

    stats: Stats
    pause: Pause | None
    monitors: set[Session]
    watchers: dict[bytes, set[Watcher]]

    def __init__(self, config: Config, loop: asyncio.AbstractEventLoop) -> None:
        """Opens the database. Raises StoreError or ConfigError. Commands are renamed for the whole process."""
        commands.load()
        for old, new in config.rename_command:
            try:
                rename_command(old, new)
            except KeyError:
                raise ConfigError(f"rename-command: there is no command '{old}'") from None
        self.config = config
        self.loop = loop
        self.directory = Path(config.dir)
        self.store = Store(self.directory / "db", slot_encoded=config.cluster_enabled, options=store_options(config))
        super().__init__(Transaction(self.store), Stats(), ROWS_BY_WORD)
        self.slowlog = SlowLog(config)
        self.latency = Latency(config)
        self.started = time.time()
        self.port = config.port
        self.sessions: dict[int, Session] = {}
        self.blocking = Blocking(self)
        self.scan_cursors = ScanCursors()
        self.tick = Tick(self, loop)
        self.expiry = Expiry(self)
        self.indexing = Background(self, "the index of expiries", lambda: index_some(self))
        self.sweep: Sweep | None = None  # the last COMPACT
        self.cluster = Cluster(self) if config.cluster_enabled else None
        self.served = None if self.cluster is None else self.cluster.slots.served
        self.stopping = asyncio.Event()
        self._ids = count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        for option in ("slowlog-log-slower-than", "latency-monitor-threshold"):
            config.on_change(option, self._set_slow_us)
        self._set_slow_us()
        self.output_bytes_max = float("inf")  # unsent replies at which a client is closed
        config.on_change("client-output-buffer-limit", self._set_output_bytes_max)
        self._set_output_bytes_max()
        self._servers: list[asyncio.Server] = []
        self._cron_handle: asyncio.TimerHandle | None = None

    # -- life

    async def start(self) -> None:
        """Takes up what was going on before, then listens. Raises OSError when an address is taken."""
        if self.cluster is not None:
            self.cluster.start()
        for address in self.config.bind:
            server = await self.loop.create_server(
                lambda: Connection(self), address, self.port, backlog=self.config.tcp_backlog
            )
            self._servers.append(server)
            self.port = server.sockets[0].getsockname()[1]
        self._cron()
        log.info("ready to accept connections on port %d, data in %s", self.port, self.directory)

    async def stop(self) -> None:
        """Stops listening, ends the connections, commits and closes the database."""
        log.info("stopping")
        for server in self._servers:
            server.close()
        if self.cluster is not None:
            await self.cluster.stop()
        if self._cron_handle is not None:
            self._cron_handle.cancel()
        self.expiry.close()
        self.indexing.close()
        if self.sweep is not None:
            self.sweep.background.close()
        self.tick.close()
        for session in list(self.sessions.values()):
            session.link.close()
            self.close_session(session)  # now: its transport tells of the end only after the database is closed
        await asyncio.sleep(0)
        self.tick.end()
        self.txn.commit()
        self.store.close()
        log.info("stopped: everything is saved")

    def _cron(self) -> None:
        self._cron_handle = self.loop.call_later(CRON_INTERVAL_S, self._cron)
        self.refresh_clock()
        now = self.loop.time()
        self.stats.commands.sample(now, self.commands_processed)
        self.stats.input_bytes.sample(now, self.stats.net_input_bytes)
        self.stats.output_bytes.sample(now, self.stats.net_output_bytes)
        if self.config.timeout:
            for session in list(self.sessions.values()):
                idle = not session.blocked and session.importing is None
                if idle and self.now_ms - session.last_active_ms > self.config.timeout * 1000:
                    session.link.close()

    def _set_slow_us(self) -> None:
        slowlog_us = self.config.slowlog_log_slower_than
        latency_ms = self.config.latency_monitor_threshold
        limits = [float(slowlog_us)] if slowlog_us >= 0 else []
        limits += [latency_ms * 1000.0] if latency_ms else []
        self.slow_us = min(limits, default=float("inf"))

    def _set_output_bytes_max(self) -> None:
        self.output_bytes_max = self.config.client_output_buffer_limit.normal.hard_bytes or float("inf")

    # -- limits

    @property
    def full(self) -> bool:
        """Whether there are more clients than allowed."""
        return len(self.sessions) > self.config.maxclients

    @property
    def commands_processed(self) -> int:
        """Calls of all commands since the last CONFIG RESETSTAT."""
        return sum(row.calls for row in all_rows())

    # -- clients

    def open_session(self, link: Link) -> Session:
        """A new client's session."""
        session = Session(self, link, next(self._ids), self.now_ms / 1000)
        self.sessions[session.id] = session
        self.stats.connections_received += 1
        return session

    def close_session(self, session: Session) -> None:
        """The client is gone: whatever it waited for, watched or fed ends with it."""
        self.sessions.pop(session.id, None)
        session.cancel()
        if self.cluster is not None:
            self.cluster.on_session_closed(session)

    def watch(self, session: Session, key: bytes, expire_ms: int) -> None:
        """WATCH: a later change of `key` makes the session's EXEC answer nil, and so does its end at `expire_ms`
        (0 = none, or dead already)."""
        session.watched[key] = expire_ms
        self.watchers.setdefault(key, set()).add(session)

    def unwatch(self, session: Session) -> None:
        """UNWATCH, and the end of every EXEC and DISCARD."""
        for key in session.watched:
            sessions = self.watchers[key]
            sessions.discard(session)
            if not sessions:
                del self.watchers[key]
        session.watched.clear()
        session.dirty_watch = False

    # -- what calls need, see NodeState

    def dispatch(self, session: Session, argv: list[bytes]) -> None:
        """A call that is not plain."""
        dispatch.execute(session, argv)

    def deliver(self, session: Session, argv: list[bytes], value: Unwritten) -> None:
        """A reply that does not go out at once."""
        dispatch.deliver(session, argv, value)

    def on_error(self, text: str) -> None:
        """A call was answered with an error."""
        self.stats.error_replies[text.split(" ", 1)[0]] += 1

    def serve_blocked(self) -> None:
        """A call has ended while clients wait for keys."""
        if self.blocking.ready:
            self.blocking.serve()

    def on_touched(self, keys: list[bytes]) -> None:
        """Keys changed: tells the sessions that watch them or wait for them."""
        if self.watchers:
            for key in keys:
                for session in self.watchers.get(key, ()):
                    session.dirty_watch = True
        if self.blocking.queues:
            self.blocking.on_touched(keys)

    def on_all_touched(self) -> None:
        """Any key may have changed (rows were written as they are, a slot left)."""
        for sessions in self.watchers.values():
            for session in sessions:
                session.dirty_watch = True
        self.blocking.on_touched(list(self.blocking.queues))

    def on_slow(self, session: Session, row: Command, argv: list[bytes], elapsed_us: int) -> None:
        """A command took longer than SLOWLOG or LATENCY tolerate."""
        self.slowlog.add(session, row, argv, elapsed_us, self.now_ms // 1000)
        self.latency.add("command", elapsed_us // 1000, self.now_ms // 1000)

    def feed_monitors(self, session: Session, row: Command, argv: list[bytes]) -> None:
        """Shows a command to the clients of MONITOR."""
        if "skip_monitor" in row.flags or "admin" in row.flags:
            return
        line = monitor_line(time.time(), session.link.peer_name, redacted(row.name, argv))
        for monitor in self.monitors:
            monitor.push(line)

    def write_now(self, batch: WriteBatch) -> None:
        """Writes a batch outside the transaction, which must have been committed. Raises CommandError when it fails."""
        self.txn.forget_cached()
        try:
            self.store.write(batch)
        except Exception as error:
            self.tick.on_write_failure(error)
            raise CommandError(f"MISCONF Errors writing to the database: {error}") from error
        self.tick.on_written()

    def flush_memtables(self) -> None:
        """Has RocksDB write its memtables to files, in the background."""
        self.tick.end()
        self.store.flush()

    async def sync(self) -> None:
        """Commits, and forces everything written so far to the medium. Raises when any of it is not safe."""
        self.tick.end()
        if self.write_error:
            raise OSError(self.write_error)  # a commit that failed is not made good by a sync that does not
        await self.tick.sync()

    def reply_when_synced(self, session: Session, then: Callable[[], None] | None = None, value: Any = OK) -> Suspended:
        """Suspends a session until everything written is on the medium; then calls `then` and answers `value`."""

        async def reply() -> None:
            try:
                await self.sync()
            except Exception as error:
                session.resume(ReplyError(f"ERR cannot sync: {error}"))
                return
            if then is not None:
                then()
            if self.sessions.get(session.id) is session:
                session.resume(value)

        task = self.loop.create_task(reply())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return session.suspend()

    def hold(self, session: Session, argv: list[bytes]) -> None:
        """Keeps a write to a frozen slot waiting: it runs again when the freeze ends, one way or the other."""
        assert self.cluster is not None
        session.argv = argv
        session.suspend(lambda: self.cluster.held.discard(session))  # type: ignore[union-attr]
        self.cluster.held.add(session)


async def serve(config: Config) -> int:
    """Runs a node until SIGTERM or SIGINT. The process's exit status."""
    loop = asyncio.get_running_loop()
    try:
        node = Node(config, loop)
    except (StoreError, ConfigError) as error:
        log.critical("%s", error)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, node.stopping.set)
    try:
        await node.start()
    except OSError as error:
        log.critical("cannot listen on port %d: %s", config.port, error)
        await node.stop()
        return 1
    # What lives as long as the process (modules, the command table) is not worth looking at again in each collection.
    gc.collect()
    gc.freeze()
    # Commands make many short-lived lists and tuples, and hardly any cycles.
    gc.set_threshold(GC_ALLOCATIONS_MIN)
    await node.stopping.wait()
    await node.stop()
    return 0


def run(config: Config) -> int:
    """Runs a node in an event loop of its own until it is told to stop. The process's exit status."""
    return uvloop.run(serve(config))
