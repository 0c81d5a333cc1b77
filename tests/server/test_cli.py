"""The command line: usage errors are one line and status 2; flags win over the file. And what the log looks like."""

import argparse
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from slotrocks.server import cli, log
from slotrocks.server.config import Config
from slotrocks.server.errors import ConfigError


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger("slotrocks")
    before = root.level, root.propagate, root.handlers[:]
    yield
    root.setLevel(before[0])
    root.propagate = before[1]
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = before[2]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """The configurations that nodes were started with; nothing is really started."""
    configs: list[Config] = []
    node = ModuleType("slotrocks.server.node")

    def run(config: Config) -> int:
        configs.append(config)
        return 7

    node.run = run  # type: ignore[attr-defined]
    import slotrocks.server

    monkeypatch.setitem(sys.modules, "slotrocks.server.node", node)
    monkeypatch.setattr(slotrocks.server, "node", node, raising=False)
    return configs


def status_of(arguments: list[str]) -> int:
    try:
        return cli.main(arguments)
    except SystemExit as exit_:
        assert isinstance(exit_.code, int)
        return exit_.code


def test_serve_without_arguments_has_the_defaults(served: list[Config]) -> None:
    assert cli.main(["serve"]) == 7
    assert served == [Config()]


def test_flags_win_over_the_file(served: list[Config], tmp_path: Path) -> None:
    file = tmp_path / "x.conf"
    file.write_text("port 1\ntimeout 2\nworkers 4\n")
    flags = ["--port", "3", "--bind", "::1 10.0.0.1", "--rocksdb.block_size", "4096", "--slowlog-log-slower-than", "-1"]
    assert cli.main(["serve", str(file), *flags, "--requirepass", "a b", "--port=4"]) == 7
    config = served[0]
    assert (config.port, config.timeout, config.bind) == (4, 2, ("::1", "10.0.0.1"))
    assert (config.rocksdb_block_size, config.slowlog_log_slower_than) == (4096, -1)
    assert config.requirepass == b"a b"
    assert config.config_file == str(file)


def test_ignored_options_are_logged(served: list[Config], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.conf"
    file.write_text("workers 4\n")
    cli.main(["serve", str(file)])
    assert "WARNING cli: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "slotrocks: the following arguments are required: COMMAND (try slotrocks --help)"),
        (["serve", "--prot", "1"], "slotrocks: unrecognized arguments: --prot (try slotrocks --help)"),
        (["serve", "--port", "x"], "slotrocks serve: --port: argument couldn't be parsed into an integer"),
        (["serve", "--port"], "slotrocks serve: argument --port: expected one argument (try slotrocks serve --help)"),
        (["serve", "--bind", "'"], "slotrocks serve: --bind: unbalanced quotes"),
        (["serve", "/no/file"], "slotrocks serve: /no/file: No such file or directory"),
        (["serve", "--logfile", "/no/file"], "slotrocks serve: logfile: /no/file: No such file or directory"),
        (["serve", "--rename-command", "a b"], "unrecognized arguments"),
        (["demo", "--keys", "0"], "slotrocks demo: argument --keys: invalid value: '0' (try slotrocks demo --help)"),
        (["demo", "--keys", "1", "--input", "x"], "not allowed with argument"),
    ],
)
def test_usage_errors(
    served: list[Config], arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(arguments) == 2
    captured = capsys.readouterr()
    assert line in captured.err
    assert captured.err.count("\n") == 1
    assert (captured.out, served) == ("", [])


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["demo", "--help"], ["--version"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(arguments) == 0
    assert capsys.readouterr().out.count("slotrocks")


def test_demo_gets_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[argparse.Namespace] = []
    demo = ModuleType("slotrocks.server.demo")

    def run(arguments: argparse.Namespace) -> int:
        seen.append(arguments)
        return 3

    demo.run = run  # type: ignore[attr-defined]
    import slotrocks.server

    monkeypatch.setitem(sys.modules, "slotrocks.server.demo", demo)
    monkeypatch.setattr(slotrocks.server, "demo", demo, raising=False)
    assert cli.main(["demo", "--keys", "10", "--keep"]) == 3
    assert (seen[0].keys, seen[0].input, seen[0].keep) == (10, None, True)


# Logs


def test_log_lines(tmp_path: Path) -> None:
    path = tmp_path / "node.log"
    config = Config(logfile=str(path), loglevel="notice")
    log.set_up(config)
    subject = logging.getLogger("slotrocks.server.migration")
    subject.info("slot %d\r\n2026 FORGED \u2028 \x85 é", 5)
    subject.log(log.VERBOSE, "hidden")
    config.set_options([b"loglevel", b"verbose"])
    subject.log(log.VERBOSE, "shown")
    try:
        raise RuntimeError("two\nlines")
    except RuntimeError:
        subject.exception("failed")
    lines = path.read_text().split("\n")
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d{4} "
    assert re.fullmatch(stamp + r"NOTICE  migration: slot 5\\x0d\\x0a2026 FORGED \\u2028 \\x85 é", lines[0])
    assert re.fullmatch(stamp + r"VERBOSE migration: shown", lines[1])
    assert re.fullmatch(stamp + r"WARNING migration: failed", lines[2])
    assert all(line.startswith("    ") for line in lines[3:-1])
    assert lines[-1] == ""


def test_the_log_survives_rotation(tmp_path: Path) -> None:
    path = tmp_path / "node.log"
    log.set_up(Config(logfile=str(path)))
    logging.getLogger("slotrocks.server.node").info("one")
    path.rename(tmp_path / "node.log.1")
    logging.getLogger("slotrocks.server.node").info("two")
    assert path.read_text().endswith("two\n")


def test_a_log_that_cannot_be_opened() -> None:
    with pytest.raises(ConfigError, match="logfile"):
        log.set_up(Config(logfile="/no/folder/file"))
