"""Makes a failing sequence short: leaves out what is not needed for the same difference (delta debugging)."""

from __future__ import annotations

from sequences import Step
from twins import Mismatch, Twins

RUNS_MAX = 250


def minimised(twins: Twins, steps: list[Step], found: Mismatch) -> tuple[list[Step], Mismatch]:
    """A shorter sequence with a difference in a command of the same name, and that difference."""
    units = inseparable(steps[: found.step + 1])
    size = max(len(units) // 2, 1)
    runs = 0
    while size and runs < RUNS_MAX:
        begin = 0
        shorter = False
        while begin < len(units) and runs < RUNS_MAX:
            trial = units[:begin] + units[begin + size :]
            mismatch = twins.run([step for unit in trial for step in unit])
            runs += 1
            if mismatch is not None and (mismatch.argv[0], mismatch.in_state) == (found.argv[0], found.in_state):
                units, found = trial, mismatch
                shorter = True
            else:
                begin += size
        if not shorter or size > len(units) // 2:
            size //= 2
    return [step for unit in units for step in unit], found


def inseparable(steps: list[Step]) -> list[list[Step]]:
    """The steps, each with those that are tied to it."""
    units: list[list[Step]] = []
    for step in steps:
        if step.tied and units:
            units[-1].append(step)
        else:
            units.append([step])
    return units
