"""Logs for operators: one line a message, with time, level and subject (the module that wrote it).

    2026-03-01 14:05:09.123+0100 NOTICE  migration: slot 5 -> node 3f..: snapshot sent, 120000 keys

Levels are those of the option `loglevel`: debug and verbose for developers and for following one client, notice for
what happens to the node, warning for what an operator should look at. A message often quotes what came over the
network: control characters are escaped, so nobody can forge a line. The lines of a traceback are indented.
"""

import logging
import sys
import time
from logging.handlers import WatchedFileHandler

from slotrocks.server.config import Config
from slotrocks.server.errors import ConfigError

# Modules use the standard library: log = logging.getLogger(__name__), and log.info(...) is a notice.
VERBOSE = 15
LEVELS = {"debug": logging.DEBUG, "verbose": VERBOSE, "notice": logging.INFO, "warning": logging.WARNING}

_ROOT = "slotrocks"
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


def set_up(config: Config) -> None:
    """Sends all logs where the configuration says, and follows changes of `loglevel`. Raises ConfigError."""
    root = logging.getLogger(_ROOT)
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    handler = _handler(config.logfile)
    handler.setFormatter(Formatter())
    root.addHandler(handler)
    root.propagate = False
    root.setLevel(LEVELS[config.loglevel])
    config.on_change("loglevel", lambda: root.setLevel(LEVELS[config.loglevel]))


def _handler(path: str) -> logging.Handler:
    if not path:
        return logging.StreamHandler(sys.stderr)
    try:
        # Reopens the file when it was moved away, as logrotate does.
        return WatchedFileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ConfigError(f"logfile: {path}: {error.strerror}") from None


class Formatter(logging.Formatter):
    """See the module."""

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.localtime(record.created)
        stamp = f"{time.strftime('%Y-%m-%d %H:%M:%S', seconds)}.{int(record.msecs):03d}{time.strftime('%z', seconds)}"
        level = next(name for name, least in reversed(LEVELS.items()) if record.levelno >= least or name == "debug")
        subject = record.name.removeprefix(_ROOT + ".").removeprefix("server.")
        line = f"{stamp} {level.upper():7} {subject}: {record.getMessage().translate(_CONTROL)}"
        if record.exc_info:
            line += "".join(
                "\n    " + part.translate(_CONTROL) for part in self.formatException(record.exc_info).splitlines()
            )
        return line
