"""Replacing a file so that a crash at any moment leaves either the old one or the new one, whole.

The steps, each needed: write a new file in the same folder, fsync it (else the rename may reach the disk before the
contents), rename it over the old one, fsync the folder (else the rename itself may be lost).
"""

import contextlib
import os
import stat
import tempfile


def replace_file(path: str, contents: bytes) -> None:
    """Makes `contents` the file at `path`, durably. Raises OSError, and then the old file is untouched.

    A symbolic link stays one: what it points to is replaced. The file mode stays; new files are private (0600).
    """
    path = os.path.realpath(path)
    folder = os.path.dirname(path)
    fd, temporary = tempfile.mkstemp(prefix=os.path.basename(path) + ".", suffix=".tmp", dir=folder)
    try:
        with os.fdopen(fd, "wb") as file:
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(fd, stat.S_IMODE(os.stat(path).st_mode))
            file.write(contents)
            file.flush()
            os.fsync(fd)
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder_fd)
    finally:
        os.close(folder_fd)
