"""The newest commands that took longer than `slowlog-log-slower-than`, as SLOWLOG shows them.

An entry keeps at most 32 words of the call and 128 bytes of each, what is cut is told in their place, and no password.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from slotrocks.server.config import Config
from slotrocks.server.redact import redacted

if TYPE_CHECKING:
    from slotrocks.server.session import Session
    from slotrocks.server.table import Command

WORDS_MAX = 32
WORD_BYTES_MAX = 128


class Entry(NamedTuple):
    """One slow call: the six fields of SLOWLOG GET, in its order."""

    id: int
    unix_time: int
    elapsed_us: int
    words: list[bytes]
    peer_name: str
    client_name: bytes


class SlowLog:
    """Entries, newest first."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._entries: deque[Entry] = deque()
        self._next_id = 0
        config.on_change("slowlog-max-len", self._trim)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, session: Session, row: Command, argv: list[bytes], elapsed_us: int, unix_time: int) -> None:
        """Notes a call if it was slow enough."""
        limit_us = self._config.slowlog_log_slower_than
        if limit_us < 0 or elapsed_us < limit_us or "skip_slowlog" in row.flags:
            return
        words = shortened(redacted(row.name, argv))
        peer, name = session.link.peer_name, session.name
        self._entries.appendleft(Entry(self._next_id, unix_time, elapsed_us, words, peer, name))
        self._next_id += 1
        self._trim()

    def newest(self, count: int) -> list[Entry]:
        """Up to `count` entries, newest first; all when it is negative."""
        return list(self._entries)[: count if count >= 0 else None]

    def reset(self) -> None:
        """Forgets all entries; ids go on."""
        self._entries.clear()

    def _trim(self) -> None:
        while len(self._entries) > self._config.slowlog_max_len:
            self._entries.pop()


def shortened(argv: list[bytes]) -> list[bytes]:
    """At most 32 words of at most 128 bytes, with notes on what is missing."""
    words = argv
    if len(argv) > WORDS_MAX:
        more = len(argv) - WORDS_MAX + 1
        words = [*argv[: WORDS_MAX - 1], b"... (%d more arguments)" % more]
    return [shortened_word(word) for word in words]


def shortened_word(word: bytes) -> bytes:
    """At most 128 bytes, with a note on how many are missing."""
    more = len(word) - WORD_BYTES_MAX
    return word if more <= 0 else word[:WORD_BYTES_MAX] + b"... (%d more bytes)" % more
