"""The shapes of commands, written as their documentation writes them, and the making of random commands from them.

    shape     = step (" ; " step)*                  steps of one client, one after the other
    step      = part+                               separated by blanks
    part      = WORD | "<" atom ">" | "[" choice "]" (perhaps) | "(" choice ")" ["+" | "++"]
    choice    = part+ ("|" part+)*

")+" is up to REPEATED_MAX times, ")++" up to MANY_MAX times.
An atom is a function of the Maker that gives a word; shapes.py has them. `<same>` is the key that was made last; the
word SLEEP alone is a step that waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

Atom = Callable[["Maker"], bytes]
Part = Callable[["Maker"], list[bytes]]
Argv = list[bytes]

REPEATED_MAX = 4
MANY_MAX = 120
REPEATS = {")+": REPEATED_MAX, ")++": MANY_MAX}
SLEEP = b"SLEEP"  # not a command: lets the time pass after which a key is gone


class Maker:
    """Makes words from one source of randomness."""

    def __init__(self, random: Random, atoms: dict[str, Atom], prefix: bytes = b"") -> None:
        self.random = random
        self.atoms = atoms
        self.prefix = prefix  # of every key
        self.key = b""  # made last

    def steps(self, shape: list[Part]) -> list[Argv]:
        """A random command of each of the shape's steps."""
        return [step(self) for step in shape]


def parse_shape(text: str) -> list[Part]:
    """The steps of a shape. Raises ValueError."""
    steps = []
    for step in text.split(" ; "):
        words = iter(step.split())
        steps.append(_choice(words, ""))
    return steps


def _choice(words: Iterator[str], end: str) -> Part:
    choices: list[list[Part]] = [[]]
    for word in words:
        if word == end or (end == ")" and word in REPEATS):
            times_max = REPEATS.get(word, 1)
            break
        if word == "|":
            choices.append([])
        elif word == "(":
            choices[-1].append(_choice(words, ")"))
        elif word == "[":
            choices[-1].append(_perhaps(_choice(words, "]")))
        elif word.startswith("<") and word.endswith(">"):
            choices[-1].append(_atom(word[1:-1]))
        elif word in (")", "]", *REPEATS):
            raise ValueError(f"{word} closes nothing")
        else:
            choices[-1].append(_literal(word.encode()))
    else:
        if end:
            raise ValueError(f"{end} is missing")
        times_max = 1

    def make(maker: Maker) -> list[bytes]:
        times = maker.random.randint(1, times_max)
        return [word for _ in range(times) for part in maker.random.choice(choices) for word in part(maker)]

    return make


def _perhaps(part: Part) -> Part:
    return lambda maker: part(maker) if maker.random.random() < 0.4 else []


def _atom(name: str) -> Part:
    return lambda maker: [maker.atoms[name](maker)]


def _literal(word: bytes) -> Part:
    return lambda maker: [word if maker.random.random() < 0.9 or word == SLEEP else word.lower()]
