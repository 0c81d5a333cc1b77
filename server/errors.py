"""Errors that are the client's: they become error replies and change nothing."""


class CommandError(Exception):
    """An error reply; `text` starts with its prefix word ("ERR …", "MOVED …") and is one line."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


SYNTAX = "ERR syntax error"
NOT_INTEGER = "ERR value is not an integer or out of range"
NOT_FLOAT = "ERR value is not a valid float"
