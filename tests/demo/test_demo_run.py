"""The demo with real nodes: the proof holds, and fails when something is amiss; nothing is ever left behind."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from slotrocks.server import demo
from slotrocks.server.demo import nodes as nodes_module
from slotrocks.server.demo import show
from slotrocks.server.demo.migration import Progress
from slotrocks.server.demo.nodes import Nodes
from slotrocks.server.demo.proof import Proof
from slotrocks.server.demo.source import Source

WAIT_S = 20.0
QUICK = "from slotrocks.server.demo import show; show.BEFORE_S = {}; show.AFTER_S = 0.1; "


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the demo makes its temporary folder; quick phases for demos in this process."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(show, "BEFORE_S", 0.2)
    monkeypatch.setattr(show, "AFTER_S", 0.1)
    return tmp_path


def arguments(keys: int = 300) -> argparse.Namespace:
    return argparse.Namespace(keys=keys, input=None, keep=False)


def children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Any]:
    """Starts demos as processes of their own, and ends what a failed test leaves."""
    running: list[subprocess.Popen[str]] = []

    def start(options: str, before_s: float) -> subprocess.Popen[str]:
        code = (
            QUICK.format(before_s)
            + f"from slotrocks.server import cli; raise SystemExit(cli.main({options.split()!r}))"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_proof_holds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others = children()  # servers that tests share
    assert demo.run(arguments()) == 0
    text = capsys.readouterr().out
    for word in ("keys moved", "MB/s", "longest pause", "errors", "p50", "p99", "before", "during", "Proved:"):
        assert word in text
    assert re.search(r"│ errors +│ +0 │ +0 │ +0 │", text)
    assert list(folder.iterdir()) == []
    assert children() == others


def test_a_file_of_the_user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "poem"
    path.write_text("one\ntwo\nthree\n")
    assert demo.run(argparse.Namespace(keys=None, input=str(path), keep=False)) == 0
    assert f"3 lines of {path}" in capsys.readouterr().out


def test_the_proof_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    prove = show._prove

    async def prove_after_sabotage(nodes: Nodes, *args: Any, **kwargs: Any) -> Proof:
        a, b = nodes.links["A"], nodes.links["B"]
        assert await b.call("DEL", (await b.call("SCAN", 0, "COUNT", 1))[1][0]) == 1
        assert await a.call("SET", (await a.call("SCAN", 0, "COUNT", 1))[1][0], "another value") == b"OK"
        return await prove(nodes, *args, **kwargs)

    monkeypatch.setattr(show, "_prove", prove_after_sabotage)
    assert demo.run(arguments()) == 1
    text = capsys.readouterr().out
    assert "1 lost" in text
    assert "1 changed" in text
    assert "Proved:" not in text


def test_data_that_was_not_deleted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    push = Nodes.push_topology

    async def push_first_only(self: Nodes, version: int, *, moved: bool) -> None:
        if version == 1:
            await push(self, version, moved=moved)

    monkeypatch.setattr(Nodes, "push_topology", push_first_only)
    assert demo.run(arguments()) == 1
    assert "misplaced" in capsys.readouterr().out


def test_a_node_that_dies(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    move = show._move

    others = children()

    async def move_without_b(nodes: Nodes, *args: Any) -> Progress:
        os.kill(nodes.b.pid, signal.SIGKILL)
        return await move(nodes, *args)

    monkeypatch.setattr(show, "_move", move_without_b)
    assert demo.run(arguments()) == 1
    assert "slotrocks demo: node B ended" in capsys.readouterr().err
    assert list(folder.iterdir()) == []
    assert children() == others


def test_a_node_that_does_not_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    others = children()
    monkeypatch.setattr(nodes_module, "HOST", "192.0.2.1")
    monkeypatch.setattr(nodes_module, "_free_ports", lambda count: [1, 2])
    monkeypatch.setattr(nodes_module, "START_TIMEOUT_S", 0.5)
    monkeypatch.setattr("slotrocks.server.demo.link.TIMEOUT_S", 0.2)
    assert demo.run(arguments()) == 1
    assert "slotrocks demo: node A" in capsys.readouterr().err
    assert list(folder.iterdir()) == []
    assert children() == others


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_end_in_the_middle_leaves_no_process(number: int, folder: Path, started: Any) -> None:
    process = started("demo --keys 300", before_s=60)
    wait_for(lambda: len(psutil.Process(process.pid).children()) == 2)
    pair = psutil.Process(process.pid).children()
    while "clients read and write" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(number)
    assert process.wait(WAIT_S) == (-number if number == signal.SIGKILL else show.EXIT_INTERRUPTED)
    _, alive = psutil.wait_procs(pair, timeout=WAIT_S)
    assert alive == []
    if number != signal.SIGKILL:
        assert list(folder.iterdir()) == []
        assert process.stderr.read() == "slotrocks demo: interrupted, everything is stopped\n"


def test_keep(started: Any) -> None:
    process = started("demo --keys 300 --keep", before_s=0.1)
    output, errors = process.communicate(timeout=WAIT_S)
    match = re.search(r"kill (\d+) (\d+) && sleep 2 && rm -r (\S+)", output)
    assert match is not None, output + errors
    pair = [psutil.Process(int(pid)) for pid in match.groups()[:2]]
    try:
        assert process.returncode == 0
        ports = [int(port) for port in re.findall(r"redis-cli -c -p (\d+)", output)]
        assert [each.laddr.port for node in pair for each in node.net_connections() if each.status == "LISTEN"] == ports
        assert Path(match[3], "node-A.log").stat().st_size > 0
    finally:
        for node in pair:
            node.terminate()
        _, alive = psutil.wait_procs(pair, timeout=WAIT_S)
    assert alive == []


def test_sources_that_change_are_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Vanishing:
        title = "files"
        reads = 0

        def __len__(self) -> int:
            return 1

        def item(self, index: int) -> tuple[bytes, bytes]:
            self.reads += 1
            if self.reads > 1:
                raise FileNotFoundError(2, "No such file or directory", "x.py")
            return b"x.py", b""

    def choose(keys: int | None, path: str | None) -> Source:
        return Vanishing()

    monkeypatch.setattr("slotrocks.server.demo.source.choose", choose)
    assert demo.run(arguments()) == 1
    assert "x.py" in capsys.readouterr().err
