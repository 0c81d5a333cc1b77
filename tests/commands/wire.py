"""Helpers for tests of commands that act on connections: they need real ones."""

from __future__ import annotations

from typing import Any

import hiredis

from servers import Client


def error(client: Client, *words: str | bytes | int) -> str:
    """Runs a command that must fail; the error's text."""
    value = client.call_raw(*words)[1]
    assert isinstance(value, hiredis.ReplyError), value
    return str(value)


def values(client: Client, calls: list[str]) -> list[Any]:
    """The replies to several commands, errors as their text."""
    replies = [client.call_raw(*words.split(" "))[1] for words in calls]
    return [str(reply) if isinstance(reply, hiredis.ReplyError) else reply for reply in replies]


def assert_same(ours: Client, theirs: Client, calls: list[str]) -> None:
    """Both servers must answer alike; in RESP2 the order of a map's entries does not count."""
    for call, our, their in zip(calls, values(ours, calls), values(theirs, calls), strict=True):
        assert our == their or unordered(our) == unordered(their), call


def unordered(value: Any) -> str:
    """What a reply consists of, whatever the order."""
    return "".join(sorted(map(unordered, value))) if isinstance(value, list) else repr(value)
