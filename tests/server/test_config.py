"""The option table, CONFIG GET and CONFIG SET. Error texts were compared with those of a Valkey server."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slotrocks.engine.store import StoreOptions
from slotrocks.server.config import Config, is_secret
from slotrocks.server.errors import CommandError
from slotrocks.server.option_kinds import (
    Bool,
    Enum,
    Int,
    Memory,
    OutputLimit,
    OutputLimits,
    Password,
    format_memory,
    parse_memory,
)
from slotrocks.server.options import OPTIONS, SECTIONS
from slotrocks.server.store_options import store_options


def set_error(*arguments: bytes, config: Config | None = None) -> str:
    config = config or Config()
    before = config.get_options([b"*"])
    with pytest.raises(CommandError) as caught:
        config.set_options(arguments)
    assert config.get_options([b"*"]) == before
    return caught.value.text


def failed(name: str, reason: str) -> str:
    return f"ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}"


# The table


def test_names() -> None:
    assert OPTIONS["migrate-type"].attribute == "migrate_type"
    assert OPTIONS["rocksdb.block_size"].attribute == "rocksdb_block_size"
    assert set(SECTIONS) <= set(OPTIONS)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_default_is_a_value_of_its_kind(name: str) -> None:
    option = OPTIONS[name]
    assert option.help.endswith(".")
    if not option.file_only:
        other: Any = OutputLimits(normal=OutputLimit(1, 1, 1)) if "limit" in name else None
        assert option.kind.parse(option.kind.words(option.default), other) == option.default
        assert "\n" not in option.kind.format(option.default)


def test_store_defaults_are_the_engines() -> None:
    assert store_options(Config()) == StoreOptions()
    assert store_options(Config(rocksdb_block_cache_size=1)).block_cache_bytes == 1 << 20


def test_attributes_are_typed_and_passwords_stay_out_of_the_representation() -> None:
    config = Config(port=7000, requirepass=b"hunter2")
    assert (config.port, config.bind, config.cluster_enabled) == (7000, ("127.0.0.1",), False)
    assert "hunter2" not in repr(config)


# Kinds


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("1b", 1), ("1k", 1000), ("1KB", 1024), ("2m", 2_000_000), ("512mb", 1 << 29), ("1Gb", 1 << 30)],
)
def test_memory(text: str, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "mb", "-1", "1 mb", "1.5gb", "1tb", "٣", "1kb ", "9" * 5000, "9999999999gb"])
def test_memory_refused(text: str) -> None:
    with pytest.raises(ValueError, match="argument must be a memory value"):
        parse_memory(text)


@given(st.integers(0, 2**62))
def test_memory_round_trip(size: int) -> None:
    assert parse_memory(format_memory(size)) == size


@pytest.mark.parametrize("text", ["", "+1", "01", "-0", " 1", "1\n", "1e3", "0x1", "1_0", "٣", "9" * 5000, str(2**63)])
def test_integer_refused(text: str) -> None:
    with pytest.raises(ValueError, match="couldn't be parsed"):
        Int().parse([text], 0)


def test_simple_kinds() -> None:
    assert Bool().parse(["YES"], False) is True
    assert Enum("a", "b").parse(["B"], "a") == "b"
    assert Memory().words(1 << 30) == ["1gb"]
    assert Password().parse(["\udcff"], b"") == b"\xff"
    with pytest.raises(ValueError, match="wrong number of arguments"):
        Bool().parse(["yes", "no"], False)


# CONFIG GET


def test_get() -> None:
    config = Config()
    assert config.get_options([b"port"]) == {b"port": b"6666"}
    assert config.get_options([b"PORT", b"po*"]) == {b"PORT": b"6666"}
    assert config.get_options([b"save", b"appendonly", b"\xff*"]) == {}
    assert set(config.get_options([b"slowlog-*"])) == {b"slowlog-log-slower-than", b"slowlog-max-len"}
    assert set(config.get_options([b"[^a-qs-z]ocksdb.block_*"])) == {
        b"rocksdb.block_cache_size",
        b"rocksdb.block_size",
    }
    assert len(config.get_options([b"*"])) == len(OPTIONS) - 1
    assert config.get_options([b"rename-command"]) == {}


def test_get_shows_sizes_in_bytes() -> None:
    assert Config().get_options([b"proto-max-bulk-len", b"client-output-buffer-limit"]) == {
        b"proto-max-bulk-len": b"536870912",
        b"client-output-buffer-limit": b"normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    }


# CONFIG SET


def test_set_several() -> None:
    config = Config()
    config.set_options([b"TIMEOUT", b"5", b"proto-max-bulk-len", b"2mb", b"requirepass", b"\xff\x00"])
    assert (config.timeout, config.proto_max_bulk_len, config.requirepass) == (5, 2 << 20, b"\xff\x00")
    assert config.get_options([b"requirepass"]) == {b"requirepass": b"\xff\x00"}


def test_set_output_limits_keeps_other_classes() -> None:
    config = Config()
    config.set_options([b"client-output-buffer-limit", b"slave 1gb 1mb 5 normal 1 2 3"])
    assert config.client_output_buffer_limit == OutputLimits(
        OutputLimit(1, 2, 3), OutputLimit(1 << 30, 1 << 20, 5), OutputLimit(32 << 20, 8 << 20, 60)
    )


BUFFERS = "buffer limit configuration."


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("appendfsync", "x", "argument(s) must be one of the following: always, everysec, no"),
        ("persist-cluster-nodes-enabled", "1", "argument must be 'yes' or 'no'"),
        ("maxclients", "x", "argument couldn't be parsed into an integer"),
        ("maxclients", "0", "argument must be between 1 and 2147483647 inclusive"),
        ("proto-max-bulk-len", "-1", "argument must be a memory value"),
        ("proto-max-bulk-len", "1", "argument must be between 1048576 and 9223372036854775807 inclusive"),
        ("client-output-buffer-limit", "normal  0 0 0", f"Wrong number of arguments in {BUFFERS}"),
        ("client-output-buffer-limit", "", f"Wrong number of arguments in {BUFFERS}"),
        ("client-output-buffer-limit", "x 0 0 0", f"Invalid client class specified in {BUFFERS}"),
        ("client-output-buffer-limit", "normal 0 0 -1", f"Error in hard, soft or soft_seconds setting in {BUFFERS}"),
        ("cluster-enabled", "yes", "can't set immutable config"),
        ("port", "1", "can't set immutable config"),
    ],
)
def test_set_refused(name: str, value: str, reason: str) -> None:
    assert set_error(b"timeout", b"9", name.encode(), value.encode()) == failed(name, reason)


def test_set_names_are_checked_before_values() -> None:
    unknown = "ERR Unknown option or number of arguments for CONFIG SET - "
    assert set_error(b"timeout", b"x", b"a", b"b") == unknown + "'a'"
    assert set_error(b"rename-command", b"get x") == unknown + "'rename-command'"
    assert set_error(b"bad\r\nname", b"x") == unknown + "'bad  name'"
    assert set_error(b"timeout", b"1", b"TIMEOUT", b"2") == failed("TIMEOUT", "duplicate parameter")
    assert set_error(b"timeout", b"1", b"x") == "ERR syntax error"


def test_listeners_see_all_new_values_and_are_called_once() -> None:
    config = Config()
    seen: list[tuple[int, int]] = []

    def listener() -> None:
        seen.append((config.timeout, config.maxclients))

    config.on_change("timeout", listener)
    config.on_change("maxclients", listener)
    config.set_options([b"timeout", b"1", b"maxclients", b"2"])
    config.set_options([b"timeout", b"1"])  # no change
    assert seen == [(1, 2)]


def test_a_listener_that_refuses_undoes_everything() -> None:
    config = Config()
    applied: list[int] = []

    def refuse() -> None:
        if config.maxclients > 100_000:
            raise ValueError("The operating system is not able to handle the specified number of clients")

    config.on_change("timeout", lambda: applied.append(config.timeout))
    config.on_change("maxclients", refuse)
    error = set_error(b"timeout", b"7", b"maxclients", b"200000", config=config)
    assert error == failed("maxclients", "The operating system is not able to handle the specified number of clients")
    assert applied == [7, 0]


def test_secrets() -> None:
    assert is_secret(b"RequirePass")
    assert not is_secret(b"port")
    assert not is_secret(b"\xff")


@settings(max_examples=200)
@given(st.lists(st.one_of(st.sampled_from([n.encode() for n in OPTIONS]), st.binary(max_size=8)), max_size=6))
def test_set_is_all_or_nothing_whatever_is_sent(arguments: list[bytes]) -> None:
    config = Config()
    before = config.get_options([b"*"])
    try:
        config.set_options(arguments)
    except CommandError as error:
        assert config.get_options([b"*"]) == before
        assert "\n" not in error.text
        error.text.encode("utf-8", "surrogateescape")
