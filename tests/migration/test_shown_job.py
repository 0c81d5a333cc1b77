"""CLUSTER INFO shows the job that is not decided, whatever else a source remembers: controllers go by it."""

from __future__ import annotations

from pathlib import Path

from harness import Pair, wait_for

MOVED = (5, 6, 7)
UNDECIDED = 8


def test_after_a_restart(tmp_path: Path) -> None:
    """Jobs are loaded in the order of their random ids, so with several that have moved it is seldom the last."""
    pair = Pair(tmp_path)
    try:
        source, target = pair.nodes
        for slot in MOVED:
            assert source.call("CLUSTERX", "MIGRATE", slot, target.id, "SYNC") == b"OK"
        source.arm("source.fence.written=kill")
        assert source.call("CLUSTERX", "MIGRATE", UNDECIDED, target.id) == b"OK"
        wait_for(lambda: source.dead, "the source dies")
        target.kill()
        source.restart()
        info = source.info()
        assert (info["migrating_slot(s)"], info["migrating_state"]) == (str(UNDECIDED), "start")
        assert info["migrating_stage"] == "resolve"
        target.restart()
        wait_for(lambda: source.settled, "the move ends")
        assert (source.info()["migrating_slot(s)"], source.info()["migrating_state"]) == (str(UNDECIDED), "success")
    finally:
        pair.close()
