"""Requests a second as redis-benchmark counts them (50 clients, 100-byte values, 100,000 keys): ours against
redis-server, which keeps everything in memory, and Valkey. `python -m bench.requests [test ...]` prints the table.

Each turn lasts about as long for every server, so that the machine's moods are spread evenly; the first turn, which
finds out how many requests that takes, is not counted.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from bench.measure import Comparison, compare, take_turns
from bench.peers import (
    CommandLine,
    MissingPeer,
    Server,
    program,
    redis_server,
    running,
    slotrocks_node,
    valkey_program,
    valkey_server,
)

CLIENTS = 50
VALUE_BYTES = 100
KEYS = 100_000
PIPELINES = (1, 16)
# redis-benchmark's own tests, in its order; those that need data come after those that write it.
TESTS = (
    "ping_mbulk", "set", "get", "incr", "lpush", "rpush", "lpop", "rpop", "sadd", "hset", "spop", "zadd", "zpopmin",
    "lrange_100", "lrange_300", "lrange_500", "lrange_600", "mset",
)  # fmt: skip
GATE_TESTS = ("set", "get")
GATE_ROUNDS = 11
GATE_TURN_S = 0.7
REPORT_ROUNDS = 3
REPORT_TURN_S = 0.5
FIRST_REQUESTS = {1: 10_000, 16: 50_000}


class NotServed(Exception):
    """The server answers a test's command with an error."""


def requests_per_second(server: Server, test: str, pipeline: int, count: int) -> float:
    """One run of redis-benchmark. Raises NotServed, MissingPeer."""
    done = subprocess.run(
        [
            program("redis-benchmark"), "-h", "127.0.0.1", "-p", str(server.port), "-c", str(CLIENTS),
            "-d", str(VALUE_BYTES), "-r", str(KEYS), "-n", str(count), "-P", str(pipeline), "-t", test, "--csv",
        ],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith('"') and not line.startswith('"test"')]
    if done.returncode or not lines or "Error from server" in done.stdout + done.stderr:
        raise NotServed(f"{test}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    return float(lines[-1].split('","')[1])  # "test","rps",... (LRANGE has a line for its preparation first)


def fill(server: Server) -> None:
    """Gives nearly all keys a string, so that GET finds them."""
    requests_per_second(server, "set", 16, 3 * KEYS)


def turn(server: Server, test: str, pipeline: int, seconds: float) -> Callable[[], float]:
    """A run that takes about `seconds`. Raises NotServed."""
    first = requests_per_second(server, test, pipeline, FIRST_REQUESTS[pipeline])
    count = max(int(first * seconds), FIRST_REQUESTS[pipeline])
    return lambda: requests_per_second(server, test, pipeline, count)


def measure_tests(
    servers: Sequence[Server], tests: Sequence[str], rounds: int, seconds: float
) -> Iterator[Comparison | str]:
    """For each test and pipeline, the first server against each of the others; a text where one does not serve it."""
    for test in tests:
        for pipeline in PIPELINES:
            turns = {}
            for server in servers:
                try:
                    turns[server.name] = turn(server, test, pipeline, seconds)
                except NotServed:
                    yield f"{test} -P {pipeline}: not served by {server.name}"
            if servers[0].name not in turns:
                continue
            rates = take_turns(turns, rounds)
            for peer in [name for name in rates if name != servers[0].name]:
                yield compare("requests", f"{test} -P {pipeline}", "req/s", rates, servers[0].name, peer)


def measure() -> Iterator[Comparison]:
    """What the gate asks for."""
    for result in _measure_all(
        {"slotrocks": slotrocks_node, "redis-server": redis_server}, GATE_TESTS, GATE_ROUNDS, GATE_TURN_S
    ):
        if isinstance(result, str):
            raise NotServed(result)
        yield result


def _measure_all(
    command_lines: dict[str, CommandLine], tests: Sequence[str], rounds: int, seconds: float
) -> Iterator[Comparison | str]:
    with ExitStack() as stack:
        servers = [stack.enter_context(running(name, line)) for name, line in command_lines.items()]
        for server in servers:
            fill(server)
        yield from measure_tests(servers, tests, rounds, seconds)


def main() -> None:
    """Prints the report."""
    command_lines: dict[str, CommandLine] = {"slotrocks": slotrocks_node, "redis-server": redis_server}
    try:
        valkey_program()
        command_lines["valkey"] = valkey_server
    except MissingPeer as error:
        print(error)
    for result in _measure_all(command_lines, sys.argv[1:] or TESTS, REPORT_ROUNDS, REPORT_TURN_S):
        if isinstance(result, str):
            print(result)
        else:
            ours, theirs = f"{result.ours:10,.0f}", f"{result.peer:13} {result.theirs:10,.0f}"
            print(f"{result.what:20} {ours}   {theirs}   ratio {result.ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
