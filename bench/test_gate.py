"""The gate can pass, and it can fail: its decisions, without measuring anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import gate
from bench.gate import Threshold, judge, load_thresholds, table
from bench.measure import Comparison, compare, median_ratio, take_turns
from bench.peers import MissingPeer, program


def comparison(what: str, ratio: float) -> Comparison:
    return Comparison("micro", what, "twin", "op/s", 1000.0 * ratio, 1000.0, ratio)


GUARD = Threshold("micro/a/twin", 5.0, "that a stays fast")


@pytest.mark.parametrize(("ratio", "holds"), [(5.0, True), (5.1, True), (4.99, False), (0.0, False)])
def test_a_ratio_below_its_threshold_fails(ratio: float, holds: bool) -> None:
    [verdict] = judge([comparison("a", ratio)], [GUARD])
    assert verdict.holds is holds


def test_what_was_not_measured_fails() -> None:
    verdicts = judge([comparison("b", 0.1)], [GUARD])
    assert [each.holds for each in verdicts] == [True, False]
    assert "not measured" in table(verdicts)


def test_the_table_says_what_a_missed_threshold_guards() -> None:
    text = table(judge([comparison("a", 4.0), comparison("b", 1.0)], [GUARD]))
    assert "FAIL  micro/a/twin" in text
    assert "FAIL micro/a/twin guards: that a stays fast" in text


def measures(*comparisons: Comparison) -> dict[str, object]:
    def section() -> Iterator[Comparison]:
        yield from comparisons

    return {"micro": section}


def test_a_missed_section_is_measured_once_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ratios = [4.0, 6.0, 4.0, 4.0]

    def section() -> Iterator[Comparison]:
        yield comparison("a", ratios.pop(0))

    monkeypatch.setattr(gate, "SECTIONS", {"micro": section})
    monkeypatch.setattr(gate, "load_thresholds", lambda: [GUARD])
    assert gate.main([]) == 0
    assert "second time" in capsys.readouterr().err
    assert gate.main([]) == 1
    assert not ratios


@pytest.mark.parametrize(("ratio", "status"), [(6.0, 0), (4.0, 1)])
def test_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ratio: float, status: int
) -> None:
    monkeypatch.setattr(gate, "SECTIONS", measures(comparison("a", ratio)))
    monkeypatch.setattr(gate, "load_thresholds", lambda: [GUARD])
    assert gate.main([]) == status
    assert ("FAIL" in capsys.readouterr().out) == (status == 1)


def test_a_missing_peer_fails_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def section() -> Iterator[Comparison]:
        program("redis-server")
        yield comparison("a", 9.0)

    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(gate, "SECTIONS", {"micro": section})
    monkeypatch.setattr(gate, "load_thresholds", list)
    assert gate.main([]) == 1
    assert "a peer is missing: redis-server" in capsys.readouterr().out


def test_an_unknown_section_fails() -> None:
    assert gate.main(["nothing"]) == 1


def test_the_thresholds_are_well_formed(tmp_path: Path) -> None:
    thresholds = load_thresholds()
    assert all(each.at_least > 0 and each.guards for each in thresholds)
    wrong = tmp_path / "thresholds.toml"
    wrong.write_text('[[threshold]]\nname = "nothing/a/b"\nat_least = 1\nguards = "x"\n')
    with pytest.raises(ValueError, match="nothing/a/b"):
        load_thresholds(wrong)


def test_ratios_are_taken_within_a_round() -> None:
    # The machine slows down to a tenth in the second round: both suffer, the ratio does not.
    assert median_ratio([100.0, 10.0, 100.0], [50.0, 5.0, 50.0]) == 2.0
    # One side is disturbed once: the median drops it.
    assert median_ratio([100.0, 1.0, 100.0], [50.0, 50.0, 50.0]) == 2.0


def test_contenders_take_turns_in_alternating_order() -> None:
    order: list[str] = []

    def contender(name: str, rate: float) -> float:
        order.append(name)
        return rate

    rates = take_turns({"ours": lambda: contender("ours", 6.0), "peer": lambda: contender("peer", 3.0)}, 2)
    assert order == ["ours", "peer", "peer", "ours"]
    assert compare("micro", "a", "op/s", rates, "ours", "peer").ratio == 2.0


def test_a_missing_program_is_named() -> None:
    with pytest.raises(MissingPeer, match="no-such-program"):
        program("no-such-program")
