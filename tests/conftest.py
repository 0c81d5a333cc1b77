"""Servers shared by the end-to-end tests."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

import servers


@pytest.fixture(scope="session")
def slotrocks_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """A single Slotrocks node, for tests that leave nothing behind but keys."""
    with servers.start_slotrocks(tmp_path_factory.mktemp("slotrocks")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """A real redis-server: what we compare with."""
    if servers.REDIS_SERVER is None:
        warnings.warn("redis-server is not installed: nothing is compared with Redis", stacklevel=1)
        pytest.skip("redis-server is not installed")
    with servers.start_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server
