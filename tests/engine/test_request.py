"""Requests: one table of cases, each parsed whole, byte by byte, with trailing bytes, and by a real redis-server.

Beside the table: any chunking gives the same commands, a plain-Python twin agrees on garbage, big values and limits.
"""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import hiredis
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slotrocks.engine._engine import ProtocolError, ReplyWriter, RequestParser

MIB = 1024 * 1024
PING = b"*1\r\n$4\r\nPING\r\n"


class Case(NamedTuple):
    name: str
    data: bytes
    commands: list[list[bytes]]  # delivered before the error, or before more bytes are needed
    error: str | None = None  # without "Protocol error: "
    authenticated: bool = True
    redis_agrees: bool = True  # False: one of the differences that request.pxi names


def multibulk(*arguments: bytes) -> bytes:
    return b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a) for a in arguments)


BAD_COUNT, BAD_LENGTH, UNBALANCED = "invalid multibulk length", "invalid bulk length", "unbalanced quotes in request"
CASES = [
    Case("one command", PING, [[b"PING"]]),
    Case("two commands", multibulk(b"ECHO", b"a") + PING, [[b"ECHO", b"a"], [b"PING"]]),
    Case("binary and empty arguments", multibulk(b"ECHO", b"\r\n$\x00*") + multibulk(b"ECHO", b""),
         [[b"ECHO", b"\r\n$\x00*"], [b"ECHO", b""]]),
    Case("empty commands", b"*0\r\n" + PING + b"*-1\r\n*-7\r\n\r\n\n  \r\n" + PING, [[b"PING"], [b"PING"]]),
    Case("ends of bulks are not looked at", b"*1\r\n$4\r\nPINGxx" + PING, [[b"PING"], [b"PING"]]),
    Case("incomplete count", PING + b"*1", [[b"PING"]]),
    Case("incomplete length", PING + b"*1\r\n$4\r", [[b"PING"]]),
    Case("incomplete bulk", PING + b"*2\r\n$4\r\nECHO\r\n$1\r\na\r", [[b"PING"]]),
    Case("inline", b"PING\r\nPING\nECHO  a \t\r\n", [[b"PING"], [b"PING"], [b"ECHO", b"a"]]),
    Case("inline between others", PING + b"ECHO x\r\n" + PING, [[b"PING"], [b"ECHO", b"x"], [b"PING"]]),
    Case("inline quotes", b"ECHO \"a b\\x41\\n\\t\\\"\\z\"\r\nECHO 'a\\'\\n'\r\nECHO \"\"\r\n",
         [[b"ECHO", b'a bA\n\t"z'], [b"ECHO", b"a'\\n"], [b"ECHO", b""]]),
    Case("incomplete inline", PING + b"ECHO x", [[b"PING"]]),
    Case("longest inline", b"ECHO " + b"x" * 65530 + b"\r\n", [[b"ECHO", b"x" * 65530]]),
    Case("inline NUL", b"ECHO a\x00b\r\n", [[b"ECHO", b"a\x00b"]], redis_agrees=False),
    Case("unbalanced double", PING + b'ECHO "a\r\n', [[b"PING"]], UNBALANCED),
    Case("unbalanced single", b"ECHO 'a\\'\r\n", [], UNBALANCED),
    Case("text after closing quote", b'PING\r\nECHO "a"b\r\n', [[b"PING"]], UNBALANCED),
    Case("inline too big", PING + b"x" * 65537, [[b"PING"]], "too big inline request"),
    Case("count too big", PING + b"*" + b"1" * 65536, [[b"PING"]], "too big mbulk count string"),
    Case("length too big", PING + b"*1\r\n$" + b"1" * 65536, [[b"PING"]], "too big bulk count string"),
    Case("count without digits", PING + b"*\r\n", [[b"PING"]], BAD_COUNT),
    Case("count with letters", b"*1x\r\n", [], BAD_COUNT),
    Case("count with plus", b"*+1\r\n", [], BAD_COUNT),
    Case("count with leading zero", b"*01\r\n", [], BAD_COUNT),
    Case("count with space", b"* 1\r\n", [], BAD_COUNT),
    Case("count over INT_MAX", b"*2147483648\r\n", [], BAD_COUNT),
    Case("count over 64 bits", b"*18446744073709551617\r\n", [], BAD_COUNT),
    Case("largest count", PING + b"*1048576\r\n$1\r\n", [[b"PING"]]),
    Case("count over 1048576", PING + b"*1048577\r\n", [[b"PING"]], BAD_COUNT, redis_agrees=False),
    Case("count without LF", b"*1\rx$4\r\nPING\r\n", [], BAD_COUNT, redis_agrees=False),
    Case("length without LF", b"*1\r\n$4\rxPING\r\n", [], BAD_LENGTH, redis_agrees=False),
    Case("count with NUL", b"*1\x00\r\n", [], BAD_COUNT, redis_agrees=False),
    Case("negative length", PING + b"*1\r\n$-1\r\n", [[b"PING"]], BAD_LENGTH),
    Case("length without digits", b"*1\r\n$\r\n", [], BAD_LENGTH),
    Case("length with letters", b"*1\r\n$4a\r\n", [], BAD_LENGTH),
    Case("length with leading zero", b"*1\r\n$04\r\nPING\r\n", [], BAD_LENGTH),
    Case("length over the limit", b"*1\r\n$1048577\r\n", [], BAD_LENGTH),
    Case("largest length", b"*1\r\n$1048576\r\nab", []),
    Case("length over 64 bits", b"*2\r\n$4\r\nECHO\r\n$9223372036854775808\r\n", [], BAD_LENGTH),
    *(
        Case(f"element of type {kind!r}", PING + b"*2\r\n$4\r\nECHO\r\n" + kind + b"1\r\n", [[b"PING"]],
             f"expected '$', got '{kind.decode('utf-8', 'surrogateescape')}'")
        for kind in (b":", b"*", b"+", b"-", b" ", b"\x01", b"\xff", b"\xc3", b"\n", b"_", b"%", b"~")
    ),
    Case("element that is a NUL", b"*1\r\n\x001\r\n", [], "expected '$', got '\0'", redis_agrees=False),
    Case("element that is an empty line", b"*1\r\n\r\n", [], "expected '$', got '\r'"),
    Case("unauthenticated within limits", multibulk(*[b"x"] * 9, b"y" * 16384) + PING,
         [[b"x"] * 9 + [b"y" * 16384], [b"PING"]], authenticated=False),
    Case("unauthenticated count", PING + b"*11\r\n", [[b"PING"]], "unauthenticated multibulk length",
         authenticated=False),
    Case("unauthenticated length", PING + b"*1\r\n$16385\r\n", [[b"PING"]], "unauthenticated bulk length",
         authenticated=False),
    Case("unauthenticated invalid count", b"*3000000000\r\n", [], BAD_COUNT, authenticated=False),
    Case("unauthenticated invalid length", b"*1\r\n$1048577\r\n", [], BAD_LENGTH, authenticated=False),
]  # fmt: skip
parametrised = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def drained(parser: RequestParser) -> tuple[list[list[bytes]], str | None]:
    """All commands that the parser has, and the error after them."""
    commands = []
    try:
        while (command := parser.next()) is not None:
            commands.append(command)
    except ProtocolError as error:
        return commands, error.args[0]
    return commands, None


def parsed(data: bytes, sizes: Iterator[int] | int, authenticated: bool = True) -> tuple[list[list[bytes]], str | None]:
    parser = RequestParser(MIB, authenticated)
    commands: list[list[bytes]] = []
    error, position = None, 0
    while position < len(data):
        size = sizes if isinstance(sizes, int) else next(sizes)
        parser.feed(data[position : (position := position + size)])
        more, error = drained(parser)
        commands += more
        if error:
            break
    return commands, error


def expected(case: Case) -> tuple[list[list[bytes]], str | None]:
    return case.commands, case.error and f"Protocol error: {case.error}"


@parametrised
def test_whole(case: Case) -> None:
    assert parsed(case.data, len(case.data), case.authenticated) == expected(case)


@parametrised
def test_byte_by_byte(case: Case) -> None:
    step = 1 if len(case.data) < 2000 else 997  # a line is looked through anew with each chunk
    assert parsed(case.data, step, case.authenticated) == expected(case)


@parametrised
def test_trailing_bytes_change_nothing_before_them(case: Case) -> None:
    for trailing in (b"\r", b"\r\n", b"*", PING, b"*1\r\n:", b"\x00" * 70000):
        commands, error = parsed(case.data + trailing, 1 << 20, case.authenticated)
        assert commands[: len(case.commands)] == case.commands
        if case.error:
            assert (commands, error) == expected(case)


@parametrised
def test_nothing_comes_twice_or_after_an_error(case: Case) -> None:
    parser = RequestParser(MIB, case.authenticated)
    parser.feed(case.data)
    _, error = drained(parser)
    if case.error:
        parser.feed(PING)
        assert parser.buffered == 0
    assert drained(parser) == ([], error)


commands_strategy = st.lists(
    st.lists(st.binary(max_size=30) | st.just(b"y" * 20000), min_size=1, max_size=5), max_size=30
)


@settings(max_examples=150, deadline=None)
@given(commands_strategy, st.lists(st.integers(50, 60000), min_size=1, max_size=8))
def test_any_chunking_gives_the_same_commands(commands: list[list[bytes]], sizes: list[int]) -> None:
    data = b"".join(multibulk(*command) for command in commands)
    assert parsed(data, cycle(sizes)) == (commands, None)


def test_chunks_that_wait_are_parsed_together() -> None:
    parser = RequestParser()
    data = multibulk(b"ECHO", b"x" * 100) * 500
    for i in range(0, len(data), 7):
        parser.feed(data[i : i + 7])
    assert parser.buffered == len(data)
    assert drained(parser) == ([[b"ECHO", b"x" * 100]] * 500, None)
    assert parser.buffered == 0


def test_big_values_in_small_pieces() -> None:
    parser = RequestParser()
    value = bytes(range(256)) * 32 * 1024  # 8 MiB
    data = multibulk(b"SET", b"k", value) + b"*1\r\n$4\r\nPI"
    commands = []
    for i in range(0, len(data), 4096):
        parser.feed(data[i : i + 4096])
        while (command := parser.next()) is not None:
            commands.append(command)
        if not commands:
            assert parser.buffered == min(i + 4096, len(data))
    assert commands == [[b"SET", b"k", value]]
    assert parser.buffered == 10
    parser.feed(b"NG\r\n" + PING)
    assert drained(parser) == ([[b"PING"], [b"PING"]], None)
    assert parser.buffered == 0


def test_most_arguments() -> None:
    commands, error = parsed(b"*1048576\r\n" + b"$1\r\nx\r\n" * MIB, 1 << 18)
    assert error is None
    assert [len(command) for command in commands] == [MIB]


def test_authentication_counts_from_the_next_command_on() -> None:
    parser = RequestParser(authenticated=False)
    many = multibulk(*[b"x"] * 11)
    parser.feed(multibulk(b"AUTH", b"secret") + many)
    assert parser.next() == [b"AUTH", b"secret"]
    parser.authenticated = True
    assert parser.next() == [b"x"] * 11
    parser.authenticated = False
    parser.feed(many)
    assert drained(parser) == ([], "Protocol error: unauthenticated multibulk length")


def test_the_bulk_limit_may_change() -> None:
    parser = RequestParser(proto_max_bulk_len=10)
    parser.proto_max_bulk_len = 3
    parser.feed(b"*1\r\n$4\r\n")
    assert drained(parser) == ([], "Protocol error: invalid bulk length")


# ---- a twin in plain Python ----

INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,18}")
SPACE = rb"(?=[\t-\r ]|\Z)"
WORD = re.compile(
    rb"""[\t-\r ]*+(?P<plain>[^ \t\r\n"']*+)"""
    rb"""(?:"(?P<double>(?:\\x[0-9a-fA-F]{2}|\\.|[^"\\])*+)\"""" + SPACE
    + rb"""|'(?P<single>(?:\\'|[^'])*+)'""" + SPACE
    + rb"""|(?=[ \t\r\n]|\Z))""", re.DOTALL,
)  # fmt: skip
ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}


def unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code[1:], 16)]) if len(code) == 3 else ESCAPED.get(code, code)


def twin_words(line: bytes) -> list[bytes] | None:
    words, position = [], 0
    while line[position:].strip(b" \t\n\v\f\r"):
        match = WORD.match(line, position)
        if match is None:
            return None
        double, single = match["double"], match["single"]
        quoted = ESCAPE.sub(unescape, double) if double is not None else (single or b"").replace(b"\\'", b"'")
        words.append(match["plain"] + quoted)
        position = match.end()
    return words


def twin_number(text: bytes) -> int | None:
    return int(text) if INTEGER.fullmatch(text) and -(2**63) <= int(text) < 2**63 else None


def twin_multibulk(data: bytes) -> tuple[list[bytes], bytes] | None:
    """(command, what follows it), None when incomplete. Raises ValueError."""
    line, found, rest = data[1:].partition(b"\r")
    if not found or not rest:
        return None
    count = twin_number(line)
    if count is None or count > MIB or rest[:1] != b"\n":
        raise ValueError("invalid multibulk length")
    rest = rest[1:]
    command: list[bytes] = []
    while len(command) < count:
        line, found, after = rest.partition(b"\r")
        if not found or not after:
            return None
        if line[:1] != b"$":
            raise ValueError(f"expected '$', got '{rest[:1].decode('utf-8', 'surrogateescape')}'")
        size = twin_number(line[1:])
        if size is None or not 0 <= size <= MIB or after[:1] != b"\n":
            raise ValueError("invalid bulk length")
        if len(after) < 1 + size + 2:
            return None
        command.append(after[1 : 1 + size])
        rest = after[1 + size + 2 :]
    return command, rest


def twin(data: bytes) -> tuple[list[list[bytes]], str | None]:
    commands: list[list[bytes]] = []
    try:
        while data:
            if data[:1] == b"*":
                result = twin_multibulk(data)
                if result is None:
                    break
                command, data = result
            else:
                line, found, data = data.partition(b"\n")
                if not found:
                    break
                words = twin_words(line.removesuffix(b"\r"))
                if words is None:
                    raise ValueError("unbalanced quotes in request")
                command = words
            if command:
                commands.append(command)
    except ValueError as error:
        return commands, f"Protocol error: {error}"
    return commands, None


fragments = st.sampled_from(
    [b"*1\r\n", b"*2\r\n", b"*0\r\n", b"*-1\r\n", b"$0\r\n\r\n", b"$1\r\n", b"$3\r\nfoo\r\n", b"\r\n", b"\n", b"\r",
     b"$", b"*", b"-", b"0", b"1", b" ", b"\t", b"\v", b'"', b"'", b"\\", b"\\x4", b"\\x4f", b"\\n", b"a", b"foo",
     b"\xff", b"\x00", PING]
)  # fmt: skip
garbage = st.lists(fragments, max_size=20).map(b"".join) | st.binary(max_size=40)


@settings(max_examples=400, deadline=None)
@given(garbage, st.integers(1, 9))
@example(b'"\\x4"\r\n', 3)
def test_the_twin_agrees_on_garbage(data: bytes, size: int) -> None:
    assert parsed(data, 1 << 20) == twin(data)
    assert parsed(data, size) == twin(data)


# ---- the real server ----


@pytest.fixture(scope="module")
def redis_sockets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, Path]]:
    """Sockets of two servers: authenticated (no password wanted) -> path."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("NOT COMPARED WITH REDIS: no redis-server on PATH (Debian: apt-get install redis-server)")
    folder = tmp_path_factory.mktemp("redis")
    paths = {True: folder / "open.sock", False: folder / "locked.sock"}
    options = [binary, "--port", "0", "--save", "", "--dir", str(folder), "--proto-max-bulk-len", str(MIB)]
    servers = [
        subprocess.Popen([*options, "--unixsocket", str(path), *([] if is_open else ["--requirepass", "secret"])],
                         stdout=subprocess.DEVNULL)
        for is_open, path in paths.items()
    ]  # fmt: skip
    try:
        deadline = time.monotonic() + 10
        while not all(path.exists() for path in paths.values()):
            assert time.monotonic() < deadline, "redis-server did not start"
            time.sleep(0.02)
        yield paths
    finally:
        for server in servers:
            server.terminate()
            server.wait(10)


def exchange(path: Path, data: bytes, server_closes: bool) -> tuple[list[object], bytes]:
    """(replies, the same as raw bytes) to `data`, up to the end of the connection, whoever is to close it."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(data)
        if not server_closes:
            client.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := client.recv(1 << 16):
            received += chunk
    reader = hiredis.Reader()
    reader.feed(received)
    replies = []
    while (reply := reader.gets()) is not False:
        replies.append(reply)
    return replies, received


@pytest.mark.parametrize("case", [case for case in CASES if case.redis_agrees], ids=lambda case: case.name)
def test_redis_says_the_same(case: Case, redis_sockets: dict[bool, Path]) -> None:
    replies, received = exchange(redis_sockets[case.authenticated], case.data, server_closes=case.error is not None)
    assert len(replies) == len(case.commands) + (case.error is not None)
    if case.error is not None:
        writer = ReplyWriter()
        writer.error(f"ERR Protocol error: {case.error}")
        assert received.endswith(writer.take())


INLINE_PARTS = [b'"', b"'", b"\\", b"x4", b"f", b"n", b" ", b"\t", b"\v", b"a", b"\xff", b"\r"]


@settings(max_examples=100, deadline=None)
@given(words=st.lists(st.sampled_from(INLINE_PARTS), max_size=12))
@example(words=[b'""', b" ", b"''"])
def test_redis_splits_inline_commands_the_same(words: list[bytes], redis_sockets: dict[bool, Path]) -> None:
    line = b"EVAL 'return ARGV' 0 " + b"".join(words) + b"\r\n"
    commands, error = parsed(line, len(line))
    (reply,), _ = exchange(redis_sockets[True], line, server_closes=error is not None)
    if commands:
        assert reply == commands[0][3:]
    else:
        assert str(reply) == f"ERR {error}"
