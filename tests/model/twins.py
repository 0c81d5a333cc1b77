"""Runs sequences of commands against Slotrocks and redis-server, and tells the first difference."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from reply_rules import same, same_exec
from sequences import CLIENTS, Step
from shape_grammar import SLEEP, Argv
from shapes import STATE
from typed_client import CLOSED, Reply, TypedClient

SLEEP_S = 0.02
STATE_EVERY_STEPS = 60
PROTOCOLS = (2, 3)  # of the clients


class Mismatch(NamedTuple):
    """Two replies to the step of index `step`, or to a question about the state after it."""

    step: int
    argv: Argv
    ours: Reply
    theirs: Reply
    in_state: bool

    def __str__(self) -> str:
        where = "state: " if self.in_state else ""
        return f"{where}{printable(self.argv)}\n      ours: {clipped(self.ours)}\n     Redis: {clipped(self.theirs)}"


def printable(argv: Argv) -> str:
    """A command as redis-cli would take it."""
    return " ".join(map(_printable_word, argv))


def _printable_word(word: bytes) -> str:
    if word.isascii() and word.isalnum() and len(word) < 100:
        return word.decode()
    return '"' + repr(word)[2:-1].replace('"', '\\"') + '"'


def clipped(reply: Reply) -> str:
    text = str(reply)
    return text if len(text) < 600 else text[:600] + "…"


@dataclass
class Both:
    """One client of both servers: a connection to each, and what is queued behind MULTI."""

    ours: TypedClient
    theirs: TypedClient
    queue: list[Argv] | None = None

    def call(self, commands: list[Argv]) -> list[tuple[Argv, Reply, Reply, list[Argv] | None]]:
        """Sends commands to both. (command, our reply, their reply, what an EXEC ran) of each."""
        self.ours.send(commands)
        self.theirs.send(commands)
        result = []
        for argv in commands:
            ours, theirs = self.ours.receive(), self.theirs.receive()
            result.append((argv, ours, theirs, self._follow(argv, theirs)))
            if CLOSED in (ours, theirs):
                break
        return result

    def state(self, pattern: bytes) -> Iterator[tuple[Argv, Reply, Reply]]:
        """All that there is under the keys of a pattern: (question, our answer, their answer)."""
        (question, ours, theirs, _) = self.call([[b"KEYS", pattern]])[0]
        yield question, ours, theirs
        keys = sorted(each.value for each in ours.value)
        types = self.call([[b"TYPE", key] for key in keys]) if keys else []
        questions: list[Argv] = []
        for key, (_, ours, _, _) in zip(keys, types, strict=True):
            questions.append([b"PTTL", key])
            for text in STATE.get("hll" if b"hll" in key else ours.value.decode(), ()):
                questions.append([key if word == "KEY" else word.encode() for word in text.split()])
        for argv, ours, theirs, _ in (*types, *(self.call(questions) if questions else [])):
            yield argv, ours, theirs

    def _follow(self, argv: Argv, reply: Reply) -> list[Argv] | None:
        word = argv[0].upper()
        if word == b"MULTI" and reply == Reply("+", b"OK"):
            self.queue = []
        elif reply == Reply("+", b"QUEUED") and self.queue is not None:
            self.queue.append(argv)
        elif word in (b"EXEC", b"DISCARD", b"RESET"):
            queue, self.queue = self.queue, None
            return queue if word == b"EXEC" else None
        return None

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


class Twins:
    """Two servers, by their ports, that are given the same commands."""

    def __init__(self, our_port: int, their_port: int) -> None:
        self._ports = our_port, their_port
        self.compared = 0

    def run(self, steps: list[Step]) -> Mismatch | None:
        """The first difference that a sequence shows, from an empty database."""
        if not steps:
            return None
        observer = self._open(2)
        clients = [self._open(PROTOCOLS[i % len(PROTOCOLS)]) for i in range(CLIENTS)]
        try:
            observer.call([[b"FLUSHALL"]])
            return self._run(steps, clients, observer)
        finally:
            for client in (observer, *clients):
                client.close()

    def _open(self, protocol: int) -> Both:
        ours, theirs = (TypedClient(port, protocol) for port in self._ports)
        return Both(ours, theirs)

    def _run(self, steps: list[Step], clients: list[Both], observer: Both) -> Mismatch | None:
        done = shown = 0
        for batch in batches(steps):
            if batch[0].argv[0] == SLEEP:
                time.sleep(SLEEP_S)
            else:
                replies = clients[batch[0].client].call([step.argv for step in batch])
                for i, (argv, ours, theirs, queue) in enumerate(replies):
                    self.compared += 1
                    alike = same(argv, ours, theirs) if queue is None else same_exec(queue, ours, theirs)
                    if not alike or ours == CLOSED:
                        return Mismatch(done + i, argv, ours, theirs, False)
            done += len(batch)
            at_end = done == len(steps)
            if at_end or (done - shown >= STATE_EVERY_STEPS and not steps[done].tied):
                shown = done
                mismatch = self._compare_state(observer, done - 1)
                if mismatch is not None:
                    return mismatch
        return None

    def _compare_state(self, observer: Both, step: int) -> Mismatch | None:
        for argv, ours, theirs in observer.state(b"*"):
            self.compared += 1
            if not same(argv, ours, theirs):
                return Mismatch(step, argv, ours, theirs, True)
        return None


def batches(steps: list[Step]) -> list[list[Step]]:
    """Steps that are sent in one go: of one client, until one that is to be alone. A SLEEP is a batch of its own."""
    number = 0
    numbered = []
    last: Step | None = None
    for step in steps:
        if last is None or last.client != step.client or last.alone or SLEEP in (step.argv[0], last.argv[0]):
            number += 1
        numbered.append((number, step))
        last = step
    return [[step for _, step in group] for _, group in groupby(numbered, key=lambda item: item[0])]
