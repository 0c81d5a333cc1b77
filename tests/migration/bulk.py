"""A migration that takes a second or so, so that a test can do something meanwhile."""

from __future__ import annotations

from clusters import ClusterNode, key_of, wait_for

VALUE = b"v" * 8192
FAST = {"migrate-batch-rate-limit-mb": 0, "migrate-batch-size-kb": 64, "migrate-speed": 0, "migrate-pipeline-size": 16}
SLOW = {"migrate-batch-rate-limit-mb": 1, "migrate-batch-size-kb": 16, "migrate-speed": 100, "migrate-pipeline-size": 4}


def set_speed(node: ClusterNode, options: dict[str, int]) -> None:
    """Changes how fast the node's next migrations go."""
    node.call("CONFIG", "SET", *(word for pair in options.items() for word in pair))


def fill(node: ClusterNode, slot: int, count: int = 100) -> None:
    """Writes `count` keys: at a slow speed, 100 of them take about a second."""
    for number in range(count):
        node.client.send("SET", key_of(slot, f"bulk{number}"), VALUE)
    for _ in range(count):
        assert node.client.receive()[1] == b"OK"


def start_slow(source: ClusterNode, slots: object, target: ClusterNode, commands_per_s: int = 100) -> None:
    """Starts a slow migration, and waits until its first keys have arrived."""
    first = int(str(slots).split("-")[0])
    set_speed(source, SLOW | {"migrate-speed": commands_per_s})
    assert source.migrate(slots, target) == b"OK"
    wait_for(lambda: target.count(first), "keys at the target")
    assert source.migrating() == (str(slots), "start")
    set_speed(source, FAST)


def check(node: ClusterNode, slot: int, count: int = 100) -> None:
    """The node serves what fill() wrote."""
    for number in range(count):
        assert node.call("GET", key_of(slot, f"bulk{number}")) == VALUE
