"""The command table: a command is declared once, next to its handler, and everything else derives from its row.

Arity, authentication, redirection, MULTI queueing, COMMAND, ACL categories and docs/commands.md read the same row. A
row whose name has a bar ("client|list") is a subcommand of the row before the bar. Key positions are Redis's (first,
last, step), counted in argv, last negative from the end; commands whose keys are elsewhere give a function of argv.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slotrocks.engine import CommandRow

if TYPE_CHECKING:
    from slotrocks.server.session import Session

# A reply is any value that engine.ReplyWriter.write() takes.
Handler = Callable[["Session", list[bytes]], Any]
KeyFinder = Callable[[list[bytes]], list[bytes]]
KeySpec = tuple[int, int, int]

NO_KEYS: KeySpec = (0, 0, 0)


class Command(CommandRow):
    """One row. `arity` counts the name(s); negative means at least. `flags` are those of Redis's COMMAND. `unknown`
    is what a container answers to a subcommand that it does not have, or with a wrong number of arguments, when that is
    not Redis's text. `differs`: what a user of Redis or of Kvrocks will find to be different here, one or two
    sentences for docs/commands.md."""

    __slots__ = (
        "complexity", "differs", "flags", "group", "key_finder", "keys", "no_multi", "since", "subcommands", "summary",
        "unknown",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        handler: Handler,
        arity: int,
        flags: frozenset[str],
        keys: KeySpec,
        key_finder: KeyFinder | None,
        group: str,
        since: str,
        summary: str,
        complexity: str,
        unknown: str = "",
        differs: str = "",
    ) -> None:
        self.name = name
        self.handler = handler
        self.arity = arity
        self.flags = flags
        self.keys = keys
        self.key_finder = key_finder
        self.group = group
        self.since = since
        self.summary = summary
        self.complexity = complexity
        self.unknown = unknown
        self.differs = differs
        self.subcommands: dict[str, Command] = {}
        self.write = "write" in flags
        self.has_keys = keys != NO_KEYS or key_finder is not None
        self.single_key = key_finder is None and keys == (1, 1, 1)
        self.no_auth = "no_auth" in flags
        self.no_multi = "no_multi" in flags

    @property
    def usec(self) -> int:
        """Microseconds spent in all calls."""
        return self.nanoseconds // 1000

    def reset(self) -> None:
        """CONFIG RESETSTAT: counts from zero."""
        self.calls = self.nanoseconds = self.rejected_calls = self.failed_calls = 0

    def find_keys(self, argv: list[bytes]) -> list[bytes]:
        """The keys among the arguments of a call whose arity is right."""
        if self.key_finder is not None:
            return self.key_finder(argv)
        first, last, step = self.keys
        if first == 0:
            return []
        end = last + 1 if last >= 0 else len(argv) + last + 1
        return argv[first:end:step]


COMMANDS: dict[str, Command] = {}
ROWS_BY_WORD: dict[bytes, Command] = {}  # as clients wrote the names lately
_WORDS_CACHED_MAX = 4096


def command(
    name: str,
    *,
    arity: int,
    flags: str = "",
    keys: KeySpec | KeyFinder = NO_KEYS,
    group: str,
    since: str,
    summary: str,
    complexity: str = "O(1)",
    unknown: str = "",
    differs: str = "",
) -> Callable[[Handler], Handler]:
    """Declares the decorated handler's row. A handler takes (session, argv) and returns the reply's value."""

    def declare(handler: Handler) -> Handler:
        spec, finder = (NO_KEYS, keys) if callable(keys) else (keys, None)
        row = Command(
            name, handler, arity, frozenset(flags.split()), spec, finder, group, since, summary, complexity, unknown,
            differs,
        )  # fmt: skip
        parent, bar, sub = name.partition("|")
        if bar:
            COMMANDS[parent].subcommands[sub] = row
            COMMANDS[parent].container = True
        else:
            if name in COMMANDS:
                raise ValueError(f"command declared twice: {name}")
            COMMANDS[name] = row
        return handler

    return declare


def find_command(word: bytes) -> Command | None:
    """The row of a command's name as a client wrote it, in any case."""
    row = ROWS_BY_WORD.get(word)
    if row is None:
        row = COMMANDS.get(word.lower().decode("latin-1"))
        if row is not None and len(ROWS_BY_WORD) < _WORDS_CACHED_MAX:
            ROWS_BY_WORD[word] = row
    return row


def rename_command(old: str, new: str) -> None:
    """Gives a command another name, or removes it when `new` is empty. Raises KeyError if there is no such command."""
    row = COMMANDS.pop(old.lower())
    ROWS_BY_WORD.clear()
    if new:
        row.name = new.lower()
        COMMANDS[row.name] = row


def all_rows() -> Iterable[Command]:
    """Every row, subcommands after their container."""
    for row in COMMANDS.values():
        yield row
        yield from row.subcommands.values()


@dataclass(frozen=True, slots=True)
class KeysCounted:
    """Finds the keys of commands that say how many there are: `argv[position]` of them, right after it."""

    position: int

    def __call__(self, argv: list[bytes]) -> list[bytes]:
        count = int(argv[self.position]) if argv[self.position].isdigit() else 0
        return argv[self.position + 1 : self.position + 1 + count]


def numkeys_at(position: int) -> KeyFinder:
    """See KeysCounted."""
    return KeysCounted(position)


@dataclass(frozen=True, slots=True)
class KeysAfterWord:
    """Finds the keys of commands that name them behind a word, and behind the keys as many other arguments. `taken`
    says how many arguments the options before the word take, which may look like it; the word is at argv[start] at the
    earliest when there are no others."""

    word: bytes
    start: int
    taken: tuple[tuple[bytes, int], ...]

    def __call__(self, argv: list[bytes]) -> list[bytes]:
        taken = dict(self.taken)
        i = 1
        while i < len(argv):
            option = argv[i].upper()
            if option == self.word:
                rest = argv[i + 1 :]
                return [] if len(rest) % 2 else rest[: len(rest) // 2]
            i += 1 + taken.get(option, 0)
        return []
