"""Benchmarks, and the gate that CI runs. Everything here measures the *installed* slotrocks, from the checkout's root:

    python -m bench.gate               ratios of one run against thresholds.toml; exit status 1 when one is missed
    python -m bench.gate micro         the same for one section: micro, requests or migration
    python -m bench.requests           redis-benchmark's commands: ours, redis-server, Valkey
    python -m bench.migration          a slot range moves: keys/s and MB/s by value size and migrate-type
    pytest bench                       micro benchmarks in absolute times (pytest-benchmark), and the gate's own tests

Absolute numbers of a machine that does other things are noise. So whatever is compared runs in turns, round by round,
and what counts is the median over the rounds of the ratio within a round (measure.py).

A section is a module with a function `measure()` that yields Comparisons; a new section is a new line in gate.SECTIONS.
"""
