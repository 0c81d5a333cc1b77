"""Errors by who is at fault: the client (they become error replies and change nothing), or the operator."""

from slotrocks.engine import CommandError as CommandError  # what handlers raise


class ConfigError(Exception):
    """The operator's: a bad configuration file, flag or path. One line, shown at start-up without a traceback."""


SYNTAX = "ERR syntax error"
NOT_INTEGER = "ERR value is not an integer or out of range"
NOT_FLOAT = "ERR value is not a valid float"
