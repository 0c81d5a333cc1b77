"""The configuration file: its grammar, loading, CONFIG REWRITE, and the documented example."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slotrocks.server import atomic_file, config_example, config_file
from slotrocks.server.config import Config
from slotrocks.server.config_file import load_file, rewrite_file
from slotrocks.server.config_line import quote_word, split_line
from slotrocks.server.errors import CommandError, ConfigError
from slotrocks.server.kvrocks_options import is_ignored
from slotrocks.server.option_kinds import OutputLimit
from slotrocks.server.options import OPTIONS

ROOT = Path(__file__).parents[2]


def load(path: Path) -> Config:
    config = Config()
    load_file(config, str(path))
    return config


def write(folder: Path, text: str, name: str = "node.conf") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


# Lines


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", []),
        (b" \t\r\n", []),
        (b"port 6666", ["port", "6666"]),
        (b"  bind\t127.0.0.1   ::1 \r", ["bind", "127.0.0.1", "::1"]),
        (b'a "b c" d', ["a", "b c", "d"]),
        (b'a ""', ["a", ""]),
        (b"a ''", ["a", ""]),
        (rb'a "\x41\n\r\t\b\a\"\\\q\xZZ"', ["a", 'A\n\r\t\b\a"\\qxZZ']),
        (rb"a 'it\'s \n'", ["a", "it's \\n"]),
        (b'a b"c d"', ["a", "bc d"]),
        (b'a #b "#"', ["a", "#b", "#"]),
        (b'a "\xc3\xa9\xff"', ["a", "é\udcff"]),
    ],
)
def test_split(line: bytes, words: list[str]) -> None:
    assert split_line(line) == words


@pytest.mark.parametrize("line", [b'a "b', b"a 'b", b'a "b"c', b"a 'b'c", b'a b"', b'a "b\\"', b"a 'b\\'", b"a '\"'\""])
def test_unbalanced(line: bytes) -> None:
    with pytest.raises(ValueError, match="unbalanced quotes"):
        split_line(line)


@given(st.lists(st.binary(max_size=20)))
def test_quoting_is_the_inverse_of_splitting(values: list[bytes]) -> None:
    words = [value.decode("utf-8", "surrogateescape") for value in values]
    line = " ".join(map(quote_word, words))
    assert split_line(line.encode("ascii")) == words
    assert line.isprintable()


@given(st.text(alphabet="ab \\\"'x4#", max_size=20))
def test_splitting_any_line_ends(line: str) -> None:
    try:
        split_line(line.encode())
    except ValueError:
        assert '"' in line or "'" in line


# Loading


def test_load(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "# comment\n\nPORT 7000\nport 7001\nbind 10.0.0.1 ::1\nproto-max-bulk-len 1gb\r\nmigrate-type Redis-Command\n"
        'requirepass "a b\\xff"\nrename-command KEYS ""\nrename-command get fetch\n  # another\n'
        "client-output-buffer-limit pubsub 1mb 0 0\nclient-output-buffer-limit normal 2mb 0 0",
    )
    config = load(path)
    assert config.port == 7001
    assert config.bind == ("10.0.0.1", "::1")
    assert config.proto_max_bulk_len == 1 << 30
    assert config.migrate_type == "redis-command"
    assert config.requirepass == b"a b\xff"
    assert config.rename_command == (("keys", ""), ("get", "fetch"))
    assert config.client_output_buffer_limit.pubsub == OutputLimit(1 << 20, 0, 0)
    assert config.client_output_buffer_limit.normal == OutputLimit(2 << 20, 0, 0)
    assert config.config_file == str(path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("prot 1", "unknown option 'prot'"),
        ("tls-port 6667", "unknown option 'tls-port'"),
        ("replicaof 10.0.0.1 6666", "unknown option 'replicaof'"),
        ("port", "port: wrong number of arguments"),
        ("port 1 2", "port: wrong number of arguments"),
        ("port 65536", "port: argument must be between 0 and 65535 inclusive"),
        ("bind", "bind: wrong number of arguments"),
        ("rename-command GET", "rename-command: wrong number of arguments"),
        ('dir "x', "unbalanced quotes"),
        ("include", "include: wrong number of arguments"),
        ("daemonize yes", "'daemonize' is supported only with the value 'no'"),
        (
            "rocksdb.write_options.sync yes",
            "'rocksdb.write_options.sync' is supported only with the value 'no', use appendfsync always",
        ),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, line: str, reason: str) -> None:
    path = write(tmp_path, f"# first\nport 1\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value) == f"{path}:3: {reason}"


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory"):
        load(tmp_path / "missing")
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path)


def test_options_of_kvrocks(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "bind 127.0.0.1\nport 6666\ntimeout 0\nworkers 8\ndaemonize no\ncluster-enabled yes\nslave-read-only yes\n"
        "db-name change.me.db\nlog-dir stdout\nmax-db-size 0\nmigrate-speed 4096\nmigrate-batch-rate-limit-mb 16\n"
        "rocksdb.block_cache_size 4096\nrocksdb.max_sub_compactions 2\nrocksdb.compression snappy\nsupervised no\n",
    )
    config = Config()
    warnings = load_file(config, str(path))
    assert config.rocksdb_compression == "snappy"
    assert config.cluster_enabled
    assert warnings[0] == f"{path}:4: 'workers' is an option of Kvrocks, ignored here"
    assert [warning.split("'")[1] for warning in warnings] == [
        "workers", "daemonize", "slave-read-only", "db-name", "log-dir", "max-db-size", "rocksdb.max_sub_compactions",
        "supervised",
    ]  # fmt: skip


# The options that are set in the kvrocks.conf of Kvrocks 2.x.
KVROCKS_CONF = """
bind port timeout workers daemonize cluster-enabled repl-namespace-enabled persist-cluster-nodes-enabled maxclients
db-name dir log-dir log-level log-retention-days slave-read-only slave-priority tcp-backlog master-use-repl-port
use-rsid-psync slave-serve-stale-data slave-empty-db-before-fullsync purge-backup-on-fullsync max-replication-mb
max-io-mb max-db-size max-backup-to-keep max-backup-keep-hours max-bitmap-to-string-mb redis-cursor-compatible
json-max-nesting-depth json-storage-format slowlog-log-slower-than slowlog-max-len supervised profiling-sample-ratio
profiling-sample-record-max-len profiling-sample-record-threshold-ms compaction-checker-range migrate-type
migrate-speed migrate-pipeline-size migrate-sequence-gap migrate-batch-size-kb migrate-batch-rate-limit-mb
rocksdb.block_cache_size rocksdb.row_cache_size rocksdb.max_open_files rocksdb.write_buffer_size rocksdb.compression
rocksdb.read_options.async_io rocksdb.write_options.sync rocksdb.write_options.disable_wal
"""
SWITCHED_OFF = ("daemonize", "supervised", "repl-namespace-enabled", "rocksdb.write_options.sync")


@pytest.mark.parametrize("name", KVROCKS_CONF.split())
def test_a_kvrocks_conf_has_no_unknown_option(name: str) -> None:
    value = "no" if name in SWITCHED_OFF else "0"
    assert name in OPTIONS or is_ignored(name, [value])


def test_include(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    write(tmp_path, "port 1\ntimeout 1\n", "conf.d/a.conf")
    write(tmp_path, "port 2\ninclude ../c.conf\n", "conf.d/b.conf")
    write(tmp_path, "maxclients 3\n", "c.conf")
    config = load(write(tmp_path, "port 9\ninclude conf.d/*.conf\ninclude nothing/*.conf\ntimeout 2\n"))
    assert (config.port, config.timeout, config.maxclients) == (2, 2, 3)
    with pytest.raises(ConfigError, match=r"nothing\.conf: No such file"):
        load(write(tmp_path, "include nothing.conf\n"))
    with pytest.raises(ConfigError, match="more than 10 deep"):
        load(write(tmp_path, "include node.conf\n"))


# CONFIG REWRITE


def test_rewrite_changes_only_what_changed(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "# my node\nport 7000\n\ntimeout   5 \n# why\nmaxclients 1\nmaxclients 2\nrename-command KEYS ''\nworkers 8\n",
    )
    config = load(path)
    rewrite_file(config)
    assert path.read_text().startswith("# my node\nport 7000\n\ntimeout   5 \n# why\nmaxclients 1\nmaxclients 2\n")
    config.set_options([b"maxclients", b"9", b"proto-max-bulk-len", b"1mb", b"requirepass", b"a b"])
    rewrite_file(config)
    assert path.read_text() == (
        "# my node\nport 7000\n\ntimeout   5 \n# why\nmaxclients 9\nrename-command KEYS ''\nworkers 8\n"
        '# Generated by CONFIG REWRITE\nproto-max-bulk-len 1mb\nrequirepass "a b"\n'
    )
    config.set_options([b"maxclients", b"10000", b"tcp-keepalive", b"1"])
    rewrite_file(config)
    assert path.read_text().count("# Generated by CONFIG REWRITE") == 1
    assert "maxclients 10000\n" in path.read_text()  # said at its place, though it is the default
    assert load(path) == config


def test_rewrite_of_an_option_set_by_an_included_file(tmp_path: Path) -> None:
    write(tmp_path, "timeout 5\n", "included.conf")
    path = write(tmp_path, "timeout 1\ninclude included.conf\n")
    config = load(path)
    config.set_options([b"timeout", b"0"])
    rewrite_file(config)
    assert load(path).timeout == 0
    assert (tmp_path / "included.conf").read_text() == "timeout 5\n"


def test_rewrite_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError) as caught:
        rewrite_file(Config())
    assert caught.value.text == "ERR The server is running without a config file"

    path = write(tmp_path, "port 1\n")
    config = load(path)
    config.timeout = 3
    path.write_text("prot 1\n")  # edited since
    with pytest.raises(CommandError, match=r"ERR Rewriting config file: .*node\.conf:1: unknown option 'prot'"):
        rewrite_file(config)
    assert path.read_text() == "prot 1\n"

    path.unlink()
    rewrite_file(config)
    assert load(path) == config

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", fail)
    config.timeout = 4
    with pytest.raises(CommandError, match="ERR Rewriting config file: No space left on device"):
        rewrite_file(config)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["node.conf"]


CHANGES = {
    b"timeout": [b"0", b"1", b"2147483647"],
    b"requirepass": [b"", b"plain", b'q"uo\\te\xff\n\x00', b"# x"],
    b"proto-max-bulk-len": [b"1mb", b"1048577", b"512mb"],
    b"appendfsync": [b"no", b"everysec"],
    b"persist-cluster-nodes-enabled": [b"yes", b"no"],
    b"client-output-buffer-limit": [b"normal 1 1 1", b"pubsub 1gb 3 4 replica 0 0 0"],
}
LINES = [
    "# comment", "", "timeout 7", "timeout 7 ", 'requirepass "x y"', "client-output-buffer-limit normal 5 5 5",
    "client-output-buffer-limit pubsub 6 6 6", "port 1234", "include more.conf", "rename-command a b", "workers 2",
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_loading_the_rewritten_file_gives_the_running_configuration(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("rewrite")
    write(folder, "timeout 99\nclient-output-buffer-limit replica 8 8 8\n", "more.conf")
    lines = data.draw(st.lists(st.sampled_from(LINES), max_size=8))
    path = write(folder, "\n".join(lines) + data.draw(st.sampled_from(["", "\n"])))
    config = load(path)
    for name in data.draw(st.lists(st.sampled_from(sorted(CHANGES)), max_size=5)):
        config.set_options([name, data.draw(st.sampled_from(CHANGES[name]))])
    rewrite_file(config)
    once = path.read_bytes()
    assert load(path) == config
    untouched = [line for line in lines if line.startswith(("#", "port", "include", "rename", "workers"))]
    kept = once.decode().split("\n")
    assert [line for line in kept if line in untouched] == untouched
    rewrite_file(config)
    assert path.read_bytes() == once


def test_replace_file_keeps_mode_and_link(tmp_path: Path) -> None:
    path = write(tmp_path, "old")
    path.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(path)
    atomic_file.replace_file(str(link), b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    atomic_file.replace_file(str(tmp_path / "fresh"), b"")
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o600


# The documented file


def test_example_is_up_to_date() -> None:
    """On failure: python -m slotrocks.server.config_example > docs/slotrocks.conf"""
    assert (ROOT / "docs" / "slotrocks.conf").read_text() == config_example.example()


def test_example_names_every_option_with_its_default(tmp_path: Path) -> None:
    path = write(tmp_path, config_example.example())
    assert load(path) == Config()
    named = {line.name for line in config_file._directives(str(path))}
    assert named == {name for name, option in OPTIONS.items() if not option.file_only}
