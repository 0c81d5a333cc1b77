"""What is asked of Slotrocks and of redis-server alike: the shapes of the commands, a table for each type.

To add a type: a table of shapes, a pool of keys, and (in STATE) the commands that show all of a value.
Keys are mostly of the pool of their type, and sometimes any key: so types meet. What makes no sense (a wrong number of
words, edge numbers where there should be none) comes from sequences.py, which spoils a command now and then.
"""

from __future__ import annotations

from shape_grammar import Atom, Maker, parse_shape

POOLS = {
    "str": [b"str1", b"str2", b"", b"\x00bin\r\n\xff"],
    "hash": [b"hash1", b"hash2", b"hash\xff"],
    "list": [b"list1", b"list2", b"list3"],
    "set": [b"set1", b"set2", b"set3"],
    "zset": [b"zset1", b"zset2", b"zset3"],
    "geo": [b"geo1", b"geo2"],
    "bits": [b"bits1", b"bits2", b"bits3"],
    "stream": [b"stream1", b"stream2"],
}
ALL_KEYS = [key for pool in POOLS.values() for key in pool] + [b"none"]

# Ours are dense, Redis's may be sparse: as strings they differ, so no other command gets to see these.
HLL_KEYS = [b"hll1", b"hll2", b"hll3"]

VALUES = [
    b"", b"a", b"b", b"abc", b"hello world", b"0", b"1", b"-1", b"10", b"3.5", b"9223372036854775807", b" 1", b"1e3",
    b"\x00\r\n\xff", b"x" * 100, b"y" * 300, b"inf", b"nan", b"-0", b"12345678901234567890",
]  # fmt: skip
MEMBERS = [b"a", b"b", b"c", b"d", b"e", b"aa", b"ab", b"", b"\x00", b"\xff\xfe", b"1", b"2", b"10", b"-5", b"m" * 70]
# What nobody dumped, and what redis-server 7.0 did: a string, a number, an intset, listpacks of each type, a stream.
PAYLOADS = [bytes.fromhex(text) for text in (
    "",
    "000568656c6c6f0a006372df7665342000",
    "000568656c6c6f0a006372df766534200a",
    "00c139300a009d94ea2793fc08b9",
    "0b0e02000000030000000100020003000a00a5025ce26d6e4d1b",
    "1201020d0d0000000200816102816202ff0a0068eb0a891341bbb1",
    "100d0d0000000200816602817602ff0a0020f13d442354089d",
    "1114140000000400816102010181620283322e3504ff0a00d44c6ea4f644d9d7",
    "130110000000000000000500000000000000011d1d0000000a0001010001010181660200010201000100018176020401ff010501050100000101026731000081ffffffffffffffff00000a00110364183e67ab34",
)]  # fmt: skip
SCORES = [
    b"0", b"1", b"2", b"3", b"-1", b"1.5", b"-2.25", b"1e3", b"0x10", b"inf", b"-inf", b"+inf", b"1000000", b"0.125",
]  # fmt: skip
INTEGERS = [b"0", b"1", b"-1", b"2", b"3", b"5", b"-2", b"-5", b"100", b"-100"]
EDGES = [
    b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"18446744073709551615", b"4294967296",
    b"2147483648", b"-2147483649", b"x", b"", b" 1", b"1 ", b"01", b"+1", b"-0", b"1.0", b"1e5", b"nan", b"inf",
    b"-inf", b"1e400", b"0x7", b"\x00", b"\xff", b"NX", b"XX", b"COUNT", b"LIMIT", b"*", b"(1", b"[a", b"-", b"+",
]  # fmt: skip


def pool(name: str) -> Atom:
    def key(maker: Maker) -> bytes:
        keys = POOLS[name] if maker.random.random() < 0.93 else ALL_KEYS
        maker.key = maker.prefix + maker.random.choice(keys)
        return maker.key

    return key


def one_of(words: list[bytes]) -> Atom:
    return lambda maker: maker.random.choice(words)


def any_key(maker: Maker) -> bytes:
    maker.key = maker.prefix + maker.random.choice(ALL_KEYS)
    return maker.key


def hll_key(maker: Maker) -> bytes:
    maker.key = maker.prefix + maker.random.choice(HLL_KEYS)
    return maker.key


ATOMS: dict[str, Atom] = {
    **{name: pool(name) for name in POOLS},
    "any": any_key,
    "hll": hll_key,
    "bit": one_of([b"0", b"1", b"7", b"8", b"100", b"8191", b"8192", b"20000"]),
    "type": one_of([b"u8", b"i8", b"u4", b"i5", b"u63", b"i64", b"u1", b"i64", b"u64"]),
    "id": one_of([b"1-1", b"1-2", b"1-3", b"2-0", b"2-1", b"3-0", b"5-5", b"7-1", b"9-9", b"10-0", b"11", b"12-*"]),
    "seen": one_of([b"0", b"1-1", b"1-2", b"2-0", b"3-0", b"5-5", b"7-1", b"9-9", b"0-0", b"1"]),
    "from": one_of([b"-", b"1-1", b"2", b"(1-1", b"0", b"(2-0", b"5-5"]),
    "to": one_of([b"+", b"3", b"5-5", b"(5-5", b"1", b"9-9", b"-"]),
    "group": one_of([b"g1", b"g2"]),
    "consumer": one_of([b"alice", b"bob", b"\x00c"]),
    "payload": one_of(PAYLOADS),
    "sortable": one_of([key for name in ("list", "set", "zset") for key in POOLS[name]]),
    "same": lambda maker: maker.key,
    "value": one_of(VALUES),
    "member": one_of(MEMBERS),
    "score": one_of(SCORES),
    "int": one_of(INTEGERS),
    "small": one_of([b"0", b"1", b"2", b"3", b"4", b"7", b"20"]),
    "count": one_of([b"1", b"2", b"3", b"20"]),
    "edge": one_of(EDGES),
    "number": lambda maker: b"%d" % maker.random.randrange(300),
    "float": one_of([b"0.5", b"-1.25", b"3", b"1e3", b"0", b"100.0", b"-0.5"]),
    "weight": one_of([b"0", b"1", b"2", b"-1", b"0.5"]),
    "numkeys": one_of([b"1", b"2", b"2", b"2", b"3", b"0", b"-1"]),
    "zmin": one_of([b"-inf", b"0", b"1", b"(1", b"(-1", b"-2", b"(0", b"2", b"(inf"]),
    "zmax": one_of([b"+inf", b"inf", b"3", b"(2", b"2", b"1000", b"(1", b"0", b"-inf"]),
    "lexmin": one_of([b"-", b"[a", b"(a", b"[b", b"(", b"[", b"[\xff", b"(aa"]),
    "lexmax": one_of([b"+", b"[c", b"(c", b"[e", b"(ab", b"[\xff\xff", b"["]),
    "timeout": one_of([b"0.01", b"0.001", b"0.02"]),
    "seconds": one_of([b"100", b"1000", b"5000", b"1000000"]),
    "ms": one_of([b"100000", b"1000000", b"7777777"]),
    "future": one_of([b"4102444800", b"2524608000"]),
    "futurems": one_of([b"4102444800123", b"2524608000000"]),
    "lon": one_of([b"13.361389", b"15.087269", b"-122.27652", b"0", b"179.9", b"-179.9", b"2.35"]),
    "lat": one_of([b"38.115556", b"37.502669", b"37.805185", b"0", b"80", b"-80", b"48.85"]),
    "radius": one_of([b"0", b"1", b"100", b"200", b"1000", b"20000"]),
    "pattern": one_of([b"*", b"a*", b"?", b"[a-c]", b"*1", b"nothing"]),
}

EXPIRE = "( EX <seconds> | PX <ms> | EXAT <future> | PXAT <futurems> )"

STRINGS = f"""
SET <str> <value>
SET <str> <value>
SET <any> <value>
SET <str> <value> [ NX | XX ] [ GET ]
SET <str> <value> [ {EXPIRE} | KEEPTTL ] [ NX | XX ] [ GET ]
SET <str> <value> PX 1 ; SLEEP
SET <str> <int>
SETEX <str> <seconds> <value>
PSETEX <str> <ms> <value>
SETNX <str> <value>
GET <str>
GET <any>
GETSET <str> <value>
GETDEL <str>
GETEX <str> [ {EXPIRE} | PERSIST ]
STRLEN <str>
APPEND <str> <value>
SETRANGE <str> <small> <value>
SETRANGE <str> <int> <value>
GETRANGE <str> <int> <int>
SUBSTR <str> <int> <int>
INCR <str>
DECR <str>
INCRBY <str> <int>
DECRBY <str> <int>
INCRBYFLOAT <str> <float>
SET <str> <edge>
INCRBY <str> <edge>
DECRBY <str> <edge>
INCRBYFLOAT <str> <edge>
GETRANGE <str> <edge> <edge>
MGET ( <str> )+
MGET ( <any> )+
MSET ( <str> <value> )+
MSETNX ( <str> <value> )+
LCS <str> <str> [ LEN | IDX ] [ MINMATCHLEN <small> ] [ WITHMATCHLEN ]
"""

KEYS = """
DEL <any>
DEL ( <any> )+
UNLINK ( <any> )+
EXISTS ( <any> )+
TOUCH ( <any> )+
TYPE <any>
RENAME <any> <any>
RENAMENX <any> <any>
COPY <any> <any> [ REPLACE ]
COPY <any> <any> REPLACE
EXPIRE <any> <seconds> [ NX | XX | GT | LT ]
PEXPIRE <any> <ms> [ NX | XX | GT | LT ]
EXPIREAT <any> <future> [ NX | XX | GT | LT ]
PEXPIREAT <any> <futurems> [ NX | XX | GT | LT ]
PEXPIRE <any> 1 ; SLEEP
EXPIRE <any> ( 0 | -1 | -100 )
PERSIST <any>
TTL <any>
PTTL <any>
EXPIRETIME <any>
PEXPIRETIME <any>
OBJECT ( IDLETIME | FREQ ) <any>
KEYS <pattern>
SCAN 0 COUNT 1000 [ MATCH <pattern> ] [ TYPE ( string | list | set | hash | zset | stream | nothing ) ]
DBSIZE
FLUSHALL
"""

TRANSACTIONS = """
MULTI
MULTI
EXEC
EXEC
EXEC
DISCARD
WATCH ( <any> )+
WATCH <str>
UNWATCH
PING
ECHO <value>
HELLO ( 2 | 3 )
RESET
SELECT 0
CLIENT SETNAME name ; CLIENT GETNAME
"""

HASHES = """
HSET <hash> ( <member> <value> )+
HSET <hash> ( <member> <value> )+
HSET <hash> ( <member> <int> )+
HMSET <hash> ( <member> <value> )+
HSETNX <hash> <member> <value>
HGET <hash> <member>
HMGET <hash> ( <member> )+
HGETALL <hash>
HKEYS <hash>
HVALS <hash>
HLEN <hash>
HSTRLEN <hash> <member>
HEXISTS <hash> <member>
HDEL <hash> ( <member> )+
HSET <hash> ( <number> <value> )++
HDEL <hash> ( <number> )++
HINCRBY <hash> <number> <edge>
HINCRBYFLOAT <hash> <member> <edge>
HDEL <hash> <member>
HINCRBY <hash> <member> <int>
HINCRBYFLOAT <hash> <member> <float>
HRANDFIELD <hash> 1000 [ WITHVALUES ]
HRANDFIELD <hash> ( 0 | -0 ) [ WITHVALUES ]
HRANDFIELD <hash> <int> [ WITHVALUES ]
HRANDFIELD <hash>
HSCAN <hash> 0 COUNT 1000 [ MATCH <pattern> ]
"""

LISTS = """
RPUSH <list> ( <value> )+
LPUSH <list> ( <value> )+
RPUSH <list> ( <member> )+
LPUSH <list> ( <member> )+
RPUSHX <list> ( <value> )+
RPUSH <list> ( <number> )++
LPUSH <list> ( <number> )++
LTRIM <list> <number> <number>
LRANGE <list> <number> <edge>
LREM <list> <int> <number>
LSET <list> <number> <value>
LINSERT <list> BEFORE <number> <value>
LPOP <list> <number>
LINDEX <list> <edge>
LPUSHX <list> ( <value> )+
LPOP <list> [ <small> ]
RPOP <list> [ <small> ]
LLEN <list>
LRANGE <list> <int> <int>
LRANGE <list> 0 -1
LINDEX <list> <int>
LSET <list> <int> <value>
LINSERT <list> ( BEFORE | AFTER ) <member> <value>
LREM <list> <int> <member>
LTRIM <list> <int> <int>
LPOS <list> <member> [ RANK <int> ] [ COUNT <small> ] [ MAXLEN <small> ]
LMOVE <list> <list> ( LEFT | RIGHT ) ( LEFT | RIGHT )
RPOPLPUSH <list> <list>
LMPOP <numkeys> <list> <list> ( LEFT | RIGHT ) [ COUNT <small> ]
BLPOP ( <list> )+ <timeout>
BRPOP ( <list> )+ <timeout>
BLMOVE <list> <list> ( LEFT | RIGHT ) ( LEFT | RIGHT ) <timeout>
BRPOPLPUSH <list> <list> <timeout>
BLMPOP <timeout> <numkeys> <list> <list> ( LEFT | RIGHT ) [ COUNT <small> ]
"""

SETS = """
SADD <set> ( <member> )+
SADD <set> ( <member> )+
SREM <set> ( <member> )+
SADD <set> ( <number> )++
SREM <set> ( <number> )++
SCARD <set>
SMEMBERS <set>
SISMEMBER <set> <member>
SMISMEMBER <set> ( <member> )+
SMOVE <set> <set> <member>
SPOP <set> ; DEL <same>
SPOP <set> 1000
SPOP <set> 0
SPOP <set> -1
SRANDMEMBER <set> [ <int> ]
SRANDMEMBER <set> 1000
SINTER ( <set> )+
SUNION ( <set> )+
SDIFF ( <set> )+
SINTERSTORE <set> ( <set> )+
SUNIONSTORE <set> ( <set> )+
SDIFFSTORE <set> ( <set> )+
SINTERCARD <numkeys> <set> <set> [ LIMIT <small> ]
SSCAN <set> 0 COUNT 1000 [ MATCH <pattern> ]
"""

AGGREGATE = "[ WEIGHTS <weight> <weight> ] [ AGGREGATE ( SUM | MIN | MAX ) ]"

# A range by lex is only of use where all scores are the same.
LEX = "DEL <zset> ; ZADD <same> 1 a 1 b 1 c 1 d 1 ab 1 z"

SORTED_SETS = f"""
ZADD <zset> ( <score> <member> )+
ZADD <zset> ( <score> <member> )+
ZADD <zset> [ NX | XX ] [ GT | LT ] [ CH ] ( <score> <member> )+
ZADD <zset> [ NX | XX | GT | LT ] INCR <score> <member>
ZINCRBY <zset> <score> <member>
ZREM <zset> ( <member> )+
ZADD <zset> ( <number> <number> )++
ZREM <zset> ( <number> )++
ZADD <zset> <edge> <member>
ZINCRBY <zset> <edge> <member>
ZRANGE <zset> <number> <edge>
ZREMRANGEBYRANK <zset> <number> <number>
ZREMRANGEBYSCORE <zset> <number> <number>
ZRANGEBYSCORE <zset> <number> <edge> LIMIT <number> <number>
ZPOPMIN <zset> <number>
ZRANK <zset> <number>
ZCARD <zset>
ZSCORE <zset> <member>
ZMSCORE <zset> ( <member> )+
ZRANK <zset> <member>
ZREVRANK <zset> <member>
ZCOUNT <zset> <zmin> <zmax>
ZRANGE <zset> <int> <int> [ REV ] [ WITHSCORES ]
ZRANGE <zset> <zmin> <zmax> BYSCORE [ LIMIT <int> <int> ] [ WITHSCORES ]
ZRANGE <zset> <zmax> <zmin> BYSCORE REV [ LIMIT <int> <int> ] [ WITHSCORES ]
ZRANGESTORE <zset> <zset> <int> <int> [ REV ]
ZRANGESTORE <zset> <zset> <zmin> <zmax> BYSCORE [ LIMIT <int> <int> ]
ZREVRANGE <zset> <int> <int> [ WITHSCORES ]
ZRANGEBYSCORE <zset> <zmin> <zmax> [ WITHSCORES ] [ LIMIT <int> <int> ]
ZREVRANGEBYSCORE <zset> <zmax> <zmin> [ WITHSCORES ] [ LIMIT <int> <int> ]
ZREMRANGEBYRANK <zset> <int> <int>
ZREMRANGEBYSCORE <zset> <zmin> <zmax>
ZPOPMIN <zset> [ <small> ]
ZPOPMAX <zset> [ <small> ]
ZMPOP <numkeys> <zset> <zset> ( MIN | MAX ) [ COUNT <small> ]
BZPOPMIN ( <zset> )+ <timeout>
BZPOPMAX ( <zset> )+ <timeout>
BZMPOP <timeout> <numkeys> <zset> <zset> ( MIN | MAX ) [ COUNT <small> ]
ZRANDMEMBER <zset> 1000 [ WITHSCORES ]
ZRANDMEMBER <zset> [ <int> ]
ZUNION 2 <zset> <zset> {AGGREGATE} [ WITHSCORES ]
ZINTER 2 <zset> <zset> {AGGREGATE} [ WITHSCORES ]
ZDIFF <numkeys> <zset> <zset> [ WITHSCORES ]
ZUNIONSTORE <zset> 2 <zset> <set> {AGGREGATE}
ZINTERSTORE <zset> 2 <zset> <zset> {AGGREGATE}
ZDIFFSTORE <zset> <numkeys> <zset> <zset>
ZINTERCARD <numkeys> <zset> <set> [ LIMIT <small> ]
ZSCAN <zset> 0 COUNT 1000 [ MATCH <pattern> ]
{LEX} ; ZLEXCOUNT <same> <lexmin> <lexmax>
{LEX} ; ZRANGE <same> <lexmin> <lexmax> BYLEX [ LIMIT <int> <int> ]
{LEX} ; ZRANGE <same> <lexmax> <lexmin> BYLEX REV [ LIMIT <int> <int> ]
{LEX} ; ZRANGEBYLEX <same> <lexmin> <lexmax> [ LIMIT <int> <int> ]
{LEX} ; ZREVRANGEBYLEX <same> <lexmax> <lexmin> [ LIMIT <int> <int> ]
{LEX} ; ZREMRANGEBYLEX <same> <lexmin> <lexmax>
{LEX} ; ZRANGESTORE <same> <same> <lexmin> <lexmax> BYLEX [ LIMIT <int> <int> ]
"""

WITH = "[ WITHCOORD ] [ WITHDIST ] [ WITHHASH ]"

GEO = f"""
GEOADD <geo> [ NX | XX ] [ CH ] ( <lon> <lat> <member> )+
GEOADD <geo> ( <lon> <lat> <member> )+
GEODIST <geo> <member> <member> [ m | km | ft | mi ]
GEOHASH <geo> ( <member> )+
GEOPOS <geo> ( <member> )+
GEOSEARCH <geo> FROMLONLAT <lon> <lat> BYRADIUS <radius> km ( ASC | DESC ) {WITH}
GEOSEARCH <geo> FROMMEMBER <member> BYBOX <radius> <radius> km [ ASC | DESC ] {WITH}
GEOSEARCHSTORE <geo> <geo> FROMLONLAT <lon> <lat> BYRADIUS <radius> km [ STOREDIST ]
GEORADIUS <geo> <lon> <lat> <radius> ( km | mi ) {WITH} [ ASC | DESC ]
GEORADIUSBYMEMBER <geo> <member> <radius> km {WITH} [ ASC | DESC ] [ STORE <geo> ]
"""

BITS = """
SETBIT <bits> <bit> ( 0 | 1 )
SETBIT <bits> <bit> 1
GETBIT <bits> <bit>
BITCOUNT <bits> [ <int> <int> [ BYTE | BIT ] ]
BITPOS <bits> ( 0 | 1 ) [ <int> [ <int> [ BYTE | BIT ] ] ]
BITOP ( AND | OR | XOR ) <bits> ( <bits> )+
BITOP NOT <bits> <bits>
BITFIELD <bits> ( GET <type> <bit> )+
BITFIELD <bits> [ OVERFLOW ( WRAP | SAT | FAIL ) ] ( SET <type> <bit> <int> | INCRBY <type> <bit> <int> )+
BITFIELD_RO <bits> ( GET <type> <bit> )+
SET <bits> <value>
APPEND <bits> <value>
GET <bits>
SETRANGE <bits> <small> <value>
GETRANGE <bits> <int> <int>
STRLEN <bits>
BITCOUNT <str>
SETBIT <str> <bit> 1
"""

HYPERLOGLOGS = """
PFADD <hll> ( <member> )+
PFADD <hll> ( <value> )+
PFADD <hll>
PFCOUNT ( <hll> )+
PFMERGE <hll> ( <hll> )+
DEL <hll>
EXPIRE <hll> <seconds>
RENAME <hll> <hll>
COPY <hll> <hll> REPLACE
TYPE <hll>
"""

TRIM = "( MAXLEN | MAXLEN = ) <small> | ( MINID | MINID = ) <seen>"

STREAMS = f"""
XADD <stream> <id> ( <member> <value> )+
XADD <stream> <id> ( <member> <value> )+
XADD <stream> <id> ( <member> <value> )+
XADD <stream> [ NOMKSTREAM ] [ {TRIM} ] <id> <member> <value>
XLEN <stream>
XRANGE <stream> <from> <to> [ COUNT <small> ]
XREVRANGE <stream> <to> <from> [ COUNT <small> ]
XDEL <stream> ( <seen> )+
XTRIM <stream> ( {TRIM} )
XREAD [ COUNT <small> ] STREAMS <stream> <seen>
XREAD [ COUNT <small> ] STREAMS <stream> <stream> <seen> <seen>
XREAD BLOCK 1 STREAMS <stream> $
XGROUP CREATE <stream> <group> ( 0 | $ | <seen> ) [ MKSTREAM ] [ ENTRIESREAD <small> ]
XGROUP CREATE <stream> <group> 0 MKSTREAM
XGROUP CREATECONSUMER <stream> <group> <consumer>
XGROUP DELCONSUMER <stream> <group> <consumer>
XGROUP SETID <stream> <group> ( 0 | $ | <seen> )
XGROUP DESTROY <stream> <group>
XREADGROUP GROUP <group> <consumer> [ COUNT <count> ] [ NOACK ] STREAMS <stream> >
XREADGROUP GROUP <group> <consumer> [ COUNT <count> ] STREAMS <stream> >
XREADGROUP GROUP <group> <consumer> [ COUNT <count> ] STREAMS <stream> <seen>
XACK <stream> <group> ( <seen> )+
XPENDING <stream> <group>
XPENDING <stream> <group> <from> <to> <count> [ <consumer> ]
XCLAIM <stream> <group> <consumer> 0 ( <seen> )+ [ JUSTID ] [ FORCE ]
XAUTOCLAIM <stream> <group> <consumer> 0 <seen> [ COUNT <count> ] [ JUSTID ]
XINFO STREAM <stream>
XINFO GROUPS <stream>
"""

SORTS = """
SORT <sortable> ALPHA [ LIMIT <int> <int> ] [ DESC ]
SORT <sortable> [ DESC ] [ STORE <list> ]
SORT <list> BY <any> [ ASC | DESC ] [ ALPHA ]
SORT <sortable> BY str* [ GET hash1->* ] [ GET # ]
SORT_RO <sortable> ALPHA [ GET # ] [ GET str* ]
"""

DUMPS = """
DUMP <any>
RESTORE <any> 0 <payload> [ REPLACE ]
RESTORE <any> <ms> <payload> REPLACE
"""

# How often, and which shapes.
GROUPS = {
    name: (weight, [parse_shape(line) for line in text.strip().splitlines()])
    for name, weight, text in (
        ("strings", 5, STRINGS), ("keys", 4, KEYS), ("transactions", 2, TRANSACTIONS), ("hashes", 4, HASHES),
        ("lists", 4, LISTS), ("sets", 4, SETS), ("sorted sets", 6, SORTED_SETS), ("geo", 1, GEO),
        ("bits", 4, BITS), ("hyperloglogs", 1, HYPERLOGLOGS), ("streams", 5, STREAMS), ("sort", 1, SORTS),
        ("dump", 1, DUMPS),
    )
}  # fmt: skip

# What shows the whole of a value, by the answer to TYPE.
STATE = {
    "string": ["GET KEY", "STRLEN KEY"],
    "hash": ["HGETALL KEY", "HLEN KEY"],
    "list": ["LRANGE KEY 0 -1", "LLEN KEY"],
    "set": ["SMEMBERS KEY", "SCARD KEY"],
    "hll": ["PFCOUNT KEY"],
    "stream": [
        "XRANGE KEY - +",
        "XLEN KEY",
        "XINFO STREAM KEY",
        "XINFO GROUPS KEY",
        "XPENDING KEY g1",
        "XPENDING KEY g2",
        "XPENDING KEY g1 - + 100",
        "XPENDING KEY g2 - + 100",
    ],
    "zset": ["ZRANGE KEY 0 -1 WITHSCORES", "ZREVRANGE KEY 0 -1 WITHSCORES", "ZCARD KEY", "ZCOUNT KEY -inf inf"],
}
