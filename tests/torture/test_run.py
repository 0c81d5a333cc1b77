"""The torture with real processes: a short run finds nothing wrong, and it ends, with everything that it started."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from slotrocks.server.demo.link import Address, Link, LinkError
from slotrocks.server.torture import driver
from slotrocks.server.torture.network import Proxy, Rule
from slotrocks.server.torture.nodes import Node, free_ports

START = "from slotrocks.server import cli; raise SystemExit(cli.main({!r}))"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a torture makes its temporary folder."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def started(folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Tortures as processes of their own; ends what a failed test leaves."""
    running: list[subprocess.Popen[str]] = []
    yield running
    for process in running:
        for child in (*psutil.Process(process.pid).children(recursive=True), process) if process.poll() is None else ():
            child.kill()
        process.communicate()


def start(running: list[subprocess.Popen[str]], *options: str) -> subprocess.Popen[str]:
    """A torture."""
    code = START.format(["torture", *options])
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    running.append(process)
    return process


def wait_for_nodes(process: subprocess.Popen[str], count: int) -> list[psutil.Process]:
    """Waits until all nodes run."""
    deadline = time.monotonic() + 20
    while True:
        nodes = psutil.Process(process.pid).children()
        if len(nodes) == count:
            return nodes
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)


def test_a_short_run(folder: Path, started: list[subprocess.Popen[str]]) -> None:
    process = start(started, "--minutes", "0.3", "--seed", "1")
    output = process.communicate(timeout=90)[0]
    assert process.returncode == 0, output
    assert "No violation." in output
    assert "migrations attempted" in output
    assert list(folder.rglob("*")) == [], output


def suspend_one(process: subprocess.Popen[str]) -> None:
    """Stops a node that runs; the torture kills some itself."""
    while True:
        for node in psutil.Process(process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                node.suspend()
                return


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_survives_it(folder: Path, started: list[subprocess.Popen[str]], number: signal.Signals) -> None:
    process = start(started, "--minutes", "5", "--nodes", "2")
    nodes = wait_for_nodes(process, 2)
    time.sleep(1.5)  # they have begun
    suspend_one(process)
    process.send_signal(number)
    output = process.communicate(timeout=30)[0]
    assert not psutil.wait_procs(nodes, timeout=10)[1]
    if number == signal.SIGKILL:
        return
    assert process.returncode == driver.EXIT_INTERRUPTED, output
    assert "interrupted" in output
    assert list(folder.rglob("*")) == [], output


@pytest.mark.parametrize("options", [["--minutes", "1", "--nodes", "1"], ["--seed", "1"], ["--minutes", "x"]])
def test_wrong_command_lines(options: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", START.format(["torture", *options])], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


# -- the proxy, in front of a real node


@pytest.fixture
def node(folder: Path) -> Iterator[Node]:
    node = Node(folder, 0, free_ports(1, random.Random())[0], ())
    node.start()
    yield node
    node.kill()


async def listening(node: Node) -> None:
    """Waits until it listens."""
    async with asyncio.timeout(20):
        while True:
            try:
                (await node.connect()).close()
                return
            except LinkError:
                assert not node.dead, node.log_end()
                await asyncio.sleep(0.02)


@pytest.fixture(params=["lose request", "lose reply", "late"])
def action(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_rules_of_the_proxy(node: Node, action: str) -> None:
    """The caller loses its connection each time; what differs is whether and when the request is executed."""

    async def main() -> None:
        await listening(node)
        await node.call("CLUSTERX", "SETNODES", f"{node.id} 127.0.0.1 {node.port} master - 0-16383", 1)
        proxy = Proxy("A", "B", node.address)
        await proxy.start(free_ports(1, random.Random())[0])
        proxy.rule = Rule(b"COMMIT", action, 0.5)
        link = await Link.open(Address("127.0.0.1", proxy.port))
        assert await link.call("SET", "key", "before") == b"OK"
        with pytest.raises(LinkError):
            await link.call("SET", "key", "COMMIT")
        link.close()
        at_once = await node.call("GET", "key")
        await asyncio.sleep(0.8)
        later = await node.call("GET", "key")
        expected = {"lose request": b"before before", "lose reply": b"COMMIT COMMIT", "late": b"before COMMIT"}
        assert at_once + b" " + later == expected[action]
        assert proxy.rule is None and proxy.faults == 1
        node.disconnect()
        await proxy.stop()

    asyncio.run(main())


def test_hold_cut_and_refuse(node: Node) -> None:
    async def main() -> None:
        await listening(node)
        proxy = Proxy("A", "B", node.address)
        await proxy.start(free_ports(1, random.Random())[0])
        address = Address("127.0.0.1", proxy.port)
        link = await Link.open(address)
        proxy.hold()
        held = asyncio.create_task(link.call("PING"))
        await asyncio.sleep(0.1)
        assert not held.done()
        proxy.heal()
        assert await held == b"PONG"
        proxy.cut()
        with pytest.raises(LinkError):
            await link.call("PING")
        link.close()
        proxy.refusing = True
        refused = await Link.open(address)
        with pytest.raises(LinkError):
            await refused.call("PING")
        refused.close()
        proxy.heal()
        again = await Link.open(address)
        assert await again.call("PING") == b"PONG"
        again.close()
        await proxy.stop()

    asyncio.run(main())
