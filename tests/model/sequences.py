"""Random sequences of commands of two clients, the same for the same seed."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from shape_grammar import SLEEP, Argv, Maker
from shapes import ALL_KEYS, ATOMS, EDGES, GROUPS, HLL_KEYS

CLIENTS = 2
# A spoilt command of these could wait for ever, or end the client.
NEVER_SPOILT = {b"BLPOP", b"BRPOP", b"BLMOVE", b"BRPOPLPUSH", b"BLMPOP", b"BZPOPMIN", b"BZPOPMAX", b"BZMPOP", b"XREAD",
                b"XREADGROUP", b"HELLO", b"RESET", b"CLIENT", b"SCAN", b"HSCAN", b"SSCAN", b"ZSCAN", b"SPOP", b"EXPIRE",
                b"PEXPIRE", b"SETEX", b"PSETEX", b"EXEC", b"SRANDMEMBER",
                b"HRANDFIELD", b"ZRANDMEMBER", b"SETBIT", b"BITFIELD", b"ZRANK", b"ZREVRANK", SLEEP}  # fmt: skip


class Step(NamedTuple):
    """A command of one client. `alone`: its reply is awaited before the next command is sent. `tied`: without the step
    before it, what it or later ones answer is not certain."""

    client: int
    argv: Argv
    alone: bool
    tied: bool


def random_sequence(seed: int, length: int) -> list[Step]:
    """About `length` steps."""
    random = Random(seed)
    maker = Maker(random, ATOMS)
    weights = [weight for weight, _ in GROUPS.values()]
    favoured = random.choices(list(GROUPS), weights, k=3)  # a sequence stays with a few types, so that they grow
    pipelined = random.choice((0.0, 0.5, 0.95))
    steps: list[Step] = []
    in_multi = [False] * CLIENTS
    client = 0
    while len(steps) < length:
        if random.random() < 0.15:
            client = random.randrange(CLIENTS)
        name = random.choice(favoured) if random.random() < 0.7 else random.choices(list(GROUPS), weights)[0]
        commands = maker.steps(random.choice(GROUPS[name][1]))
        if in_multi[client] and (len(commands) > 1 or random.random() < 0.15):
            commands = [[b"EXEC"]]
        if len(commands) == 1 and random.random() < 0.05:
            commands = [spoilt(random, commands[0])]
        for i, argv in enumerate(commands):
            word = argv[0].upper()
            if word == b"FLUSHALL" and random.random() < 0.8:
                continue
            in_multi[client] = word == b"MULTI" or (in_multi[client] and word not in (b"EXEC", b"DISCARD", b"RESET"))
            steps.append(Step(client, argv, random.random() >= pipelined, i > 0))
    return steps


def spoilt(random: Random, argv: Argv) -> Argv:
    """The command with one thing wrong, or strange."""
    if argv[0].upper() in NEVER_SPOILT or any(word in HLL_KEYS for word in argv):
        return argv
    argv = list(argv)
    match random.randrange(4):
        case 0 if len(argv) > 1:
            argv.pop()
        case 1:
            argv.append(random.choice(EDGES))
        case 2 if len(argv) > 1:
            argv[1] = random.choice(ALL_KEYS)
        case _:
            argv[random.randrange(1, len(argv) + 1) :][:1] = [random.choice(EDGES)]
            if len(argv) > 2:
                argv[random.randrange(2, len(argv))] = random.choice(EDGES)
    return argv
