"""LATENCY."""

from wire import assert_same

from servers import Server
from slotrocks.server.config import Config
from slotrocks.server.latency import Event, Latency, age_text, graph

SAME_AS_REDIS = ["LATENCY LATEST", "LATENCY HISTORY foo", "LATENCY RESET", "LATENCY RESET foo", "LATENCY GRAPH foo",
                 "LATENCY FOO", "LATENCY HISTOGRAM nosuch", "LATENCY DOCTOR x"]  # fmt: skip


def test_same_replies_as_redis(slotrocks_server: Server, redis_server: Server) -> None:
    for protocol in (2, 3):
        with slotrocks_server.client(protocol) as ours, redis_server.client(protocol) as theirs:
            assert_same(ours, theirs, SAME_AS_REDIS)


def test_a_slow_command_is_an_event(slotrocks_server: Server) -> None:
    with slotrocks_server.client() as client:
        assert b"disabled" in client.call("LATENCY", "DOCTOR")
        client.call("CONFIG", "SET", "latency-monitor-threshold", 1)
        client.call("DEBUG", "SLEEP", "0.01")
        name, unix_time, latest_ms, max_ms = client.call("LATENCY", "LATEST")[0]
        assert name == b"command" and max_ms >= latest_ms >= 10
        assert client.call("LATENCY", "HISTORY", "command")[-1] == [unix_time, latest_ms]
        assert b"all time high" in client.call("LATENCY", "GRAPH", "command")
        assert client.call("LATENCY", "DOCTOR").startswith(b"command: ")
        assert client.call("LATENCY", "RESET", "command", "nosuch") == 1
        client.call("CONFIG", "SET", "latency-monitor-threshold", 0)


def test_samples_are_bounded_one_a_second() -> None:
    event = Event()
    for ms in (5, 9, 7):
        event.add(ms, 100)
    assert list(event.samples) == [(100, 9)]
    for second in range(200, 500):
        event.add(1, second)
    assert len(event.samples) == 160 and event.max_ms == 9
    latency = Latency(Config(latency_monitor_threshold=10))
    latency.add("command", 9, 1)
    assert latency.events == {} and "No latency spike" in latency.report()


def test_graph() -> None:
    event = Event()
    for second, ms in ((1, 10), (2, 20), (3, 32)):
        event.add(ms, second)
    lines = graph("command", event, 63).splitlines()
    assert lines[0] == "command - high 32 ms, low 10 ms (all time high 32 ms)"
    assert lines[2][2] in "_-`" and lines[5][0] == "_" and lines[6] == "111" and lines[7] == "mmm"
    assert [age_text(s) for s in (0, 59, 60, 7200, 200000)] == ["0s", "59s", "1m", "2h", "2d"]
