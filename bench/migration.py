"""How fast slots move between two nodes: `python -m bench.migration` prints keys/s and MB/s by value size and
migrate-type.

A round moves a third of the slots, full of strings, from one node to the other, from the command to its reply (SYNC):
all of it, the start of the sender's process, the freeze and the hand-over included. The yardstick is one process that
reads the same rows with rocksdict alone (from a secondary instance of the same database, opened before the clock
starts) and writes them into another database, in batches as big as the sender's. MB are those of the user's keys and
values.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count, islice
from pathlib import Path
from statistics import median

from rocksdict import AccessType, Options, Rdict, ReadOptions, WriteBatch

from bench.measure import Comparison, median_ratio
from bench.peers import Client, Server, Words, running, slotrocks_node
from slotrocks.engine import CF_METADATA, COLUMN_FAMILIES, KeyCodec, slot_of

KINDS = ("raw-key-value", "redis-command")
VALUE_SIZES = (100, 1000)
KEYS = 200_000  # that a round moves
ROUNDS = ((0, 5460), (5461, 10921), (10922, 16383))  # the slots of each
SOURCE, TARGET = "a" * 40, "b" * 40
PIPELINE = 1000
BATCH_ROWS = 128  # of 100 B: about the 16 KiB of migrate-batch-size-kb


class MigrationFailed(Exception):
    """A migration did not end with all keys at the target."""


@contextmanager
def two_nodes(kind: str) -> Iterator[tuple[Server, Server]]:
    """A cluster of two nodes, of which the first owns all slots."""

    def command_line(port: int, directory: Path) -> list[str]:
        return [*slotrocks_node(port, directory), "--cluster-enabled", "yes", "--migrate-type", kind]

    with ExitStack() as stack:
        source, target = (stack.enter_context(running(name, command_line)) for name in ("source", "target"))
        topology = f"{SOURCE} 127.0.0.1 {source.port} master - 0-16383\n{TARGET} 127.0.0.1 {target.port} master -"
        for node, node_id in ((source, SOURCE), (target, TARGET)):
            client = Client(node.port)
            client.call("CLUSTERX", "SETNODEID", node_id)
            client.call("CLUSTERX", "SETNODES", topology, 1)
            client.close()
        yield source, target


def fill(source: Server, value_bytes: int) -> list[int]:
    """Writes strings until every round has KEYS of them. How many each has."""
    client = Client(source.port)
    value = b"x" * value_bytes
    counts = [0] * len(ROUNDS)
    numbers = count()
    while min(counts) < KEYS:
        commands: list[Words] = []
        for number in islice(numbers, PIPELINE):
            key = b"key:%012d" % number
            slot = slot_of(key)
            at = next(i for i, (_, last) in enumerate(ROUNDS) if slot <= last)
            if counts[at] < KEYS:
                counts[at] += 1
                commands.append(("SET", key, value))
        client.call_many(commands)
    client.close()
    return counts


def migrate(source: Server, first: int, last: int) -> float:
    """Moves slots to the target. How many seconds that took."""
    client = Client(source.port)
    started = time.perf_counter()
    reply = client.call("CLUSTERX", "MIGRATE", f"{first}-{last}", TARGET, "SYNC")
    seconds = time.perf_counter() - started
    client.close()
    if reply != "OK":
        raise MigrationFailed(f"slots {first}-{last}: {reply}")
    return seconds


def open_view(server: Server, directory: Path) -> Rdict:
    """A read-only view of the metadata rows of a running node, with rocksdict alone."""
    options = Options(raw_mode=True)
    options.set_max_open_files(-1)
    families = {name: Options(raw_mode=True) for name in COLUMN_FAMILIES if name != "default"}
    return Rdict(str(server.directory / "db"), options, families, access_type=AccessType.secondary(str(directory)))


def rewrite(source: Server, first: int, last: int) -> tuple[float, int]:
    """Reads the slots' rows and writes them into a new database. (seconds, rows)."""
    with tempfile.TemporaryDirectory(prefix="slotrocks-bench-") as temporary:
        view = open_view(source, Path(temporary) / "secondary")
        metadata = view.get_column_family(COLUMN_FAMILIES[CF_METADATA])
        copy = Rdict(str(Path(temporary) / "copy"), Options(raw_mode=True))
        begin, end = KeyCodec(True).slot_range(first, last)
        options = ReadOptions()
        options.set_iterate_upper_bound(end)
        rows = 0
        started = time.perf_counter()
        batch = WriteBatch(raw_mode=True)
        for key, value in metadata.items(from_key=begin, read_opt=options):
            batch.put(key, value)
            rows += 1
            if rows % BATCH_ROWS == 0:
                copy.write(batch)
                batch = WriteBatch(raw_mode=True)
        copy.write(batch)
        seconds = time.perf_counter() - started
        for database in (metadata, view, copy):
            database.close()
    return seconds, rows


def check_target(target: Server, keys: int) -> None:
    """Raises MigrationFailed unless the target has as many keys as were moved."""
    with tempfile.TemporaryDirectory(prefix="slotrocks-bench-") as temporary:
        view = open_view(target, Path(temporary))
        metadata = view.get_column_family(COLUMN_FAMILIES[CF_METADATA])
        found = sum(1 for _ in metadata.keys())  # noqa: SIM118 (an iterator of RocksDB, not a dict)
        metadata.close()
        view.close()
    if found != keys:
        raise MigrationFailed(f"the target has {found} keys instead of {keys}")


def measure_kind(kind: str, value_bytes: int) -> Comparison:
    """The rate of migrations of one kind, in keys a second, against rocksdict alone."""
    ours, theirs = [], []
    with two_nodes(kind) as (source, target):
        counts = fill(source, value_bytes)
        for number, ((first, last), keys) in enumerate(zip(ROUNDS, counts, strict=True)):
            if number % 2 == 0:
                ours.append(keys / migrate(source, first, last))
            seconds, rows = rewrite(
                source, first, last
            )  # the source keeps the rows until a new topology says otherwise
            if rows != keys:
                raise MigrationFailed(f"the source has {rows} keys in slots {first}-{last} instead of {keys}")
            theirs.append(rows / seconds)
            if number % 2 == 1:
                ours.append(keys / migrate(source, first, last))
        check_target(target, sum(counts))
    what = f"{kind}, {KEYS:,} strings of {value_bytes} B"
    return Comparison(
        "migration", what, "rocksdict", "keys/s", median(ours), median(theirs), median_ratio(ours, theirs)
    )


def measure() -> Iterator[Comparison]:
    """What the gate asks for."""
    yield measure_kind("raw-key-value", 100)


def main() -> None:
    """Prints the report."""
    for value_bytes in VALUE_SIZES:
        for kind in KINDS:
            result = measure_kind(kind, value_bytes)
            mb_per_s = result.ours * (value_bytes + len(b"key:%012d" % 0)) / 1e6
            print(
                f"{result.what:45} {result.ours:9,.0f} keys/s {mb_per_s:7.1f} MB/s   "
                f"rocksdict alone {result.theirs:9,.0f} keys/s   ratio {result.ratio:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
