"""The line that MONITOR shows for a command."""

from slotrocks.engine import Simple

_ESCAPES = {0x5C: b"\\\\", 0x22: b'\\"', 0x0A: b"\\n", 0x0D: b"\\r", 0x09: b"\\t", 0x07: b"\\a", 0x08: b"\\b"}
_QUOTED = [_ESCAPES.get(c) or (bytes([c]) if 0x20 <= c < 0x7F else b"\\x%02x" % c) for c in range(256)]


def monitor_line(time: float, peer: str, argv: list[bytes]) -> Simple:
    """`1700000000.123456 [0 127.0.0.1:5555] "get" "key"`, quoted as Redis does (sdscatrepr). `time` is Unix time."""
    words = b" ".join(b'"%b"' % b"".join(map(_QUOTED.__getitem__, word)) for word in argv)
    return Simple(b"%.6f [0 %b] %b" % (time, peer.encode(), words))
