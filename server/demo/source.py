"""Where the data of the demo comes from: real files by default.

A source is an indexed series of items (key, value), made when asked for and kept nowhere, so that the proof compares
what the nodes have with the original and not with a copy that could have the same fault. Keys are unique.
"""

import hashlib
import os
import sysconfig
from array import array
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Protocol

from slotrocks.server.errors import ConfigError

Item = tuple[bytes, bytes]
GENERATED_VALUE_BYTES = 100


class Source(Protocol):
    """See the module."""

    title: str
    """What the items are, for people."""

    def __len__(self) -> int:
        """How many items there are."""

    def item(self, index: int) -> Item:
        """The key and value at `index`. Raises OSError if it can no longer be read."""


class StandardLibrary:
    """The sources of Python's standard library: path -> contents."""

    title = "files of Python's standard library"

    def __init__(self, folder: Path | None = None) -> None:
        """`folder`: another place to take ``*.py`` from. ConfigError if there are none."""
        self._folder = folder or Path(sysconfig.get_path("stdlib"))
        self._paths: list[str] = []
        for parent, folders, files in os.walk(self._folder):
            # What was installed later is not part of the library.
            folders[:] = sorted(name for name in folders if name not in ("site-packages", "dist-packages"))
            self._paths += sorted(
                os.path.relpath(path, self._folder)
                for name in files
                if name.endswith(".py") and os.access(path := os.path.join(parent, name), os.R_OK)
            )
        if not self._paths:
            raise ConfigError(f"{self._folder} has no Python sources: try --keys 100000")

    def __len__(self) -> int:
        return len(self._paths)

    def item(self, index: int) -> Item:
        """A file's path within the library, and its contents."""
        path = self._paths[index]
        return os.fsencode(path), (self._folder / path).read_bytes()


class Generated:
    """Keys by number; a value derives from its key, so each is different."""

    title = "generated keys"

    def __init__(self, keys: int) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return self._keys

    def item(self, index: int) -> Item:
        """A key and its value, of 100 bytes."""
        key = b"key:%09d" % index
        return key, hashlib.blake2b(key, digest_size=GENERATED_VALUE_BYTES // 2).hexdigest().encode()


class Lines:
    """The lines of a file, without their ends: "line:<number>" -> line, counted from 1."""

    def __init__(self, path: str) -> None:
        """Reads the file once to find the lines. Raises ConfigError if it can't be, or is empty."""
        self.title = f"lines of {path}"
        self._starts = array("Q", [0])
        try:
            if not os.path.isfile(path):
                raise ConfigError(f"--input: {path} is not a file")  # a pipe can't be read again by the proof
            if not os.path.getsize(path):
                raise ConfigError(f"--input: {path} is empty")
            with open(path, "rb") as file:
                for line in file:
                    self._starts.append(self._starts[-1] + len(line))
                self._data = mmap(file.fileno(), 0, access=ACCESS_READ)
        except OSError as error:
            raise ConfigError(f"--input: {path}: {error.strerror}") from None

    def __len__(self) -> int:
        return len(self._starts) - 1

    def item(self, index: int) -> Item:
        """A line."""
        line = self._data[self._starts[index] : self._starts[index + 1]]
        return b"line:%d" % (index + 1), line.removesuffix(b"\n").removesuffix(b"\r")


def choose(keys: int | None, path: str | None) -> Source:
    """The source that the command line asks for. Raises ConfigError."""
    if path is not None:
        return Lines(path)
    return Generated(keys) if keys is not None else StandardLibrary()
