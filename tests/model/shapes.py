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
}
ALL_KEYS = [key for pool in POOLS.values() for key in pool] + [b"none"]

VALUES = [
    b"", b"a", b"b", b"abc", b"hello world", b"0", b"1", b"-1", b"10", b"3.5", b"9223372036854775807", b" 1", b"1e3",
    b"\x00\r\n\xff", b"x" * 100, b"y" * 300, b"inf", b"nan", b"-0", b"12345678901234567890",
]  # fmt: skip
MEMBERS = [b"a", b"b", b"c", b"d", b"e", b"aa", b"ab", b"", b"\x00", b"\xff\xfe", b"1", b"2", b"10", b"-5", b"m" * 70]
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


ATOMS: dict[str, Atom] = {
    **{name: pool(name) for name in POOLS},
    "any": any_key,
    "same": lambda maker: maker.key,
    "value": one_of(VALUES),
    "member": one_of(MEMBERS),
    "score": one_of(SCORES),
    "int": one_of(INTEGERS),
    "small": one_of([b"0", b"1", b"2", b"3", b"4", b"7", b"20"]),
    "count": one_of([b"1", b"2", b"3", b"20"]),
    "edge": one_of(EDGES),
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
HDEL <hash> <member>
HINCRBY <hash> <member> <int>
HINCRBYFLOAT <hash> <member> <float>
HRANDFIELD <hash> 100 [ WITHVALUES ]
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
SCARD <set>
SMEMBERS <set>
SISMEMBER <set> <member>
SMISMEMBER <set> ( <member> )+
SMOVE <set> <set> <member>
SPOP <set> ; DEL <same>
SPOP <set> 100
SPOP <set> 0
SPOP <set> -1
SRANDMEMBER <set> [ <int> ]
SRANDMEMBER <set> 100
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
ZRANDMEMBER <zset> 100 [ WITHSCORES ]
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

# How often, and which shapes.
GROUPS = {
    name: (weight, [parse_shape(line) for line in text.strip().splitlines()])
    for name, weight, text in (
        ("strings", 5, STRINGS), ("keys", 4, KEYS), ("transactions", 2, TRANSACTIONS), ("hashes", 4, HASHES),
        ("lists", 4, LISTS), ("sets", 4, SETS), ("sorted sets", 6, SORTED_SETS), ("geo", 1, GEO),
    )
}  # fmt: skip

# What shows the whole of a value, by the answer to TYPE.
STATE = {
    "string": ["GET KEY", "STRLEN KEY"],
    "hash": ["HGETALL KEY", "HLEN KEY"],
    "list": ["LRANGE KEY 0 -1", "LLEN KEY"],
    "set": ["SMEMBERS KEY", "SCARD KEY"],
    "zset": ["ZRANGE KEY 0 -1 WITHSCORES", "ZREVRANGE KEY 0 -1 WITHSCORES", "ZCARD KEY", "ZCOUNT KEY -inf inf"],
}
