"""Replacing a file so that a crash at any moment leaves either the old one or the new one, whole.

The steps, each needed: write a new file in the same folder, fsync it (else the rename may reach the disk before the
contents), rename it over the old one, fsync the folder (else the rename itself may be lost).
"""

import contextlib
import os
import stat
from pathlib import Path
from typing import Protocol


class OsCalls(Protocol):
    """What this needs of the operating system, as module `os` has it; tests pass one that fails."""

    def open(self, path: str | Path, flags: int, mode: int = 0o777, /) -> int: ...
    def fchmod(self, file: int, mode: int, /) -> None: ...
    def write(self, file: int, data: memoryview, /) -> int: ...
    def fsync(self, file: int, /) -> None: ...
    def close(self, file: int, /) -> None: ...
    def replace(self, source: str | Path, target: str | Path, /) -> None: ...
    def unlink(self, path: str | Path, /) -> None: ...


def replace_file(path: str | Path, contents: bytes, *, mode: int = 0o600, calls: OsCalls = os) -> None:
    """Makes `contents` the file at `path`, durably. On OSError the file may be the old or the new one, but is whole.

    A symbolic link stays one: what it points to is replaced. The file mode stays; a new file has `mode`.
    """
    path = os.path.realpath(path)
    beside = f"{path}.tmp"
    file = calls.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        try:
            with contextlib.suppress(FileNotFoundError):
                calls.fchmod(file, stat.S_IMODE(os.stat(path).st_mode))
            data = memoryview(contents)
            while data:
                data = data[calls.write(file, data) :]
            calls.fsync(file)
        finally:
            calls.close(file)
        calls.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            calls.unlink(beside)
        raise
    _sync_folder(os.path.dirname(path), calls)


def remove_file(path: str | Path, calls: OsCalls = os) -> None:
    """Removes the file, durably; none there is fine."""
    try:
        calls.unlink(path)
    except FileNotFoundError:
        return
    _sync_folder(os.path.dirname(path), calls)


def _sync_folder(folder: str, calls: OsCalls) -> None:
    handle = calls.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        calls.fsync(handle)
    finally:
        calls.close(handle)
