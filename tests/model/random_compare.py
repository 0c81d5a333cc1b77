"""One random sequence: run, and reported when it shows a difference."""

from __future__ import annotations

import secrets

from minimise import minimised
from sequences import random_sequence
from twins import Twins, printable

LENGTH = 200


def fresh_seed() -> int:
    """A seed that nobody has tried."""
    return secrets.randbelow(10**9)


def check(twins: Twins, seed: int, length: int = LENGTH) -> str | None:
    """What to tell about the sequence of a seed: None if both servers answered alike."""
    steps = random_sequence(seed, length)
    found = twins.run(steps)
    if found is None:
        return None
    short, mismatch = minimised(twins, steps, found)
    lines = [f"{step.client}> {printable(step.argv)}" for step in short]
    return "\n".join(
        [
            f"seed {seed}: Slotrocks and redis-server differ after (client> command)",
            *lines,
            f"  in {mismatch}",
            f"replay: python tests/model --seed {seed}" + (f" --length {length}" if length != LENGTH else ""),
        ]
    )
