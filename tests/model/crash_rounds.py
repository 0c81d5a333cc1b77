"""kill -9 under load, and what must hold afterwards.

A round: clients write to a node, which dies; its folder is opened and the checks of tests/invariants.py run over it; it
starts again, and

* each Writer's keys are in the state that its commands leave, run one after the other on a redis-server: all that were
  acknowledged, and of the rest any first part. So each command, and each EXEC, has happened whole or not at all.
* each Counter's list has no gap, holds all that was acknowledged, and agrees with the other keys that its
  transactions write.

Nothing acknowledged may be missing with appendfsync everysec, either: what dies is the process, not the machine, and
the log's writes had reached the operating system.
"""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from threading import Thread

from reply_rules import same
from shape_grammar import SLEEP, Argv, Maker
from shapes import ATOMS, GROUPS
from twins import Both, printable
from typed_client import CLOSED, TypedClient

import invariants
import servers
from slotrocks.engine import Store

SEND_AT_ONCE_MAX = 20
REPLAYED_AT_ONCE = 50
# What another client would notice, what is chosen at random, and what would wait.
LEFT_OUT = {b"FLUSHALL", b"SPOP", b"HELLO", b"RESET", b"CLIENT", b"BLPOP", b"BRPOP", b"BLMOVE", b"BRPOPLPUSH",
            b"BLMPOP", b"BZPOPMIN", b"BZPOPMAX", b"BZMPOP", SLEEP}  # fmt: skip


class Writer(Thread):
    """A client that runs random commands on keys of its own until the server is gone."""

    def __init__(self, name: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.prefix = name.encode() + b":"
        self.random = Random(seed)
        self.maker = Maker(self.random, ATOMS, self.prefix)
        self.sent: list[Argv] = []
        self.acknowledged = 0
        self.port = 0

    def run(self) -> None:
        groups = list(GROUPS.values())
        weights = [weight for weight, _ in groups]
        client = TypedClient(self.port, 2)
        multi = False
        while True:
            commands: list[Argv] = []
            for _ in range(self.random.choice((1, 2, SEND_AT_ONCE_MAX))):
                shapes = self.random.choices(groups, weights)[0][1]
                made = self.maker.steps(self.random.choice(shapes))
                if any(argv[0].upper() in LEFT_OUT for argv in made):
                    continue
                if multi and self.random.random() < 0.2:
                    made = [[b"EXEC"]]
                commands += made
                multi = made[-1][0].upper() == b"MULTI" or (multi and made[-1][0].upper() not in (b"EXEC", b"DISCARD"))
            self.sent += commands
            try:
                client.send(commands)
            except OSError:
                break
            answered = 0
            while answered < len(commands) and client.receive() != CLOSED:
                answered += 1
            self.acknowledged += answered
            if answered < len(commands):
                break
        client.close()

    def check(self, both: Both, reference: TypedClient) -> str | None:
        """Compares our state with the state on redis-server, to which `reference` is a client of its own, since it may
        be left inside a MULTI; None if ours is one that could be."""
        for i in range(0, self.acknowledged, REPLAYED_AT_ONCE):
            commands = self.sent[i : min(i + REPLAYED_AT_ONCE, self.acknowledged)]
            reference.send(commands)
            for _ in commands:
                reference.receive()
        doubtful = self.sent[self.acknowledged :]
        first = wrong = state_differs(both, self.prefix)
        while wrong is not None and doubtful:
            reference.call(doubtful.pop(0))
            wrong = state_differs(both, self.prefix)
        tail = "; ".join(printable(argv) for argv in self.sent[max(0, self.acknowledged - 5) :])
        return wrong and f"after {self.acknowledged} acknowledged commands: {first}\nthe last, and those after: {tail}"


def state_differs(both: Both, prefix: bytes) -> str | None:
    """The first difference under a prefix. Times to live are other in the reference, which runs later."""
    for argv, ours, theirs in both.state(prefix + b"*"):
        both_or_none = argv[0] == b"PTTL" and (int(ours.value) < 0) == (int(theirs.value) < 0)
        if not both_or_none and not same(argv, ours, theirs):
            return f"{printable(argv)}: {str(ours)[:300]} here, {str(theirs)[:300]} in Redis"
    return None


class Counter(Thread):
    """A client whose transactions each write the next number to several keys, some of them with much data."""

    def __init__(self, name: str, start: int) -> None:
        super().__init__(daemon=True)
        self.keys = [f"{name}:{kind}" for kind in ("list", "string", "hash", "zset", "set")]
        self.next = start
        self.acknowledged = start
        self.port = 0

    def run(self) -> None:
        client = TypedClient(self.port, 2)
        try:
            while True:
                numbers = range(self.next, self.next + 8)
                client.send([argv for n in numbers for argv in self.transaction(n)])
                self.next += len(numbers)
                for _ in numbers:
                    for _ in range(7):
                        reply = client.receive()
                        if reply == CLOSED:
                            return
                    assert reply.kind == "*" and len(reply.value) == 5, reply
                    self.acknowledged += 1
        except OSError:
            pass
        finally:
            client.close()

    def transaction(self, n: int) -> list[Argv]:
        """MULTI to EXEC, 7 commands."""
        number = b"%d" % n
        padding = b"p" * (200_000 if n % 50 == 0 else 20)
        keys = [key.encode() for key in self.keys]
        return [
            [b"MULTI"], [b"RPUSH", keys[0], number], [b"SET", keys[1], number + b" " + padding],
            [b"HSET", keys[2], number, padding], [b"ZADD", keys[3], number, number], [b"SADD", keys[4], number],
            [b"EXEC"],
        ]  # fmt: skip

    def check(self, client: servers.Client) -> str | None:
        """None if all keys tell of the same numbers, 0 to some n, and all that was acknowledged is among them."""
        listed = [int(n) for n in client.call("LRANGE", self.keys[0], 0, -1)]
        count = len(listed)
        if listed != list(range(count)):
            return f"{self.keys[0]} has a gap: {listed}"
        if not self.acknowledged <= count <= self.next:
            return f"{self.keys[0]}: {self.acknowledged} acknowledged, {self.next} sent, {count} there"
        last = client.call("GET", self.keys[1])
        sizes = [client.call(*words) for words in zip(("HLEN", "ZCARD", "SCARD"), self.keys[2:], strict=True)]
        if sizes != [count] * 3 or (count and int(last.split()[0]) != count - 1):
            return f"{self.keys}: the list has {count} elements, the others {sizes}, the string is {last[:20]!r}"
        self.next = self.acknowledged = count
        return None


class Crashes:
    """Rounds on one folder, with one redis-server as the reference."""

    def __init__(self, folder: Path, redis: servers.Server, seed: int) -> None:
        self.folder = folder
        self.redis = redis
        self.seed = seed
        self.random = Random(seed)
        self.rounds = self.commands = 0
        self.counters = [("counter0", 0), ("counter1", 0)]
        self.node = servers.start_slotrocks(folder)
        with redis.client() as client:
            client.call("FLUSHALL")

    def round(self) -> str | None:
        """One crash. What is wrong after it, None if nothing."""
        self.rounds += 1
        writers = [Writer(f"writer{i}", self.random.randrange(2**60)) for i in range(3)]
        counters = [Counter(*each) for each in self.counters]
        for thread in (*writers, *counters):
            thread.port = self.node.port
            thread.start()
        time.sleep(self.random.uniform(0.05, 0.6))
        self.node.kill()
        for thread in (*writers, *counters):
            thread.join()
        self.commands += sum(writer.acknowledged for writer in writers) + 7 * sum(
            each.acknowledged - start for each, (_, start) in zip(counters, self.counters, strict=True)
        )
        if self.rounds % 2:  # opening and closing it writes; every other time the node itself is the first to open it
            store = Store(self.folder / "db", slot_encoded=False)
            wrong = invariants.everything(store)
            store.close()
            if wrong:
                return self._report("\n".join(wrong[:20]))
        self.node.start()
        both = Both(TypedClient(self.node.port, 2), TypedClient(self.redis.port, 2))
        found = []
        for writer in writers:
            reference = TypedClient(self.redis.port, 2)
            found.append(writer.check(both, reference))
            reference.close()
        both.close()
        with self.node.client() as client:
            found += [counter.check(client) for counter in counters]
            self.counters = [(each.keys[0].partition(":")[0], each.next) for each in counters]
            if counters[0].next > 5000:
                for counter in counters:
                    client.call("DEL", *counter.keys)
                self.counters = [(name, 0) for name, _ in self.counters]
        errors = [error for error in found if error is not None]
        return self._report("\n".join(errors)) if errors else None

    def _report(self, text: str) -> str:
        return f"seed {self.seed}, round {self.rounds}, after kill -9:\n{text}"

    def close(self) -> None:
        """Ends the node."""
        self.node.kill()
