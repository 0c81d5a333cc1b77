"""kill -9 under load, again and again: see crash_rounds.py. `make crash` does it for longer."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from crash_rounds import Crashes

import invariants
from servers import Server
from slotrocks.engine import Store

SECONDS_MAX = 15.0
ROUNDS_MIN = 3


def test_crashes(tmp_path: Path, redis_server: Server) -> None:
    crashes = Crashes(tmp_path, redis_server, secrets.randbelow(10**9))
    try:
        end = time.monotonic() + SECONDS_MAX
        while crashes.rounds < ROUNDS_MIN or time.monotonic() < end:
            report = crashes.round()
            assert report is None, report
    finally:
        crashes.close()
    assert crashes.commands > 100
    store = Store(tmp_path / "db", slot_encoded=False)
    assert invariants.everything(store) == []
    store.close()
