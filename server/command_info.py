"""What COMMAND tells about a row of the table, derived from it as Redis derives it from its own.

* ACL categories follow from flags and group, with few exceptions.
* Key specifications follow from the key positions. How a command uses its keys does not follow from anything: `ACCESS`
  has the words of Redis 7.2 where they differ from "RO access" for a reader and "RW update" for a writer.
* `TIPS` are Redis's hints to cluster clients and proxies.

Where keys are found by a function, clients ask COMMAND GETKEYS, as "movablekeys" says. To them the place is "unknown",
unless the arguments say how many keys there are.
"""

from typing import Any

from slotrocks.engine import Simple
from slotrocks.server.table import Command, KeysAfterWord, KeysCounted

FLAGS = frozenset((  # those of Redis; others are ours
    "write", "readonly", "denyoom", "module", "admin", "pubsub", "noscript", "blocking", "loading", "stale",
    "skip_monitor", "skip_slowlog", "asking", "fast", "no_auth", "may_replicate", "no_mandatory_keys", "protected",
    "allow_busy", "no_async_loading", "no_multi", "movablekeys",
))  # fmt: skip
CATEGORY_OF_GROUP = {
    "bitmap": "bitmap", "connection": "connection", "generic": "keyspace", "geo": "geo", "hash": "hash",
    "hyperloglog": "hyperloglog", "list": "list", "pubsub": "pubsub", "scripting": "scripting", "set": "set",
    "sorted-set": "sortedset", "stream": "stream", "string": "string", "transactions": "transaction",
}  # fmt: skip
CATEGORIES_MORE = {
    "command": "connection", "readonly": "connection", "readwrite": "connection", "asking": "connection",
    "dbsize": "keyspace", "flushall": "keyspace dangerous", "flushdb": "keyspace dangerous", "keys": "dangerous",
    "info": "dangerous", "role": "admin dangerous", "lastsave": "admin dangerous",
    "sort": "list set sortedset dangerous", "sort_ro": "list set sortedset dangerous",
    "restore": "dangerous", "restore-asking": "keyspace dangerous", "migrate": "dangerous",
    "swapdb": "keyspace dangerous",
}  # fmt: skip
# A bar separates what is said of the first key from what is said of the others.
ACCESS = {
    "append": "RW insert", "blmove": "RW access delete|RW insert", "blmpop": "RW access delete",
    "blpop": "RW access delete", "brpop": "RW access delete", "brpoplpush": "RW access delete|RW insert",
    "copy": "RO access|OW update", "decr": "RW access update", "decrby": "RW access update",
    "del": "RM delete", "exists": "RO", "getdel": "RW access delete", "getex": "RW access update",
    "getset": "RW access update", "incr": "RW access update", "incrby": "RW access update",
    "incrbyfloat": "RW access update", "linsert": "RW insert", "llen": "RO",
    "lmove": "RW access delete|RW insert", "lmpop": "RW access delete", "lpop": "RW access delete",
    "lpush": "RW insert", "lpushx": "RW insert", "lrem": "RW delete", "ltrim": "RW delete", "memory|usage": "RO",
    "move": "RW access update",
    "mset": "OW update", "msetnx": "OW insert",
    "object|encoding": "RO", "object|freq": "RO", "object|idletime": "RO", "object|refcount": "RO",
    "psetex": "OW update", "rename": "RW access delete|OW update", "renamenx": "RW access delete|OW insert",
    "rpop": "RW access delete", "rpoplpush": "RW access delete|RW insert", "rpush": "RW insert", "rpushx": "RW insert",
    "restore": "OW update", "restore-asking": "OW update",
    "set": "RW access update variable_flags", "setex": "OW update", "setnx": "OW insert", "strlen": "RO", "touch": "RO",
    "type": "RO", "unlink": "RM delete", "watch": "RO",
    "hdel": "RW delete", "hexists": "RO", "hincrby": "RW access update", "hincrbyfloat": "RW access update",
    "hlen": "RO", "hsetnx": "RW insert", "hstrlen": "RO",
    "sadd": "RW insert", "scard": "RO", "sdiffstore": "OW update|RO access", "sinterstore": "RW update|RO access",
    "sismember": "RO", "smove": "RW access delete|RW insert", "spop": "RW access delete", "srem": "RW delete",
    "sunionstore": "OW update|RO access",
    "bzmpop": "RW access delete", "bzpopmax": "RW access delete", "bzpopmin": "RW access delete",
    "geosearchstore": "OW update|RO access", "zcard": "RO", "zdiffstore": "OW update|RO access",
    "zincrby": "RW access update", "zinterstore": "OW update|RO access", "zmpop": "RW access delete",
    "zpopmax": "RW access delete", "zpopmin": "RW access delete", "zrangestore": "OW update|RO access",
    "bitfield": "RW access update variable_flags", "bitop": "OW update|RO access", "pfadd": "RW insert",
    "pfcount": "RW access", "pfdebug": "RW access", "pfmerge": "RW access insert|RO access",
    "setbit": "RW access update", "sort": "RO access",
    "xautoclaim": "RW delete", "xdel": "RW delete", "xgroup|create": "RW insert",
    "xgroup|createconsumer": "RW insert", "xgroup|delconsumer": "RW delete", "xgroup|destroy": "RW delete",
    "xlen": "RO", "xreadgroup": "RO access", "xtrim": "RW delete",
    "zrem": "RW delete", "zremrangebylex": "RW delete", "zremrangebyrank": "RW delete",
    "zremrangebyscore": "RW delete", "zunionstore": "OW update|RO access",
}  # fmt: skip
_SHARDS, _NODES = "request_policy:all_shards", "request_policy:all_nodes"
_SPLIT, _VARIES = "request_policy:multi_shard", "nondeterministic_output"
_SUM, _ALL, _SPECIAL = "response_policy:agg_sum", "response_policy:all_succeeded", "response_policy:special"
_UNORDERED = "nondeterministic_output_order"
TIPS = {
    "client|info": [_VARIES], "client|list": [_VARIES], "client|setinfo": [_NODES, _ALL],
    "cluster|getkeysinslot": [_VARIES], "cluster|info": [_VARIES], "cluster|links": [_VARIES],
    "cluster|nodes": [_VARIES], "cluster|replicas": [_VARIES], "cluster|shards": [_VARIES], "cluster|slots": [_VARIES],
    "command": [_UNORDERED], "command|docs": [_UNORDERED], "command|info": [_UNORDERED], "command|list": [_UNORDERED],
    "config|set": [_NODES, _ALL], "dbsize": [_SHARDS, _SUM], "del": [_SPLIT, _SUM], "dump": [_VARIES],
    "exists": [_SPLIT, _SUM],
    "flushall": [_SHARDS, _ALL], "flushdb": [_SHARDS, _ALL], "info": [_VARIES, _SHARDS, _SPECIAL],
    "keys": [_SHARDS, _UNORDERED], "lastsave": [_VARIES], "latency|doctor": [_VARIES, _NODES, _SPECIAL],
    "latency|graph": [_VARIES, _NODES, _SPECIAL], "latency|histogram": [_VARIES, _NODES, _SPECIAL],
    "latency|history": [_VARIES, _NODES, _SPECIAL], "latency|latest": [_VARIES, _NODES, _SPECIAL],
    "latency|reset": [_NODES, _ALL], "memory|doctor": [_VARIES, _SHARDS, _SPECIAL],
    "memory|malloc-stats": [_VARIES, _SHARDS, _SPECIAL], "memory|purge": [_SHARDS, _ALL],
    "memory|stats": [_VARIES, _SHARDS, _SPECIAL], "mget": [_SPLIT], "mset": [_SPLIT, _ALL],
    "msetnx": [_SPLIT, "response_policy:agg_min"], "object|encoding": [_VARIES], "object|freq": [_VARIES],
    "object|idletime": [_VARIES], "object|refcount": [_VARIES], "ping": [_SHARDS, _ALL], "pttl": [_VARIES],
    "randomkey": [_SHARDS, _VARIES], "scan": [_VARIES, "request_policy:special"], "slowlog|get": [_NODES, _VARIES],
    "slowlog|len": [_NODES, _SUM, _VARIES], "slowlog|reset": [_NODES, _ALL], "time": [_VARIES], "touch": [_SPLIT, _SUM],
    "ttl": [_VARIES], "unlink": [_SPLIT, _SUM],
    "hgetall": [_UNORDERED], "hkeys": [_UNORDERED], "hrandfield": [_VARIES], "hscan": [_VARIES], "hvals": [_UNORDERED],
    "sdiff": [_UNORDERED], "sinter": [_UNORDERED], "smembers": [_UNORDERED], "spop": [_VARIES],
    "srandmember": [_VARIES], "sscan": [_VARIES], "sunion": [_UNORDERED],
    "xadd": [_VARIES], "xautoclaim": [_VARIES], "xclaim": [_VARIES], "xinfo|consumers": [_VARIES],
    "xpending": [_VARIES], "xtrim": [_VARIES],
    "zrandmember": [_VARIES], "zscan": [_VARIES],
}  # fmt: skip


def flags(row: Command) -> set[str]:
    """The row's flags as clients know them."""
    shown = {flag for flag in row.flags if flag in FLAGS}
    return shown | {"movablekeys"} if row.key_finder is not None else shown


def categories(row: Command) -> set[str]:
    """The ACL categories, without "@"."""
    found = set(CATEGORIES_MORE.get(row.name.partition("|")[0], "").split())
    if "write" in row.flags:
        found.add("write")
    if "readonly" in row.flags and row.group != "scripting":
        found.add("read")
    if "admin" in row.flags:
        found |= {"admin", "dangerous"}
    found |= {flag for flag in ("blocking", "pubsub") if flag in row.flags}
    found.add("fast" if "fast" in row.flags else "slow")
    if not row.container and row.group in CATEGORY_OF_GROUP and row.name not in ("sort", "sort_ro"):
        found.add(CATEGORY_OF_GROUP[row.group])
    return found


def key_flags(row: Command, argv: list[bytes] | None = None) -> list[list[str]]:
    """How the first key is used, then the others; in the call `argv` if there is one."""
    if row.name == "set" and argv is not None:
        returns_old = any(word.lower() == b"get" for word in argv[3:])
        return [["RW", "access", "update"] if returns_old else ["OW", "update"]]
    text = ACCESS.get(row.name, "RW update" if row.write else "RO access")
    return [words.split() for words in text.split("|")]


def key_specs(row: Command) -> list[dict[str, Any]]:
    """The key specifications: where the keys begin, how to find them, and how they are used."""
    if not row.has_keys:
        return []
    uses = key_flags(row)
    if row.key_finder is not None:
        if isinstance(row.key_finder, KeysCounted):
            counted = {"type": "keynum", "spec": {"keynumidx": 0, "firstkey": 1, "keystep": 1}}
            return [_spec(uses[0], {"type": "index", "spec": {"index": row.key_finder.position}}, counted)]
        if isinstance(row.key_finder, KeysAfterWord):
            word, start = row.key_finder.word.decode(), row.key_finder.start
            keyword = {"type": "keyword", "spec": {"keyword": word, "startfrom": start}}
            half = {"type": "range", "spec": {"lastkey": -1, "keystep": 1, "limit": 2}}
            return [_spec(uses[0], keyword, half)]
        unknown = {"type": "unknown", "spec": {}}
        return [_spec([*uses[0], "incomplete"], unknown, unknown)]
    first, last, step = row.keys
    if len(uses) == 1:
        ranges = [(first, last if last < 0 else last - first)]
    else:
        ranges = [(first + i * step, 0) for i in range(len(uses))]
        if last < 0:
            ranges[-1] = (ranges[-1][0], last)
    return [
        _spec(
            use,
            {"type": "index", "spec": {"index": begin}},
            {"type": "range", "spec": {"lastkey": end, "keystep": step, "limit": 0}},
        )
        for use, (begin, end) in zip(uses, ranges, strict=True)
    ]


def _spec(use: list[str], begin_search: dict[str, Any], find_keys: dict[str, Any]) -> dict[str, Any]:
    return {"flags": {Simple(word) for word in use}, "begin_search": begin_search, "find_keys": find_keys}


def info(row: Command) -> list[Any]:
    """The ten elements of COMMAND INFO."""
    return [
        row.name,
        row.arity,
        {Simple(flag) for flag in flags(row)},
        *row.keys,
        {Simple("@" + category) for category in categories(row)},
        TIPS.get(row.name, []),
        key_specs(row),
        [info(sub) for sub in row.subcommands.values()],
    ]


def docs(row: Command) -> dict[str, Any]:
    """The map of COMMAND DOCS for one command. The history and the arguments' grammar are not part of it."""
    text: dict[str, Any] = {
        "summary": row.summary,
        "since": row.since,
        "group": row.group,
        "complexity": row.complexity,
    }
    if row.subcommands:
        text["subcommands"] = {sub.name: docs(sub) for sub in row.subcommands.values()}
    return text
