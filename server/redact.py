"""What of a call may be shown to others: passwords are kept out of SLOWLOG, MONITOR and logs."""

from slotrocks.server.config import is_secret

REDACTED = b"(redacted)"


def redacted(name: str, argv: list[bytes]) -> list[bytes]:
    """The call `argv` of the command `name`, with "(redacted)" in place of what is secret."""
    if name == "auth":
        return [argv[0]] + [REDACTED] * (len(argv) - 1)
    if name == "hello":
        return _hide_after(argv, b"auth", 2)
    if name == "migrate":
        return _hide_after(_hide_after(argv, b"auth", 1), b"auth2", 2)
    if name == "config|set":
        return [REDACTED if i > 2 and i % 2 and is_secret(argv[i - 1]) else word for i, word in enumerate(argv)]
    return argv


def _hide_after(argv: list[bytes], option: bytes, count: int) -> list[bytes]:
    shown = list(argv)
    for i, word in enumerate(argv):
        if word.lower() == option:
            for j in range(i + 1, min(i + 1 + count, len(argv))):
                shown[j] = REDACTED
    return shown
