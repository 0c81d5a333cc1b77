"""Random command sequences: Slotrocks and a real redis-server answer alike. `make model` runs more of them."""

from __future__ import annotations

import time

from random_compare import check, fresh_seed
from twins import Twins

from servers import Server

FIXED_SEEDS = range(1, 13)
SECONDS_MAX = 15.0


def test_random_sequences(slotrocks_server: Server, redis_server: Server) -> None:
    """The fixed seeds in every run, then new ones until the time is over."""
    twins = Twins(slotrocks_server.port, redis_server.port)
    end = time.monotonic() + SECONDS_MAX
    for seed in FIXED_SEEDS:
        report = check(twins, seed)
        assert report is None, report
    seed = fresh_seed()
    print(f"fresh seeds from {seed}")
    while time.monotonic() < end:
        report = check(twins, seed)
        assert report is None, report
        seed += 1
    assert "Traceback" not in slotrocks_server.log.read_text()
    assert twins.compared > 1000
