"""The frame of a DUMP: the value, and a footer that says by which version it was written and that nothing was changed.

payload = u8 type, value, u16le version, u64le crc64 of everything before
"""

from __future__ import annotations

from slotrocks.engine._engine import crc64

VERSION_BYTES, CHECKSUM_BYTES = 2, 8
FOOTER_BYTES = VERSION_BYTES + CHECKSUM_BYTES
# Up to 11 is Redis 7.2. Redis 7.4 and 8 (12) and Valkey 9 (80) have not changed what was there, they have added types.
VERSION_MAX = 12
VERSION_VALKEY = 80


class FooterError(Exception):
    """A payload whose checksum is wrong, or whose version is not known."""


def seal(parts: list[bytes], version: int) -> bytes:
    """The payload of a type and value, given in parts."""
    body = b"".join((*parts, version.to_bytes(VERSION_BYTES, "little")))
    return body + crc64(body, len(body)).to_bytes(CHECKSUM_BYTES, "little")


def check_footer(payload: bytes) -> int:
    """Where the footer begins. Raises FooterError."""
    end = len(payload) - FOOTER_BYTES
    if end < 0:
        raise FooterError("too short")
    checksum_at = end + VERSION_BYTES
    version = int.from_bytes(payload[end:checksum_at], "little")
    if version > VERSION_MAX and version != VERSION_VALKEY:
        raise FooterError(f"RDB version {version} is not known")
    if crc64(payload, checksum_at) != int.from_bytes(payload[checksum_at:], "little"):
        raise FooterError("wrong checksum")
    return end
