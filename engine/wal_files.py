"""Which log files (``NNNNNN.log``) a database has, and how a reader keeps those that it still needs.

RocksDB writes its newest log in the database folder, moves a retired one to ``archive/`` (a rename) and deletes it
there by ``wal_ttl_seconds`` and ``wal_size_limit_mb``, all at moments that a reader in another process can't know.
So each file is pinned with a hard link in a folder of the reader's own, and read through that link: the link
follows the file wherever it goes, appended bytes included, and outlives its deletion.

A file may be renamed between listing and linking: then it is in the other folder. The database folder is listed before
``archive/``, so a file that moves meanwhile is seen at least once. What is gone altogether is not reported here: the
reader finds the hole in the sequence numbers.
"""

import contextlib
import errno
import os
import re

LOG_NAME = re.compile(r"(\d+)\.log")


class WALError(Exception):
    """The write-ahead log is damaged, incomplete, or written in a way that this reader does not support."""


class WALFiles:
    """The log files of the database in `db_path`, pinned in `pin_dir` (same file system, used by this reader only).

    Pins that a killed predecessor left in `pin_dir` are removed, or taken over (`adopt`): RocksDB never uses a number
    again.
    """

    def __init__(self, db_path: str, pin_dir: str, *, adopt: bool = False) -> None:
        self._folders = (db_path, os.path.join(db_path, "archive"))
        self._pin_dir = pin_dir
        self._names: dict[int, str] = {}
        self._oldest = 0
        self._stamps: list[int] = []
        os.makedirs(pin_dir, exist_ok=True)
        for name in os.listdir(pin_dir):
            match = LOG_NAME.fullmatch(name)
            if match and adopt:
                self._names[int(match[1])] = name
            elif match:
                os.unlink(os.path.join(pin_dir, name))

    @property
    def numbers(self) -> list[int]:
        """The numbers of the pinned files, ascending. Numbers grow with time; they need not be consecutive."""
        return sorted(self._names)

    def path(self, number: int) -> str:
        """Where to read pinned file `number`."""
        return os.path.join(self._pin_dir, self._names[number])

    def refresh(self, only_if_changed: bool = False) -> None:
        """Pins the files that are new since the last call.

        `only_if_changed` trusts the folders' modification times, which have the file system's resolution: good for
        pinning early, not good enough to conclude that there is no newer file.
        Raises WALError when pinning is impossible.
        """
        stamps = [_modified_ns(folder) for folder in self._folders]
        if only_if_changed and stamps == self._stamps:
            return
        self._stamps = stamps
        found: dict[int, str] = {}
        for folder in self._folders:
            for name in _names_in(folder):
                if match := LOG_NAME.fullmatch(name):
                    found[int(match[1])] = name
        for number in sorted(found):
            if number >= self._oldest and number not in self._names and self._pin(found[number]):
                self._names[number] = found[number]

    def release_before(self, number: int) -> None:
        """Unpins the files older than `number`, and never pins them again."""
        self._oldest = max(self._oldest, number)
        for old in [n for n in self._names if n < self._oldest]:
            os.unlink(os.path.join(self._pin_dir, self._names.pop(old)))

    def close(self) -> None:
        """Unpins everything and removes the folder of pins when nothing else is in it. May be called again."""
        for name in self._names.values():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self._pin_dir, name))
        self._names.clear()
        try:
            os.rmdir(self._pin_dir)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise

    def _pin(self, name: str) -> bool:
        """Links the file from wherever it is now; False when it is gone."""
        target = os.path.join(self._pin_dir, name)
        for folder in self._folders * 2:  # it moves at most once, from the first folder to the second
            try:
                os.link(os.path.join(folder, name), target)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise WALError(f"cannot pin log file {name} in {self._pin_dir}: {error.strerror}") from error
            return True
        return False


def _modified_ns(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except FileNotFoundError:
        return 0


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []  # no archive/ before the first file is retired
