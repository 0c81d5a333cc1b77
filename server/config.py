"""The configuration of a running node: the values of `options.Options`, and CONFIG GET and CONFIG SET on them.

Values come from the defaults, then the configuration file, then flags; each later one wins. After that they change by
`set_options` (CONFIG SET) only, which is all or nothing:

1. every name is checked (known, mutable, not given twice), then every value, and nothing has changed yet;
2. all values change;
3. the listeners of changed options are called, each once. A listener that cannot apply the new values raises
   ValueError: then all values are set back, the listeners that had been called are called again, and the client gets
   the error.

Names are case-insensitive. Error texts are those of Redis 7.2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from slotrocks.server.errors import CommandError
from slotrocks.server.options import OPTIONS, Option, Options

Listener = Callable[[], None]


@dataclass
class Config(Options):
    """All options as typed attributes (``config.migrate_type``), changed by `set_words` and `set_options`."""

    config_file: str = field(default="", compare=False)  # absolute path of the file that was loaded, if any
    _listeners: dict[str, list[Listener]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def value(self, option: Option) -> Any:
        """The value of an option that is known by its row."""
        return getattr(self, option.attribute)

    def set_words(self, name: str, words: Sequence[str]) -> None:
        """Sets an option at start-up from the words of a line or flag. Raises KeyError, or ValueError (the reason)."""
        option = OPTIONS[name.lower()]
        setattr(self, option.attribute, option.kind.parse(words, self.value(option)))

    def on_change(self, name: str, listener: Listener) -> None:
        """Calls `listener` after CONFIG SET changed the option; it reads the new value from here. See the module."""
        assert OPTIONS[name].mutable, f"{name} never changes"
        self._listeners.setdefault(name, []).append(listener)

    def get_options(self, patterns: Sequence[bytes]) -> dict[bytes, bytes]:
        """CONFIG GET: the options that a glob pattern matches, or that are named (then as the client spelled them).

        An unknown name gives nothing, which is what tools that ask for Redis's ``save`` or ``appendonly`` expect.
        """
        found: dict[str, str] = {}
        matched: set[str] = set()
        for pattern in map(_text, patterns):
            is_glob = any(char in pattern for char in "*?[")
            glob = pattern.lower().replace("[^", "[!")
            for option in OPTIONS.values():
                if option.file_only or option.name in matched or not fnmatchcase(option.name, glob):
                    continue
                matched.add(option.name)
                found[option.name if is_glob else pattern] = option.kind.format(self.value(option))
        return {_bytes(name): _bytes(value) for name, value in found.items()}

    def set_options(self, arguments: Sequence[bytes]) -> None:
        """CONFIG SET name value [name value ...]. Raises CommandError, and then nothing has changed."""
        if len(arguments) % 2:
            raise CommandError("ERR syntax error")
        texts = [_text(argument) for argument in arguments]
        options = _check_names(texts[::2])
        values = [self._parse(option, text) for option, text in zip(options, texts[1::2], strict=True)]
        changed = [(o, self.value(o), new) for o, new in zip(options, values, strict=True) if self.value(o) != new]
        for option, _, new in changed:
            setattr(self, option.attribute, new)
        called: list[Listener] = []
        for option, _, _ in changed:
            for listener in self._listeners.get(option.name, []):
                if listener in called:
                    continue
                called.append(listener)
                try:
                    listener()
                except ValueError as error:
                    for changed_option, old, _ in changed:
                        setattr(self, changed_option.attribute, old)
                    for again in called:
                        again()
                    raise _failed(option.name, str(error)) from None

    def _parse(self, option: Option, text: str) -> Any:
        try:
            return option.kind.parse(text.split(" ") if option.kind.takes_words else [text], self.value(option))
        except ValueError as error:
            raise _failed(option.name, str(error)) from None


def is_secret(name: bytes) -> bool:
    """Whether the argument after this name in CONFIG SET must not appear in SLOWLOG, MONITOR or logs."""
    option = OPTIONS.get(_text(name).lower())
    return option is not None and option.secret


def _check_names(names: Sequence[str]) -> list[Option]:
    options: list[Option] = []
    for name in names:
        option = OPTIONS.get(name.lower())
        if option is None or option.file_only:
            raise CommandError(f"ERR Unknown option or number of arguments for CONFIG SET - '{_one_line(name)}'")
        if not option.mutable:
            raise _failed(name, "can't set immutable config")
        if option in options:
            raise _failed(name, "duplicate parameter")
        options.append(option)
    return options


def _failed(name: str, reason: str) -> CommandError:
    return CommandError(f"ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")


def _one_line(name: str) -> str:
    """What the client sent, as it may stand in an error reply: blanks for line breaks as in Redis, no lone bytes."""
    return name.replace("\r", " ").replace("\n", " ").encode("utf-8", "backslashreplace").decode()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
