"""Real cluster clients against a cluster of three: redis-py, coredis, redis-cli -c.

They learn the slots, split commands over the nodes, and follow MOVED while a slot moves under them.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
import subprocess
import threading
from collections.abc import Iterator
from itertools import pairwise

import coredis
import pytest
from redis.cluster import ClusterNode as RedisNode
from redis.cluster import RedisCluster

from clusters import Cluster, ClusterNode, key_of

REDIS_CLI = shutil.which("redis-cli")
KEYS = [key_of(slot, "client") for slot in range(0, 16384, 512)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three masters."""
    with Cluster(tmp_path_factory.mktemp("three"), "0-5460", "5461-10922", "10923-16383") as cluster:
        yield cluster


def connect(cluster: Cluster, protocol: int = 2) -> RedisCluster:
    """redis-py's client, which has been told of one node only."""
    node = RedisNode("127.0.0.1", cluster.nodes[1].port)
    return RedisCluster(startup_nodes=[node], protocol=protocol)  # type: ignore[abstract]


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py(cluster: Cluster, protocol: int) -> None:
    client = connect(cluster, protocol)
    assert {node.port for node in client.get_primaries()} == {node.port for node in cluster.nodes}
    for number, key in enumerate(KEYS):
        assert client.set(key, number)
        assert client.get(key) == b"%d" % number
    assert client.mset_nonatomic({key: f"{key}!" for key in KEYS})
    assert client.mget_nonatomic(KEYS) == [f"{key}!".encode() for key in KEYS]
    pipeline = client.pipeline()
    for key in KEYS:
        pipeline.get(key)
    assert pipeline.execute() == [f"{key}!".encode() for key in KEYS]
    assert client.delete(*KEYS) == len(KEYS)
    client.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # coredis leaves streams unclosed
def test_coredis(cluster: Cluster) -> None:
    async def run() -> None:
        client = coredis.RedisCluster("127.0.0.1", cluster.nodes[0].port)
        async with client:
            for number, key in enumerate(KEYS):
                assert await client.set(key, str(number))
            for number, key in enumerate(KEYS):
                assert await client.get(key) == b"%d" % number
            same = [key_of(77, name) for name in "abc"]
            await client.mset(dict.fromkeys(same, "same slot"))
            assert tuple(await client.mget(same)) == (b"same slot",) * 3
            assert await client.delete(KEYS) == len(KEYS)

    asyncio.run(run())
    gc.collect()


@pytest.mark.skipif(REDIS_CLI is None, reason="redis-cli is not installed")
def test_redis_cli(cluster: Cluster) -> None:
    def cli(node: ClusterNode, *words: str) -> str:
        command = [str(REDIS_CLI), "-c", "-p", str(node.port), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()

    for key, node in zip(KEYS, cluster.nodes * len(KEYS), strict=False):
        assert cli(node, "SET", key, f"cli {key}") == "OK"
        assert cli(cluster.nodes[0], "GET", key) == f"cli {key}"
    key = key_of(16000, "moved")
    assert cluster.nodes[2].migrate(16000, cluster.nodes[0], "SYNC") == b"OK"
    assert cli(cluster.nodes[2], "SET", key, "new owner") == "OK"
    assert cluster.nodes[0].call("GET", key) == b"new owner"
    assert cli(cluster.nodes[1], "GET", key) == "new owner"  # over two hops: nobody has told this node
    script = subprocess.run(
        [str(REDIS_CLI), "--cluster", "call", cluster.nodes[0].address, "ping"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert script.stdout.count("PONG") == 3, script
    cluster.give("16000", cluster.nodes[0])


def test_clients_follow_a_slot(cluster: Cluster) -> None:
    """Two clients write to a slot that goes from node to node: no error reaches them, and nothing is lost."""
    slot = 300
    counts = [0, 0]
    stop = threading.Event()
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        client = connect(cluster, protocol=2 + writer)
        try:
            while not stop.wait(0.002):
                key = key_of(slot, f"{writer}:{counts[writer]}")
                assert client.set(key, counts[writer]) and client.get(key) == b"%d" % counts[writer]
                assert client.incr(key_of(slot, f"counter{writer}")) == counts[writer] + 1
                counts[writer] += 1
        except BaseException as error:
            failures.append(error)
        finally:
            client.close()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(2)]
    for thread in threads:
        thread.start()
    route = [*cluster.nodes, *cluster.nodes]
    try:
        for source, target in pairwise(route):
            assert source.migrate(slot, target, "SYNC") == b"OK"
            before = sum(counts)
            while sum(counts) < before + 20 and not failures:  # before any topology says so
                stop.wait(0.01)
            cluster.give(str(slot), target)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures
    client = connect(cluster)
    for writer, count in enumerate(counts):
        assert count > 10
        assert client.get(key_of(slot, f"counter{writer}")) == b"%d" % count
        for number in range(count):
            assert client.get(key_of(slot, f"{writer}:{number}")) == b"%d" % number
    client.close()
