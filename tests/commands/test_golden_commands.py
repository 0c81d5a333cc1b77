"""What a real Kvrocks wrote, read by our commands; and the same commands here write the same rows.

Not there are sortedints, JSON and bloom filters: their keys are kept, but their commands are not supported.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hiredis
import pytest
from node_bench import Bench

import golden_files
from slotrocks.engine import COLUMN_FAMILIES, TYPE_NAMES, KeyCodec, decode_metadata
from slotrocks.engine.types.streams_rows import Consumer, Group, Pending, decode_row

FOREIGN = {b"SIADD", b"BF.RESERVE", b"BF.ADD", b"JSON.SET"}
FOREIGN_KEYS = {b"si", b"bf", b"js"}  # after the tag
# Kvrocks prints a float with six digits behind the point, and stores that; Redis's form is ours.
OTHER_FLOAT = b"f"
DATA_FAMILIES = ("default", "metadata", "zset_score", "stream")
EXPIRY_MS = 2524608000000

READS: list[tuple[str, Any]] = [
    ("GET TAGstr", b"hello"),
    ("GET TAGempty", b""),
    ("GET TAGttl", b"x"),
    ("PEXPIRETIME TAGttl", EXPIRY_MS),
    ("PEXPIRETIME TAGstr", -1),
    ("MGET TAGapp TAGrange TAGn TAGgone", [b"abc", b"\0\0\0\0\0z", b"-42", None]),
    ("STRLEN TAGrange", 6),
    ("GETRANGE TAGapp 1 -1", b"bc"),
    ("GET TAGf", b"3.250000"),
    ("HGETALL TAGh", [b"", b"emptyfield", b"cnt", b"7", b"f1", b"v1"]),
    ("HLEN TAGh", 3),
    ("HMGET TAGh f1 f2 cnt", [b"v1", None, b"7"]),
    ("HGET TAGhttl a", b"1"),
    ("PEXPIRETIME TAGhttl", EXPIRY_MS),
    ("HGETALL TAGhgone", []),
    ("HGETALL TAGagain", [b"new", b"2"]),
    ("LRANGE TAGl 0 -1", [b"A", b"b", b"bb", b"c"]),
    ("LLEN TAGl", 4),
    ("LINDEX TAGl -1", b"c"),
    ("LPOS TAGl bb", 2),
    ("LRANGE TAGl2 0 -1", [b"5", b"6", b"7", b"8", b"9"]),
    ("SMEMBERS TAGs", [b"", b"m1", b"m3"]),
    ("SCARD TAGs", 3),
    ("SMISMEMBER TAGs m1 m2 m3", [1, 0, 1]),
    (
        "ZRANGE TAGz 0 -1 WITHSCORES",
        [b"ninf", b"-inf", b"minus", b"-2.5", b"tiny", b"1e-10", b"eins", b"1", b"one", b"1.5", b"inf", b"inf"],
    ),
    ("ZCARD TAGz", 6),
    ("ZCOUNT TAGz -2.5 (1.5", 3),
    ("ZREVRANK TAGz one", 1),
    ("ZSCORE TAGz zero", None),
    ("GEODIST TAGgeo Palermo Catania", b"166274.1516"),
    ("GEOHASH TAGgeo Palermo Catania", [b"sqc8b49rny0", b"sqdtr74hyu0"]),
    ("GEOSEARCH TAGgeo FROMLONLAT 15 37 BYRADIUS 100 km", [b"Catania"]),
    ("BITCOUNT TAGbm", 4),
    ("GETBIT TAGbm 8191", 1),
    ("GETBIT TAGbm 8190", 0),
    ("BITPOS TAGbm 1 1", 1023 * 8 + 7),
    ("STRLEN TAGbm", 1251),
    ("PFCOUNT TAGhll", 4),
    ("XLEN TAGx", 2),
    ("XRANGE TAGx - +", [[b"1-1", [b"f", b"v", b"g", b"w"]], [b"5-0", [b"k", b""]]]),
    ("XREVRANGE TAGx + - COUNT 1", [[b"5-0", [b"k", b""]]]),
    ("XREAD STREAMS TAGx 1-1", [[b"TAGx", [[b"5-0", [b"k", b""]]]]]),
    ("XGROUP CREATECONSUMER TAGx grp bob", 1),
    ("TYPE TAGx", b"stream"),
    ("TYPE TAGz", b"zset"),
    ("TYPE TAGbm", b"string"),
    ("TYPE TAGsi", b"sortedint"),
    ("TYPE TAGbf", b"MBbloom--"),
    ("TYPE TAGjs", b"ReJSON-RL"),
    ("EXISTS TAGgone TAGhgone TAGagain TAGsi TAGbf TAGjs", 4),
]


def plain_keys(bench: Bench) -> Bench:
    """Slot-encoded keys, without a topology that would have to assign the slots."""
    bench.node.cluster = None
    return bench


@pytest.fixture(params=[b"{t}", b"{v}"], ids=["t", "v"])
def tag(request: pytest.FixtureRequest) -> bytes:
    return bytes(request.param)


def test_what_kvrocks_wrote_is_read(tmp_path: Path, tag: bytes) -> None:
    golden_files.unpack_database("cluster", tmp_path)
    bench = plain_keys(Bench(tmp_path, commits=True, cluster=True))
    for text, expected in READS:
        words = [word.encode().replace(b"TAG", tag) for word in text.split()]
        assert bench.call(*words) == replaced(expected, tag), text
    # The recording gave XREADGROUP to {t} only.
    pending = [1, b"1-1", b"1-1", [[b"alice", b"1"]]] if tag == b"{t}" else [0, None, None, None]
    assert bench.call("XPENDING", tag + b"x", "grp") == pending
    assert bench.call("GET", "") == b"empty key"
    assert bench.call("GET", b"\x00\xffbin" + tag + b"\r\n") == b"\0\1\xfe\xff"
    assert bench.call("GET", "other1") == b"in another slot" and bench.call("HGETALL", "other2") == [b"f", b"v"]
    keys = {row[1] for row in golden_files.rows("cluster") if row[0] == "metadata"}
    assert bench.call("DBSIZE") == len(bench.call("KEYS", "*")) == len(keys)
    bench.close()


def replaced(expected: Any, tag: bytes) -> Any:
    """The expected reply for a tag."""
    if isinstance(expected, list):
        return [replaced(each, tag) for each in expected]
    return expected.replace(b"TAG", tag) if isinstance(expected, bytes) else expected


def test_the_same_commands_write_the_same_rows(tmp_path: Path) -> None:
    bench = plain_keys(Bench(tmp_path, commits=True, cluster=True))
    foreign = set()
    for other in (b"{t}", b"{v}"):
        for command, reply in golden_files.commands("cluster"):
            if other == b"{v}" and (command[0] == b"XREADGROUP" or b"{t}" not in b" ".join(command)):
                continue
            found = bench.call(*(word.replace(b"{t}", other) for word in command))
            if command[0] in FOREIGN:
                foreign.add(command[0])
                assert isinstance(found, hiredis.ReplyError)
            elif other == b"{t}":
                assert found == golden_reply(reply), command
    assert foreign == FOREIGN
    store = bench.node.store
    ours = [
        (COLUMN_FAMILIES[cf], *row)
        for cf in map(COLUMN_FAMILIES.index, DATA_FAMILIES)
        for row in store.scan(cf, *store.codec.namespace_range())
    ]
    theirs = [row for row in golden_files.rows("cluster") if row[0] in DATA_FAMILIES]
    our_rows, their_rows = comparable(ours), comparable(theirs)
    assert our_rows - their_rows == their_rows - our_rows == set()
    assert bench.call("GET", "{t}f") == b"3.25"
    bench.close()


def golden_reply(reply: Any) -> Any:
    """A recorded reply as hiredis gives it."""
    if isinstance(reply, list):
        return [golden_reply(each) for each in reply]
    return reply.encode() if isinstance(reply, str) else reply


def comparable(rows: list[tuple[str, bytes, bytes]]) -> set[tuple[str, bytes, bytes, Any]]:
    """(family, key, sub-key, value) without versions, the times in streams, rows of keys that are gone, and what this
    file says is different."""
    codec = KeyCodec(True)
    versions = {}
    found: set[tuple[str, bytes, bytes, Any]] = set()
    for family, storage_key, value in rows:
        if family == "metadata":
            key = codec.user_key(storage_key)
            m = decode_metadata(value)
            versions[key] = m.version
            if not left_out(key):
                found.add((family, key, b"", (TYPE_NAMES[m.type], m.expire_ms, m.size, m.payload)))
    for family, storage_key, value in rows:
        if family != "metadata":
            key, version, sub = codec.decode_subkey(storage_key)
            if versions.get(key) == version and not left_out(key):
                found.add((family, key, sub, without_times(sub, value) if family == "stream" else value))
    return found


def left_out(key: bytes) -> bool:
    tagged = key[:3] in (b"{t}", b"{v}")
    return tagged and (key[3:] in FOREIGN_KEYS or key[3:] == OTHER_FLOAT)


def without_times(sub: bytes, value: bytes) -> bytes:
    """A row of family stream without when a consumer was active or an entry delivered (see streams_rows), and without
    what Kvrocks counts otherwise: entries that a group has read, and deliveries of an entry."""
    row = decode_row(sub, value)
    if isinstance(row, Group):
        return row._replace(entries_read=0).encode()
    if isinstance(row, Consumer):
        return row._replace(seen_ms=1, active_ms=1).encode()
    return row._replace(delivered_ms=0, deliveries=0).encode() if isinstance(row, Pending) else value
