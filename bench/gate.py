"""The gate that CI runs: `python -m bench.gate [section ...]`. Exit status 0 when every threshold holds, 1 otherwise.

A threshold whose comparison was not measured fails, too: a benchmark that silently went away guards nothing. So does a
missing peer. Comparisons without a threshold are shown for information.

A section with a threshold that is missed is measured a second time, and that counts: a machine shared with others has
moods of half a minute, which all rounds of a comparison may fall into.
"""

from __future__ import annotations

import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import micro, migration, requests
from bench.measure import Comparison
from bench.peers import MissingPeer

THRESHOLDS = Path(__file__).with_name("thresholds.toml")

SECTIONS: dict[str, Callable[[], Iterator[Comparison]]] = {
    "micro": micro.measure,
    "requests": requests.measure,
    "migration": migration.measure,
}


@dataclass(frozen=True)
class Threshold:
    """The least ratio that a comparison must reach, and what that guards. `goal`: what it is to become, if more."""

    name: str
    at_least: float
    guards: str
    goal: float = 0.0

    @property
    def section(self) -> str:
        """The section that measures it."""
        return self.name.split("/", 1)[0]


@dataclass(frozen=True)
class Verdict:
    """One line of the table. `comparison` is None when it was not measured, `threshold` None when there is none."""

    comparison: Comparison | None
    threshold: Threshold | None

    @property
    def holds(self) -> bool:
        """Whether there is nothing to complain about."""
        if self.threshold is None:
            return True
        return self.comparison is not None and self.comparison.ratio >= self.threshold.at_least


def load_thresholds(path: Path = THRESHOLDS) -> list[Threshold]:
    """The thresholds of a TOML file. Raises ValueError for a section that there is not, and for doubles."""
    thresholds = [Threshold(**entry) for entry in tomllib.loads(path.read_text())["threshold"]]
    names = [each.name for each in thresholds]
    wrong = [each.name for each in thresholds if each.section not in SECTIONS or names.count(each.name) > 1]
    if wrong:
        raise ValueError(f"{path}: {', '.join(wrong)}")
    return thresholds


def judge(comparisons: Sequence[Comparison], thresholds: Sequence[Threshold]) -> list[Verdict]:
    """A verdict for each comparison in order, and then for each threshold that none of them meets by name."""
    by_name: Mapping[str, Threshold] = {each.name: each for each in thresholds}
    verdicts = [Verdict(comparison, by_name.get(comparison.name)) for comparison in comparisons]
    measured = {comparison.name for comparison in comparisons}
    return verdicts + [Verdict(None, each) for each in thresholds if each.name not in measured]


def table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as text, aligned; what the missed thresholds guard below it."""
    rows = [("", "comparison", "ours", "peer", "unit", "ratio", "at least")]
    for each in verdicts:
        mark = "ok" if each.holds else "FAIL"
        least = f"{each.threshold.at_least:.2f}" if each.threshold else "-"
        if each.threshold and each.threshold.goal:
            least += f" (goal {each.threshold.goal:.2f})"
        c = each.comparison
        if c is None:
            assert each.threshold is not None
            rows.append((mark, each.threshold.name, "not measured", "", "", "", least))
        else:
            mark = mark if each.threshold else ""
            rows.append((mark, c.name, f"{c.ours:,.0f}", f"{c.theirs:,.0f}", c.unit, f"{c.ratio:.2f}", least))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    left = (0, 1, 4)
    lines = [
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines += [
        f"FAIL {each.threshold.name} guards: {each.threshold.guards}"
        for each in verdicts if each.threshold is not None and not each.holds
    ]  # fmt: skip
    return "\n".join(line.rstrip() for line in lines)


def main(words: Sequence[str]) -> int:
    """Measures the named sections (all, when none is named), prints the table. The exit status."""
    unknown = [word for word in words if word not in SECTIONS]
    if unknown:
        print(f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}", file=sys.stderr)
        return 1
    thresholds = load_thresholds()
    verdicts: list[Verdict] = []
    failures = []
    for name in list(words) or list(SECTIONS):
        of_section = [each for each in thresholds if each.section == name]
        try:
            section = measured(name, of_section)
            if not all(each.holds for each in section):
                print(f"{name}: missed, measured a second time\n{table(section)}", file=sys.stderr, flush=True)
                section = measured(name, of_section)
        except MissingPeer as error:
            failures.append(f"FAIL {name}: a peer is missing: {error}")
        except Exception as error:
            failures.append(f"FAIL {name}: {type(error).__name__}: {error}")
        else:
            verdicts += section
    print("\n".join(([table(verdicts)] if verdicts else []) + failures))
    return 0 if not failures and all(each.holds for each in verdicts) else 1


def measured(name: str, thresholds: Sequence[Threshold]) -> list[Verdict]:
    """The verdicts on a section. Raises what measuring raises."""
    started = time.monotonic()
    verdicts = judge(list(SECTIONS[name]()), thresholds)
    print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return verdicts


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
