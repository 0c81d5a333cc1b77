"""The kinds of values that options have: how each is read and written.

A value has three forms: the Python object (`T`), the text of ``CONFIG GET``, and the words of a configuration line.
What is accepted and the error texts are those of Redis 7.2 (`config.c`; checked against Valkey); unlike there, an
empty string is not a memory size. `parse` raises ValueError with such a text and never changes anything.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Generic, TypeVar

T = TypeVar("T")

INT_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1
MB = 1 << 20
GB = 1 << 30

WRONG_NUMBER = "wrong number of arguments"
_MEMORY = re.compile(r"([0-9]{1,19})(b|k|kb|m|mb|g|gb)?", re.IGNORECASE | re.ASCII)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
_UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1 << 10, "m": 1000**2, "mb": MB, "g": 1000**3, "gb": GB}


def parse_memory(text: str) -> int:
    """``512mb`` -> 536870912. Units as in redis.conf: k, m, g are powers of 1000; kb, mb, gb of 1024."""
    match = _MEMORY.fullmatch(text)
    size_bytes = int(match[1]) * _UNITS[(match[2] or "").lower()] if match else -1
    if not 0 <= size_bytes <= INT64_MAX:
        raise ValueError("argument must be a memory value")
    return size_bytes


def format_memory(size_bytes: int) -> str:
    """The shortest exact form: 536870912 -> ``512mb``."""
    for unit in ("gb", "mb", "kb"):
        if size_bytes and size_bytes % _UNITS[unit] == 0:
            return f"{size_bytes // _UNITS[unit]}{unit}"
    return str(size_bytes)


def parse_integer(text: str) -> int:
    """A decimal integer without sign, blanks or leading zeros that do not belong (Redis's string2ll)."""
    if _INTEGER.fullmatch(text) is None or not -INT64_MAX - 1 <= int(text) <= INT64_MAX:
        raise ValueError("argument couldn't be parsed into an integer")
    return int(text)


def check_range(value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise ValueError(f"argument must be between {low} and {high} inclusive")
    return value


class Kind(Generic[T]):
    """Reads and writes the values of one option. The base class does it for kinds of one word."""

    takes_words: ClassVar[bool] = False  # the value is a list of words, not one
    placeholder: str = "VALUE"  # what `--help` shows for the value

    def parse(self, words: Sequence[str], current: T) -> T:
        """The value that `words` give to an option whose value is `current`."""
        if len(words) != 1:
            raise ValueError(WRONG_NUMBER)
        return self.parse_word(words[0])

    def parse_word(self, word: str) -> T:
        raise NotImplementedError

    def format(self, value: T) -> str:
        """The text that CONFIG GET shows."""
        return str(value)

    def words(self, value: T) -> list[str]:
        """The words of a configuration line: ``parse(words(value), anything) == value``."""
        return [self.format(value)]


class Bool(Kind[bool]):
    placeholder = "yes|no"

    def parse_word(self, word: str) -> bool:
        if word.lower() not in ("yes", "no"):
            raise ValueError("argument must be 'yes' or 'no'")
        return word.lower() == "yes"

    def format(self, value: bool) -> str:
        return "yes" if value else "no"


class Int(Kind[int]):
    placeholder = "N"

    def __init__(self, low: int = 0, high: int = INT_MAX) -> None:
        self.low, self.high = low, high

    def parse_word(self, word: str) -> int:
        return check_range(parse_integer(word), self.low, self.high)


class Memory(Kind[int]):
    """A size in bytes, written with units."""

    placeholder = "SIZE"

    def __init__(self, low: int = 0, high: int = INT64_MAX) -> None:
        self.low, self.high = low, high

    def parse_word(self, word: str) -> int:
        return check_range(parse_memory(word), self.low, self.high)

    def words(self, value: int) -> list[str]:
        return [format_memory(value)]


class Enum(Kind[str]):
    def __init__(self, *choices: str) -> None:
        self.choices = choices
        self.placeholder = "|".join(choices)

    def parse_word(self, word: str) -> str:
        if word.lower() not in self.choices:
            raise ValueError(f"argument(s) must be one of the following: {', '.join(self.choices)}")
        return word.lower()


class Text(Kind[str]):
    """Any text. Bytes that are not UTF-8 are kept as surrogates, so that paths survive."""

    def __init__(self, placeholder: str = "TEXT") -> None:
        self.placeholder = placeholder

    def parse_word(self, word: str) -> str:
        return word


class Password(Kind[bytes]):
    """Bytes, because that is what AUTH compares."""

    placeholder = "PASSWORD"

    def parse_word(self, word: str) -> bytes:
        return word.encode("utf-8", "surrogateescape")

    def format(self, value: bytes) -> str:
        return value.decode("utf-8", "surrogateescape")


class Words(Kind[tuple[str, ...]]):
    takes_words = True

    def __init__(self, placeholder: str) -> None:
        self.placeholder = placeholder

    def parse(self, words: Sequence[str], current: tuple[str, ...]) -> tuple[str, ...]:
        if not words or not all(words):
            raise ValueError(WRONG_NUMBER)
        return tuple(words)

    def format(self, value: tuple[str, ...]) -> str:
        return " ".join(value)

    def words(self, value: tuple[str, ...]) -> list[str]:
        return list(value)


class CommandNames(Kind[tuple[tuple[str, str], ...]]):
    """Pairs (command, new name), lower case, one line each; a new name of "" removes the command."""

    takes_words = True
    placeholder = "COMMAND NAME"

    def parse(self, words: Sequence[str], current: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        if len(words) != 2 or not words[0]:
            raise ValueError(WRONG_NUMBER)
        return (*current, (words[0].lower(), words[1].lower()))


@dataclass(frozen=True)
class OutputLimit:
    """A client is closed when its unsent replies exceed `hard_bytes`, or `soft_bytes` for `soft_seconds`; 0: never."""

    hard_bytes: int = 0
    soft_bytes: int = 0
    soft_seconds: int = 0


@dataclass(frozen=True)
class OutputLimits:
    """The limits of each class of clients, with Redis's defaults."""

    normal: OutputLimit = OutputLimit()
    replica: OutputLimit = OutputLimit(256 * MB, 64 * MB, 60)
    pubsub: OutputLimit = OutputLimit(32 * MB, 8 * MB, 60)


class OutputLimitWords(Kind[OutputLimits]):
    """``<class> <hard> <soft> <soft seconds>``, one or more times; classes not named keep their limits."""

    takes_words = True
    placeholder = "CLASS HARD SOFT SECONDS"

    def parse(self, words: Sequence[str], current: OutputLimits) -> OutputLimits:
        if not words or len(words) % 4:
            raise ValueError("Wrong number of arguments in buffer limit configuration.")
        for i in range(0, len(words), 4):
            name = words[i].lower().replace("slave", "replica")
            if name not in ("normal", "replica", "pubsub"):
                raise ValueError("Invalid client class specified in buffer limit configuration.")
            try:
                seconds = check_range(parse_integer(words[i + 3]), 0, INT_MAX)
                limit = OutputLimit(parse_memory(words[i + 1]), parse_memory(words[i + 2]), seconds)
            except ValueError:
                text = "Error in hard, soft or soft_seconds setting in buffer limit configuration."
                raise ValueError(text) from None
            current = replace(current, **{name: limit})
        return current

    def format(self, value: OutputLimits) -> str:
        """Bytes in digits and the class name ``slave``: what tools written for Redis expect."""
        classes = (("normal", value.normal), ("slave", value.replica), ("pubsub", value.pubsub))
        return " ".join(f"{name} {x.hard_bytes} {x.soft_bytes} {x.soft_seconds}" for name, x in classes)

    def words(self, value: OutputLimits) -> list[str]:
        classes = (("normal", value.normal), ("replica", value.replica), ("pubsub", value.pubsub))
        return [
            word
            for name, x in classes
            for word in (name, format_memory(x.hard_bytes), format_memory(x.soft_bytes), str(x.soft_seconds))
        ]
