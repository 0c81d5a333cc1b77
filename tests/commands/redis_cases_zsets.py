"""What is asked of Slotrocks and of redis-server alike about sorted sets and positions; see redis_cases.py.

Scores here are numbers that Redis 7.0 (17 digits) and 7.2 (the fewest that will do) print alike, but for those that
generated() makes: the comparison knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from redis_cases import parse

SEQUENCES = r"""
ZADD z 1 a
ZADD z 1 a
ZADD z 2 a
ZADD z CH 3 a 1 b
ZADD z NX 5 a 6 c
ZADD z XX 5 a 6 d
ZADD z XX CH 6 a 6 d
ZADD z GT CH 1 a 7 b
ZADD z LT CH 1 a 9 b
ZADD z GT XX 5 nobody
ZADD z GT 5 somebody
ZRANGE z 0 -1 WITHSCORES
ZADD z 1 x 2 x 3 x
ZADD z CH 1 y 2 y 3 y
ZADD z CH 3 y 2 y 3 y
ZADD z nx ch 1 y
ZRANGE z 0 -1 WITHSCORES
ZCARD z
TYPE z

ZADD
ZADD z
ZADD z 1
ZADD z 1 a 2
ZADD z x a
ZADD z 1 a x b
ZADD z 1e400 a
ZADD z nan a
ZADD z "" a
ZADD z " 1" a
ZADD z "1 " a
ZADD z NX XX 1 a
ZADD z NX GT 1 a
ZADD z LT GT 1 a
ZADD z NX LT 1 a
ZADD z INCR 1 a 2 b
ZADD z NX
ZADD z NX CH INCR
ZADD z NX 1
ZADD z NX XX GT
EXISTS z
ZADD z 0x10 hex 1e2 exp +5 plus -0x1p-2 hexneg infinity i -INF ni
ZRANGE z 0 -1 WITHSCORES

ZADD z inf a
ZADD z INCR -inf a
ZINCRBY z -inf a
ZINCRBY z 1 a
ZINCRBY z nan a
ZINCRBY z NX a
ZINCRBY z ch a
ZINCRBY z x a
ZINCRBY z 1 b
ZINCRBY z 1.5 b
ZINCRBY z -2.5 b
ZADD z INCR 5 b
ZADD z NX INCR 5 b
ZADD z XX INCR 5 c
ZADD z GT INCR -5 b
ZADD z GT INCR 0 b
ZADD z LT INCR 5 b
ZADD z LT INCR -5 b
ZADD z NX INCR 5 d
ZSCORE z d
ZRANGE z 0 -1 WITHSCORES

ZADD z -0 a
ZSCORE z a
ZADD z CH 0 a
ZSCORE z a
ZADD z CH 1 a
ZADD z CH 0 a
ZADD z CH -0 a
ZSCORE z a
ZADD z 0 b
ZRANGEBYSCORE z 0 0
ZRANGEBYSCORE z -0 -0
ZRANGEBYSCORE z (0 1
ZRANGEBYSCORE z (-0 1
ZRANGEBYSCORE z -1 (0
ZRANGEBYSCORE z -1 (-0
ZCOUNT z 0 0
ZINCRBY z -0 b
ZREM z a b
EXISTS z

ZADD z 1 one 2 two 3 three
ZREM z
ZREM z four
ZREM z one one two
ZREM z three
EXISTS z
ZREM z one
ZREM nothing one
ZCARD nothing
ZSCORE nothing a
ZMSCORE nothing a b
ZMSCORE z
ZADD z 1 a 2 b
ZMSCORE z a x b a
ZSCORE z x
ZSCORE z

SET s x
ZADD s 1 a
ZADD s x a
ZADD s XX 1 a
ZINCRBY s 1 a
ZREM s a
ZCARD s
ZSCORE s a
ZMSCORE s a
ZCOUNT s 0 1
ZCOUNT s x 1
ZLEXCOUNT s - +
ZLEXCOUNT s x +
ZRANK s a
ZREVRANK s a
ZRANGE s 0 -1
ZRANGE s x -1
ZREVRANGE s 0 -1
ZRANGEBYSCORE s 0 1
ZRANGEBYLEX s - +
ZRANGESTORE d s 0 -1
ZREMRANGEBYRANK s 0 -1
ZREMRANGEBYRANK s x -1
ZREMRANGEBYSCORE s 0 -1
ZREMRANGEBYSCORE s x -1
ZREMRANGEBYLEX s - +
ZREMRANGEBYLEX s x +
ZPOPMIN s
ZPOPMIN s 0
ZPOPMIN s x
ZPOPMAX s 1
ZMPOP 1 s MIN
ZMPOP 2 nothing s MIN
ZRANDMEMBER s
ZRANDMEMBER s 1
ZSCAN s 0
ZUNION 1 s
ZUNION 2 nothing s FOO
ZINTER 2 nothing s
ZDIFF 2 nothing s
ZUNIONSTORE d 1 s
ZINTERSTORE d 1 s
ZDIFFSTORE d 1 s
ZINTERCARD 1 s
GEOADD s 1 1 a
GEOPOS s a
GEOHASH s a
GEODIST s a b
GEOSEARCH s FROMLONLAT 1 1 BYRADIUS 1 m
GEOSEARCH s FROMLONLAT 1 1 BYRADIUS x m
GEORADIUS s 1 1 1 m
GEORADIUSBYMEMBER s a 1 m
GEOSEARCHSTORE d s FROMLONLAT 1 1 BYRADIUS 1 m
GET s
ZUNIONSTORE s 1 nothing
EXISTS s
SET s x
ZADD z 1 a
ZUNIONSTORE s 1 z
ZRANGE s 0 -1 WITHSCORES
SET s x
ZRANGESTORE s z 0 -1
TYPE s
SET s x EX 1000
ZRANGESTORE s z 5 6
EXISTS s

ZADD z 1 a 2 b 3 c 4 d 5 e
ZRANK z a
ZRANK z c
ZRANK z e
ZRANK z x
ZREVRANK z a
ZREVRANK z e
ZREVRANK z x
ZRANK nothing x
ZREVRANK nothing x
ZRANK z
ZRANGE z 0 0
ZRANGE z 0 -1
ZRANGE z 1 -2
ZRANGE z -2 -1
ZRANGE z -100 100
ZRANGE z 3 1
ZRANGE z 5 10
ZRANGE z 100 200
ZRANGE z -3 -4
ZRANGE z -100 -100
ZRANGE z 0 -1 REV
ZRANGE z 0 1 REV WITHSCORES
ZRANGE z -2 -1 REV
ZREVRANGE z 0 -1 WITHSCORES
ZREVRANGE z 0 1
ZREVRANGE z -2 -1
ZREVRANGE z 0 -1 REV
ZREVRANGE z 0 -1 BYSCORE
ZREVRANGE z 0 -1 LIMIT 0 1
ZREVRANGE z 0 -1 LIMIT 0 -1
ZRANGE z 0 -1 LIMIT 0 1
ZRANGE z 0 -1 LIMIT 5 -1
ZRANGE z 0 -1 LIMIT 5
ZRANGE z 0 -1 LIMIT x 1
ZRANGE z 0 -1 WITHSCORES WITHSCORES
ZRANGE z 0 -1 FOO
ZRANGE z a b
ZRANGE z 0 1.5
ZRANGE z 0
ZRANGE z 0 -1 REV REV
ZRANGE z 0 -1 BYSCORE BYSCORE
ZRANGE z 0 -1 BYLEX BYSCORE
ZRANGE nothing 0 -1
ZRANGE nothing 0 -1 WITHSCORES

ZADD z -inf ni 1 a 2 b 3 c 4 d inf i
ZRANGEBYSCORE z -inf +inf
ZRANGEBYSCORE z -inf inf WITHSCORES
ZRANGEBYSCORE z (-inf (inf
ZRANGEBYSCORE z 1 3
ZRANGEBYSCORE z (1 3
ZRANGEBYSCORE z 1 (3
ZRANGEBYSCORE z (1 (3
ZRANGEBYSCORE z (2 2
ZRANGEBYSCORE z 2 (2
ZRANGEBYSCORE z (2 (2
ZRANGEBYSCORE z 2 2
ZRANGEBYSCORE z 3 1
ZRANGEBYSCORE z "" 1
ZRANGEBYSCORE z "(" 1
ZRANGEBYSCORE z " 1" 2
ZRANGEBYSCORE z "1 " 2
ZRANGEBYSCORE z 1e400 inf
ZRANGEBYSCORE z (1e400 inf
ZRANGEBYSCORE z -1e400 inf
ZRANGEBYSCORE z 0x1 0x3
ZRANGEBYSCORE z 1_0 3
ZRANGEBYSCORE z nan 3
ZRANGEBYSCORE z 1 nan
ZRANGEBYSCORE z ((1 3
ZRANGEBYSCORE z [1 3
ZRANGEBYSCORE z 1 3 LIMIT 0 1
ZRANGEBYSCORE z 1 3 LIMIT 1 2
ZRANGEBYSCORE z 1 3 LIMIT 1 0
ZRANGEBYSCORE z 1 3 LIMIT 1 -1
ZRANGEBYSCORE z 1 3 LIMIT 1 -5
ZRANGEBYSCORE z 1 3 LIMIT -1 5
ZRANGEBYSCORE z 1 3 LIMIT 9223372036854775807 5
ZRANGEBYSCORE z 1 3 LIMIT 1 9223372036854775807
ZRANGEBYSCORE z 1 3 LIMIT 9223372036854775808 5
ZRANGEBYSCORE z 1 3 LIMIT 1
ZRANGEBYSCORE z 1 3 WITHSCORES LIMIT 1 1
ZRANGEBYSCORE z 1 3 LIMIT 1 1 WITHSCORES
ZRANGEBYSCORE z 1 3 REV
ZRANGEBYSCORE z 1 3 BYSCORE
ZREVRANGEBYSCORE z 3 1
ZREVRANGEBYSCORE z 1 3
ZREVRANGEBYSCORE z (3 1 WITHSCORES
ZREVRANGEBYSCORE z +inf -inf LIMIT 1 2
ZREVRANGEBYSCORE z x -inf
ZRANGE z 1 3 BYSCORE
ZRANGE z 3 1 BYSCORE REV
ZRANGE z 1 3 BYSCORE REV
ZRANGE z (1 +inf BYSCORE LIMIT 1 2 WITHSCORES
ZRANGE z +inf (1 BYSCORE REV LIMIT 1 2 WITHSCORES
ZRANGE z x 1 BYSCORE
ZCOUNT z -inf +inf
ZCOUNT z (1 3
ZCOUNT z 3 1
ZCOUNT z x 1
ZCOUNT z 1 x
ZCOUNT z 1
ZCOUNT nothing 1 2
ZREMRANGEBYSCORE z (1 2
ZREMRANGEBYSCORE z x 2
ZREMRANGEBYSCORE nothing 1 2
ZREMRANGEBYSCORE z 7 2
ZRANGE z 0 -1
ZREMRANGEBYSCORE z -inf inf
EXISTS z

ZADD z 0 "" 0 a 0 aa 0 ab 0 b 0 "\x00" 0 "\xff" 0 "\xff\xff"
ZRANGEBYLEX z - +
ZRANGEBYLEX z + -
ZRANGEBYLEX z - -
ZRANGEBYLEX z + +
ZRANGEBYLEX z - [a
ZRANGEBYLEX z - (a
ZRANGEBYLEX z [a +
ZRANGEBYLEX z (a +
ZRANGEBYLEX z [a [b
ZRANGEBYLEX z (a (b
ZRANGEBYLEX z (a [a
ZRANGEBYLEX z [a (a
ZRANGEBYLEX z [a [a
ZRANGEBYLEX z [b [a
ZRANGEBYLEX z [ (
ZRANGEBYLEX z [ [
ZRANGEBYLEX z ( +
ZRANGEBYLEX z "[\xff" +
ZRANGEBYLEX z "(\xff" +
ZRANGEBYLEX z "" +
ZRANGEBYLEX z a +
ZRANGEBYLEX z - b
ZRANGEBYLEX z -x +
ZRANGEBYLEX z - +x
ZRANGEBYLEX z - + LIMIT 1 2
ZRANGEBYLEX z - + LIMIT 1 0
ZRANGEBYLEX z - + LIMIT -1 2
ZRANGEBYLEX z - + WITHSCORES
ZREVRANGEBYLEX z + -
ZREVRANGEBYLEX z - +
ZREVRANGEBYLEX z [b (a
ZREVRANGEBYLEX z + - LIMIT 1 2
ZREVRANGEBYLEX z b a
ZRANGE z [a + BYLEX
ZRANGE z + [a BYLEX REV
ZRANGE z [a + BYLEX REV
ZRANGE z [a + BYLEX WITHSCORES
ZRANGE z [a + BYLEX LIMIT 1 1
ZRANGE z a + BYLEX
ZLEXCOUNT z - +
ZLEXCOUNT z [a (b
ZLEXCOUNT z + -
ZLEXCOUNT z x y
ZLEXCOUNT nothing - +
ZREMRANGEBYLEX z x y
ZREMRANGEBYLEX z [a [ab
ZREMRANGEBYLEX z + -
ZREMRANGEBYLEX nothing - +
ZRANGE z 0 -1
ZREMRANGEBYLEX z - +
EXISTS z

ZADD z 1 a 2 b 3 c 4 d 5 e 6 f
ZREMRANGEBYRANK z 0 0
ZREMRANGEBYRANK z -1 -1
ZREMRANGEBYRANK z 3 2
ZREMRANGEBYRANK z 9 19
ZREMRANGEBYRANK z x 1
ZREMRANGEBYRANK z 1
ZREMRANGEBYRANK nothing 0 1
ZRANGE z 0 -1
ZREMRANGEBYRANK z -100 1
ZRANGE z 0 -1
ZREMRANGEBYRANK z 0 -1
EXISTS z

ZADD z 1 a 2 b 3 c 4 d 5 e 6 f
ZPOPMIN z
ZPOPMAX z
ZPOPMIN z 1
ZPOPMAX z 2
ZPOPMAX z 0
ZPOPMIN z -1
ZPOPMIN z x
ZPOPMIN z 1 2
ZPOPMIN z 100
EXISTS z
ZPOPMIN z
ZPOPMAX z 5
ZPOPMIN
ZADD z 1 a 2 b 3 c 4 d 5 e 6 f
ZMPOP 1 z MIN
ZMPOP 1 z MAX
ZMPOP 1 z max COUNT 2
ZMPOP 2 nothing z MIN COUNT 100
ZMPOP 2 nothing z MIN COUNT 100
ZMPOP 0 z MIN
ZMPOP -1 z MIN
ZMPOP x z MIN
ZMPOP 1 z
ZMPOP 2 z MIN
ZMPOP 1 z FOO
ZMPOP 1 z MIN COUNT
ZMPOP 1 z MIN COUNT 0
ZMPOP 1 z MIN COUNT -1
ZMPOP 1 z MIN COUNT x
ZMPOP 1 z MIN COUNT 1 COUNT 2
ZMPOP 1 z MIN COUNT 1 FOO
ZMPOP 1 z MIN FOO 1
ZMPOP 99 z MIN

ZRANDMEMBER nothing
ZRANDMEMBER nothing 5
ZRANDMEMBER nothing -5
ZRANDMEMBER nothing 5 WITHSCORES
ZADD z 1 a
ZRANDMEMBER z
ZRANDMEMBER z 0
ZRANDMEMBER z 5
ZRANDMEMBER z -3
ZRANDMEMBER z 5 WITHSCORES
ZRANDMEMBER z -2 WITHSCORES
ZRANDMEMBER z x
ZRANDMEMBER z 1 FOO
ZRANDMEMBER z 1 WITHSCORES FOO
ZRANDMEMBER z 9223372036854775807
ZRANDMEMBER z -9223372036854775808
ZRANDMEMBER z -9223372036854775807 WITHSCORES
ZRANDMEMBER z 4611686018427387904 WITHSCORES
ZRANDMEMBER z 4611686018427387903 WITHSCORES
ZADD z 2 b 3 c
ZRANDMEMBER z 3
ZRANDMEMBER z 4 WITHSCORES

ZSCAN nothing 0
ZSCAN nothing x
ZSCAN nothing 0 FOO
ZADD z 1 a 2.5 b 3 c
ZSCAN z 0
ZSCAN z 0 COUNT 100
ZSCAN z 0 MATCH b
ZSCAN z 0 MATCH x*
ZSCAN z 0 MATCH
ZSCAN z 0 COUNT 0
ZSCAN z 0 COUNT x
ZSCAN z 0 TYPE zset
ZSCAN z x
ZSCAN z

ZADD a 1 x 2 y 3 z
ZADD b 10 y 20 z 30 w
ZUNION 2 a b
ZUNION 2 a b WITHSCORES
ZUNION 2 a b WEIGHTS 2 3 WITHSCORES
ZUNION 2 a b WEIGHTS 2 3 AGGREGATE MIN WITHSCORES
ZUNION 2 a b AGGREGATE max WITHSCORES
ZUNION 3 a a a WITHSCORES
ZUNION 2 a nothing WITHSCORES
ZUNION 1 nothing WITHSCORES
ZUNION 2 a b WEIGHTS 2
ZUNION 2 a b WEIGHTS 2 x
ZUNION 2 a b WEIGHTS nan 1
ZUNION 2 a b WEIGHTS inf 0 WITHSCORES
ZUNION 2 a b AGGREGATE
ZUNION 2 a b AGGREGATE AVG
ZUNION 2 a b LIMIT 1
ZUNION 2 a b FOO
ZUNION 0 a
ZUNION -1 a
ZUNION x a
ZUNION 3 a b
ZUNION 1
ZINTER 2 a b
ZINTER 2 a b WITHSCORES
ZINTER 2 b a WEIGHTS 2 3 WITHSCORES
ZINTER 2 a b WEIGHTS 2 -3 AGGREGATE MIN WITHSCORES
ZINTER 2 a a WITHSCORES
ZINTER 2 a nothing
ZINTER 0 a
ZDIFF 2 a b
ZDIFF 2 a b WITHSCORES
ZDIFF 2 a a
ZDIFF 2 nothing a
ZDIFF 1 a WITHSCORES
ZDIFF 2 a b WEIGHTS 1 2
ZDIFF 2 a b AGGREGATE SUM
ZINTERCARD 2 a b
ZINTERCARD 2 a b LIMIT 1
ZINTERCARD 2 a b LIMIT 0
ZINTERCARD 2 a b LIMIT 10
ZINTERCARD 2 a b LIMIT -1
ZINTERCARD 2 a b LIMIT x
ZINTERCARD 2 a b LIMIT
ZINTERCARD 2 a b WITHSCORES
ZINTERCARD 0 a
ZINTERCARD 3 a b
ZUNIONSTORE d 2 a b WEIGHTS 1 0.5
ZRANGE d 0 -1 WITHSCORES
ZUNIONSTORE d 2 a b WITHSCORES
ZUNIONSTORE d 0 a
ZUNIONSTORE d 5 a
ZINTERSTORE d 2 a b AGGREGATE MAX
ZRANGE d 0 -1 WITHSCORES
ZINTERSTORE d 2 a nothing
EXISTS d
ZDIFFSTORE d 2 a b
ZRANGE d 0 -1 WITHSCORES
ZDIFFSTORE d 2 a a
EXISTS d
ZDIFFSTORE d 0 a
ZINTERSTORE d 0 a
ZUNIONSTORE a 2 a b
ZRANGE a 0 -1 WITHSCORES
ZINTERSTORE b 2 a b
ZRANGE b 0 -1 WITHSCORES
EXPIRE a 1000
ZUNIONSTORE a 1 b
TTL a

ZADD a 1 x 2 y 3 z
ZADD b 10 y 20 z 30 w
SADD c x y v
ZUNION 3 a b c WITHSCORES
ZUNION 2 c c WEIGHTS 2 3 WITHSCORES
ZINTER 3 a b c WITHSCORES
ZINTER 2 a c WITHSCORES
ZINTER 2 c a AGGREGATE MIN WITHSCORES
ZINTERCARD 2 a c
ZDIFF 2 a c WITHSCORES
ZDIFF 2 c a WITHSCORES
ZDIFF 3 a b c
ZUNIONSTORE c 2 a c
ZRANGE c 0 -1 WITHSCORES

ZADD a inf x
ZADD b -inf x
ZUNION 2 a b WITHSCORES
ZINTER 2 a b WITHSCORES
ZUNION 2 a b WEIGHTS 0 1 WITHSCORES
ZINTER 2 a b WEIGHTS 0 0 WITHSCORES
ZINTER 2 a b WEIGHTS 1 0 AGGREGATE MIN WITHSCORES
ZINTER 2 a b WEIGHTS 1 0 AGGREGATE MAX WITHSCORES

ZADD z 1 a 2 b 3 c 4 d
ZRANGESTORE d z 0 1
ZRANGE d 0 -1 WITHSCORES
ZRANGESTORE d z 0 1 REV
ZRANGE d 0 -1 WITHSCORES
ZRANGESTORE d z (1 +inf BYSCORE LIMIT 1 1
ZRANGE d 0 -1 WITHSCORES
ZRANGESTORE d z [b [c BYLEX
ZRANGE d 0 -1 WITHSCORES
ZRANGESTORE z z 1 2
ZRANGE z 0 -1 WITHSCORES
ZRANGESTORE d nothing 0 -1
EXISTS d
ZRANGESTORE d z 0 -1 WITHSCORES
ZRANGESTORE d z 0 -1 LIMIT 0 1
ZRANGESTORE d z x -1
ZRANGESTORE d z 0

ZADD z 1 a 2 b
PEXPIREAT z 99999999999999
ZADD z 3 c
PEXPIRETIME z
ZREM z a
ZPOPMIN z
PEXPIRETIME z
ZPOPMIN z
ZADD z 1 new
PEXPIRETIME z
PEXPIREAT z 1
EXISTS z
ZADD z 5 again
ZRANGE z 0 -1 WITHSCORES
ZADD z 6 more
RENAME z y
ZRANGE y 0 -1 WITHSCORES
COPY y x
ZADD x 1 only
ZRANGE y 0 -1
ZRANGE x 0 -1
DEL y
ZCARD y
ZADD y 1 fresh
ZRANGE y 0 -1

MULTI
ZADD z 1 a 2 b
ZINCRBY z 5 a
ZRANGE z 0 -1 WITHSCORES
ZPOPMIN z
ZADD z x a
ZINCRBY z inf i
ZINCRBY z -inf i
ZREM z a i
EXISTS z
EXEC

GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
GEOADD g 13.583333 37.316667 Agrigento
GEOADD g 13.361389 38.115556 Palermo
GEOADD g CH 13.361389 38.2 Palermo
GEOADD g XX CH 13.361389 38.115556 Palermo 1 1 Nowhere
GEOADD g NX CH 1 1 Palermo
GEOADD g NX XX 1 1 a
GEOADD g GT 1 1 a
GEOADD g 1 1
GEOADD g 1 1 a 2
GEOADD g NX CH NX
GEOADD g x 1 a
GEOADD g 181 1 a
GEOADD g 1 86 a
GEOADD g -181 -86.5 a
GEOADD g 1 1 ok 1 100 bad
EXISTS ok
ZRANGE g 0 -1 WITHSCORES
GEOPOS g Palermo nobody Catania
GEOPOS g
GEOPOS nothing a b
GEOHASH g Palermo nobody Catania
GEOHASH g
GEOHASH nothing a
GEODIST g Palermo Catania
GEODIST g Palermo Catania km
GEODIST g Palermo Catania MI
GEODIST g Palermo Catania ft
GEODIST g Palermo Catania parsec
GEODIST g Palermo Catania m x
GEODIST g Palermo nobody
GEODIST nothing a b
GEODIST nothing a b parsec
GEODIST g Palermo Palermo
GEORADIUS g 15 37 200 km
GEORADIUS g 15 37 200 km WITHDIST WITHCOORD WITHHASH ASC
GEORADIUS g 15 37 200 km DESC
GEORADIUS g 15 37 200 km ASC COUNT 1
GEORADIUS g 15 37 200 km COUNT 2
GEORADIUS g 15 37 200 km COUNT 1 ANY
GEORADIUS g 15 37 200 km ANY
GEORADIUS g 15 37 200 km COUNT 0
GEORADIUS g 15 37 200 km COUNT x
GEORADIUS g 15 37 200 km COUNT
GEORADIUS g 15 37 200 km FOO
GEORADIUS g 15 37 x km
GEORADIUS g 15 37 -1 km
GEORADIUS g 15 37 1 foo
GEORADIUS g 200 37 1 km
GEORADIUS nothing 15 37 200 km
GEORADIUS nothing 15 37 x km
GEORADIUS g 15 37 200 km STORE d
ZRANGE d 0 -1 WITHSCORES
GEORADIUS g 15 37 200 km STORE d WITHDIST
GEORADIUS g 15 37 200 km STORE
GEORADIUS g 15 37 1 m STORE d
EXISTS d
GEORADIUS g 15 37 200 km STOREDIST d COUNT 1
ZCARD d
GEORADIUS nothing 15 37 200 km STORE d
EXISTS d
GEORADIUS_RO g 15 37 200 km ASC
GEORADIUS_RO g 15 37 200 km STORE d
GEORADIUSBYMEMBER g Agrigento 100 km
GEORADIUSBYMEMBER g Agrigento 100 km WITHDIST DESC
GEORADIUSBYMEMBER g nobody 100 km
GEORADIUSBYMEMBER nothing a x foo
GEORADIUSBYMEMBER nothing a 100 km STORE d
GEORADIUSBYMEMBER nothing a 100 km FOO
GEORADIUSBYMEMBER g Agrigento x km
GEORADIUSBYMEMBER g Agrigento 100 km STORE d
ZCARD d
GEORADIUSBYMEMBER_RO g Agrigento 100 km
GEORADIUSBYMEMBER_RO g Agrigento 100 km STORE d
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC
GEOSEARCH g FROMMEMBER Palermo BYBOX 400 400 km DESC WITHCOORD WITHDIST WITHHASH
GEOSEARCH g FROMMEMBER nobody BYBOX 400 400 km
GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 x km
GEOSEARCH g FROMLONLAT 15 37 BYBOX x 400 km
GEOSEARCH g FROMLONLAT 15 37 BYBOX -1 400 km
GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 foo
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS x km
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS -5 km
GEOSEARCH g FROMLONLAT 15 37 FROMMEMBER Palermo BYRADIUS 1 km
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 km BYBOX 1 1 km
GEOSEARCH g FROMLONLAT 15 37 ASC ASC
GEOSEARCH g BYRADIUS 1 km ASC ASC
GEOSEARCH g FROMLONLAT 15 37 FROMLONLAT 13 38 BYRADIUS 200 km ASC
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km COUNT 2 ANY DESC
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ANY
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km STORE d
GEOSEARCH g FROMLONLAT 200 37 BYRADIUS 200 km
GEOSEARCH nothing FROMMEMBER a BYRADIUS 200 km
GEOSEARCH nothing FROMMEMBER a BYRADIUS x km
GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km
ZRANGE d 0 -1 WITHSCORES
GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km WITHDIST
GEOSEARCHSTORE d g FROMLONLAT 15 37 WITHDIST ASC ASC
GEOSEARCHSTORE d g FROMLONLAT 15 37 BYBOX 400 400 km STOREDIST
ZRANGE d 0 -1
GEOSEARCHSTORE g g FROMLONLAT 15 37 BYRADIUS 100 km
ZRANGE g 0 -1
GEOSEARCHSTORE d nothing FROMLONLAT 15 37 BYRADIUS 200 km
EXISTS d

ZADD g -1 minus 0.5 half 1e300 huge inf inf 9007199254740993 beyond
GEOPOS g half
GEOHASH g half
GEOADD g 180 85.05112878 ne -180 -85.05112878 sw 0 0 zero
GEOPOS g ne sw zero
GEOHASH g ne sw zero
GEODIST g ne sw
GEOSEARCH g FROMLONLAT 180 85 BYRADIUS 1000 km ASC
GEOSEARCH g FROMLONLAT 0 0 BYRADIUS 0 m ASC
GEOSEARCH g FROMLONLAT 0 0 BYRADIUS 40000 km COUNT 3 ASC
"""

MEMBERS = ("a", "b", "c", "d", "e", "f", "g", "h")
SCORES = ("0", "1", "-1", "2", "2", "3.5", "inf", "-inf", "1e10", "0.1", "-7.25")
BOUNDS = ("-inf", "+inf", "0", "1", "(1", "(2", "2", "-1", "(-1", "3.5", "(inf", "0.1")
LEX_BOUNDS = ("-", "+", "[a", "(a", "[c", "(c", "[f", "(g", "[zz")
UNITS = ("m", "km", "ft", "mi")


def random_zsets(seed: int) -> list[tuple[bytes, ...]]:
    """A sequence of changes and reads of a few sorted sets."""
    rng = Random(seed)
    pick = rng.choice
    lines = []
    for _ in range(60):
        key, other = pick(("x", "y", "z")), pick(("x", "y", "z"))
        pairs = " ".join(f"{pick(SCORES)} {pick(MEMBERS)}" for _ in range(rng.randint(1, 4)))
        low, high = pick(BOUNDS), pick(BOUNDS)
        start, stop = rng.randint(-9, 9), rng.randint(-9, 9)
        limit = pick(("", f"LIMIT {rng.randint(-1, 3)} {rng.randint(-1, 3)}"))
        weights = pick(("", f"WEIGHTS {pick(SCORES)} {pick(SCORES)}")) + pick(("", " AGGREGATE MIN", " AGGREGATE MAX"))
        lines.append(pick((
            f"ZADD {key} {pick(('', 'NX', 'XX', 'GT', 'LT', 'CH', 'XX CH GT'))} {pairs}",
            f"ZADD {key} {pairs}",
            f"ZADD {key} {pairs}",
            f"ZINCRBY {key} {pick(SCORES)} {pick(MEMBERS)}",
            f"ZREM {key} {pick(MEMBERS)} {pick(MEMBERS)}",
            f"ZRANGE {key} {start} {stop} {pick(('', 'REV'))} WITHSCORES",
            f"ZRANGE {key} {low} {high} BYSCORE {limit} WITHSCORES",
            f"ZREVRANGEBYSCORE {key} {high} {low} {limit}",
            f"ZCOUNT {key} {low} {high}",
            f"ZRANK {key} {pick(MEMBERS)}",
            f"ZREVRANK {key} {pick(MEMBERS)}",
            f"ZREMRANGEBYSCORE {key} {low} {high}",
            f"ZREMRANGEBYRANK {key} {start} {stop}",
            f"ZPOPMIN {key} {rng.randint(0, 2)}",
            f"ZPOPMAX {key}",
            f"ZMPOP 2 {key} {other} {pick(('MIN', 'MAX'))} COUNT {rng.randint(1, 3)}",
            f"ZUNIONSTORE {pick('xyzd')} 2 {key} {other} {weights}",
            f"ZINTERSTORE {pick('xyzd')} 2 {key} {other} {weights}",
            f"ZDIFFSTORE {pick('xyzd')} 2 {key} {other}",
            f"ZRANGESTORE {pick('xyzd')} {key} {low} {high} BYSCORE {limit}",
            f"ZUNION 2 {key} {other} {weights} WITHSCORES",
            f"ZINTER 2 {key} {other} {weights} WITHSCORES",
            f"ZINTERCARD 2 {key} {other} LIMIT {rng.randint(0, 3)}",
            f"ZMSCORE {key} {pick(MEMBERS)} {pick(MEMBERS)}",
            f"ZCARD {key}",
        )))  # fmt: skip
    return [parse(line) for line in [*lines, *(f"ZRANGE {key} 0 -1 WITHSCORES" for key in "xyzd")]]


def random_lex(seed: int) -> list[tuple[bytes, ...]]:
    """A sequence about members with equal scores."""
    rng = Random(seed)
    lines = ["ZADD z " + " ".join(f"0 {member}" for member in MEMBERS)]
    for _ in range(12):
        low, high, limit = rng.choice(LEX_BOUNDS), rng.choice(LEX_BOUNDS), rng.choice(("", "LIMIT 1 2"))
        lines += (
            f"ZRANGEBYLEX z {low} {high} {limit}", f"ZREVRANGEBYLEX z {high} {low} {limit}",
            f"ZLEXCOUNT z {low} {high}", f"ZREMRANGEBYLEX z {low} (c",
        )  # fmt: skip
    return [parse(line) for line in lines]


def random_geo(seed: int) -> list[tuple[bytes, ...]]:
    """Positions all over the earth, or close together, and searches around them. Without ASC or DESC the order of the
    results is Redis's own, too."""
    rng = Random(seed)
    spread = rng.choice((0.001, 0.1, 3, 40, 180))
    centre = rng.uniform(-180, 180), rng.uniform(-85, 85)

    def somewhere() -> tuple[float, float]:
        longitude = centre[0] + rng.uniform(-spread, spread)
        latitude = max(min(centre[1] + rng.uniform(-spread, spread), 85.05), -85.05)
        return round((longitude + 180) % 360 - 180, 7), round(latitude, 7)

    lines = ["GEOADD g " + " ".join(f"{x} {y} m{i}" for i, (x, y) in enumerate(somewhere() for _ in range(60)))]
    lines += ["ZRANGE g 0 -1 WITHSCORES", "GEOPOS g m0 m1 m2 m3", "GEOHASH g m0 m1 m2 m3", "GEODIST g m0 m1 km"]
    for _ in range(15):
        x, y = somewhere()
        unit = rng.choice(UNITS)
        metres = {"m": 1, "km": 1000, "ft": 0.3048, "mi": 1609.34}[unit]
        size = round(spread * 111_000 * rng.choice((0.01, 0.1, 0.5, 1, 2)) / metres, 3)
        shape = rng.choice((f"BYRADIUS {size} {unit}", f"BYBOX {size} {round(size * rng.uniform(0.2, 2), 3)} {unit}"))
        source = rng.choice((f"FROMLONLAT {x} {y}", f"FROMMEMBER m{rng.randrange(60)}"))
        order = rng.choice(("", "ASC", "DESC", "COUNT 5", "COUNT 5 ANY", "ASC COUNT 3"))
        lines.append(f"GEOSEARCH g {source} {shape} {order} WITHDIST WITHHASH WITHCOORD")
        lines.append(f"GEOSEARCH g {source} {shape} {order}")
        lines.append(f"GEORADIUS g {x} {y} {size} {unit} {order}")
    return [parse(line) for line in lines]


def sequences() -> Iterator[list[tuple[bytes, ...]]]:
    """All of them."""
    for part in SEQUENCES.split("\n\n"):
        yield [parse(line) for line in part.strip().splitlines()]
    for seed in range(30):
        yield random_zsets(seed)
    for seed in range(10):
        yield random_lex(seed)
    for seed in range(30):
        yield random_geo(seed)
