"""Clusters for the migration tests, shared by the tests of a module: each test uses slots of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clusters import Cluster

OPTIONS = (
    "--migrate-response-timeout-ms", "1000", "--migrate-resume-timeout-ms", "0",
    "--rocksdb.block_cache_size", "16", "--rocksdb.write_buffer_size", "8",
)  # fmt: skip


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes: two that share the slots, and one without any."""
    with Cluster(tmp_path_factory.mktemp("cluster"), "0-10000", "10001-16383", "", options=OPTIONS) as cluster:
        yield cluster


@pytest.fixture(params=["raw-key-value", "redis-command"])
def kind(request: pytest.FixtureRequest, cluster: Cluster) -> str:
    """Each way of carrying the data."""
    for node in cluster.nodes:
        node.call("CONFIG", "SET", "migrate-type", request.param)
    return str(request.param)
