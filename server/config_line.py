r"""The grammar of a configuration line: that of redis.conf (`sdssplitargs` and `sdscatrepr` of Redis).

    line   = blanks { word blanks }
    word   = { byte but blank or quote } [ '"' { byte | escape } '"' | "'" { byte | "\'" } "'" ]
    escape = "\x" hex hex | "\n" | "\r" | "\t" | "\b" | "\a" | "\" byte, which stands for the byte

A closing quote ends its word, so a blank or the end of the line must follow it.
"""

import re

_WORD = re.compile(
    rb"""([^ \n\r\t"']*)(?:"((?:[^"\\]|\\.)*)"(?=\s|\Z)|'((?:[^'\\]|\\'|\\(?!'))*)'(?=\s|\Z))?""", re.DOTALL
)
_BLANKS = re.compile(rb"\s*")
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=*-]+", re.ASCII)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}
_ESCAPES = {0x22: '\\"', 0x5C: "\\\\", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x08: "\\b", 0x07: "\\a"}


def split_line(line: bytes) -> list[str]:
    """The words of a line. Bytes that are not UTF-8 become surrogates. Raises ValueError when quotes do not pair."""
    words: list[str] = []
    position = _end_of(_BLANKS, line, 0)
    while position < len(line):
        match = _WORD.match(line, position)
        assert match is not None  # the pattern matches the empty string, too
        end = match.end()
        if end < len(line) and not line[end : end + 1].isspace():
            raise ValueError("unbalanced quotes")
        plain, double, single = match.groups(default=b"")
        word = plain + _ESCAPE.sub(_unescape, double) + single.replace(b"\\'", b"'")
        words.append(word.decode("utf-8", "surrogateescape"))
        position = _end_of(_BLANKS, line, end)
    return words


def quote_word(word: str) -> str:
    """The word as it must stand in a line: in double quotes if need be, in printable ASCII always."""
    if _PLAIN.fullmatch(word):
        return word
    data = word.encode("utf-8", "surrogateescape")
    return '"' + "".join(_ESCAPES.get(b) or (chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}") for b in data) + '"'


def _unescape(match: re.Match[bytes]) -> bytes:
    code, letter = match.groups()
    return bytes.fromhex(code.decode()) if code is not None else _LETTERS.get(letter, letter)


def _end_of(pattern: re.Pattern[bytes], line: bytes, position: int) -> int:
    match = pattern.match(line, position)
    return match.end() if match else position
