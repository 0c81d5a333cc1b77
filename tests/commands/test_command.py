"""COMMAND: what derives from the table, compared with Redis's own descriptions."""

from typing import Any

from wire import assert_same, unordered

from servers import Server

CALLS = [
    "COMMAND COUNT x", "COMMAND LIST FILTERBY", "COMMAND LIST FILTERBY foo bar", "COMMAND LIST FILTERBY ACLCAT nosuch",
    "COMMAND LIST FILTERBY MODULE nosuch", "COMMAND LIST FILTERBY PATTERN get*x*", "COMMAND INFO nosuch client|nosuch",
    "COMMAND DOCS nosuch", "COMMAND GETKEYS", "COMMAND GETKEYS nosuch a", "COMMAND GETKEYS mset a 1 b 2",
    "COMMAND GETKEYSANDFLAGS set a b", "COMMAND GETKEYSANDFLAGS mset a 1 b 2", "COMMAND GETKEYSANDFLAGS del a b",
    "COMMAND GETKEYSANDFLAGS get b", "COMMAND GETKEYSANDFLAGS rename a b", "COMMAND GETKEYS client list",
    "COMMAND GETKEYSANDFLAGS set a b GET", "COMMAND FOO",
]  # fmt: skip
# Where Debian's Redis 7.0 and the 7.2 that we follow, or we, differ.
DIFFER = {
    "blmove": "allowed in scripts since 7.2",
    "blpop": "allowed in scripts since 7.2",
    "brpop": "allowed in scripts since 7.2",
    "brpoplpush": "allowed in scripts since 7.2",
    "client|reply": "may not be queued: what EXEC answers is one array",
    "command|getkeys": "arity of 7.2",
    "command|getkeysandflags": "arity of 7.2",
    "readonly": "may not be queued",
    "readwrite": "may not be queued",
    "bzpopmax": "allowed in scripts since 7.2",
    "bzpopmin": "allowed in scripts since 7.2",
    "georadius": "the target's place depends on the options, so we say of no key where it is",
    "georadiusbymember": "as georadius",
    "sort": "as georadius",
    "zdiffstore": "the number of sources is in the call, so we say of no key where it is",
    "zinterstore": "as zdiffstore",
    "zunionstore": "as zdiffstore",
    "zrank": "WITHSCORE since 7.2",
    "zrevrank": "WITHSCORE since 7.2",
}
ELEMENTS = ("arity", "flags", "first", "last", "step", "acl", "tips", "keys")
NO_MATTER = {"scan", "cluster", "debug", "memory", "object"}


def test_same_replies_as_redis(slotrocks_server: Server, redis_server: Server) -> None:
    with slotrocks_server.client() as ours, redis_server.client() as theirs:
        assert_same(ours, theirs, CALLS)


def described(rows: list[Any]) -> dict[bytes, list[Any]]:
    found = {}
    for row in rows:
        if row is not None:
            found[row[0]] = row
            found.update(described(row[9]))
    return found


def without_notes(spec: list[Any]) -> list[Any]:
    return spec[2:] if spec[0] == b"notes" else spec


def test_every_row_is_described_as_redis_does(slotrocks_server: Server, redis_server: Server) -> None:
    with slotrocks_server.client() as ours, redis_server.client() as theirs:
        mine, redis = described(ours.call("COMMAND")), described(theirs.call("COMMAND"))
    differences = []
    for name in sorted(mine.keys() & redis.keys()):
        text = name.decode()
        if text in DIFFER or text.partition("|")[0] in NO_MATTER:
            continue
        for index, what in enumerate(ELEMENTS, 1):
            if what == "keys" and b"movablekeys" in mine[name][2]:
                continue  # we say less of where they are: COMMAND GETKEYS finds them
            wanted = [without_notes(spec) for spec in redis[name][8]] if index == 8 else redis[name][index]
            if unordered(mine[name][index]) != unordered(wanted):
                differences.append((text, what, mine[name][index], redis[name][index]))
    assert not differences, "\n".join(map(repr, differences))


def test_a_kvrocks_source_finds_applybatch(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client:
        raw, value = client.call_raw("COMMAND", "INFO", "applybatch")
        assert raw.startswith(b"*1\r\n*10\r\n$10\r\napplybatch\r\n"), "one array in one segment"
        assert len(value[0]) == 10
        assert client.call("COMMAND", "INFO", "nosuch") == [None]


def test_count_list_and_docs_agree(slotrocks_server: Server) -> None:
    with slotrocks_server.client(3) as client:
        names = client.call("COMMAND", "LIST")
        assert client.call("COMMAND", "COUNT") == sum(b"|" not in name for name in names)
        docs = client.call("COMMAND", "DOCS")
        assert len(docs) == client.call("COMMAND", "COUNT")
        for doc in docs.values():
            assert doc[b"summary"] and doc[b"since"] and doc[b"group"] and doc[b"complexity"]
        assert b"client|list" in client.call("COMMAND", "DOCS", "client")[b"client"][b"subcommands"]
        flags = client.call("COMMAND", "INFO", "multi")[0][2]
        assert b"multi_control" not in flags
        assert b"@dangerous" in client.call("COMMAND", "INFO", "client|kill")[0][6]
