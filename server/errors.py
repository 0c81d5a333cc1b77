"""Errors by who is at fault: the client (they become error replies and change nothing), or the operator."""


class CommandError(Exception):
    """An error reply; `text` starts with its prefix word ("ERR …", "MOVED …") and is one line."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class ConfigError(Exception):
    """The operator's: a bad configuration file, flag or path. One line, shown at start-up without a traceback."""


SYNTAX = "ERR syntax error"
NOT_INTEGER = "ERR value is not an integer or out of range"
NOT_FLOAT = "ERR value is not a valid float"
