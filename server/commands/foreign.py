"""The commands of Kvrocks's sorted integers, JSON documents and bloom filters: declared, not implemented.

Keys of these types, in a folder that Kvrocks wrote or in a slot that came from one, are listed, expired, copied,
renamed, deleted and migrated like any other. Their own commands say that they are not supported, rather than that they
are unknown: nothing is wrong with the client or the data.
"""

from __future__ import annotations

from typing import Any

from slotrocks.server.errors import CommandError
from slotrocks.server.session import Session
from slotrocks.server.table import KeySpec, command

KEYS_AT = {"json.mget": (1, -2, 1), "json.mset": (1, -3, 3), "json.debug": (2, 2, 1)}
FIRST_ARGUMENT = (1, 1, 1)
# The commands that came later than the others of their group.
SINCE = {
    "siexists": "1.1.20", "sirangebyvalue": "1.1.31", "sirevrangebyvalue": "1.1.31",
    "json.mget": "2.8.0", "json.mset": "2.9.0", "json.debug": "2.9.0", "json.resp": "2.10.0", "bf.insert": "2.7.0",
}  # fmt: skip

# Group: (what its keys are, since which version of Kvrocks, commands with arity; those that write, those that read).
GROUPS = {
    "sortedint": (
        "sorted integers", "1.0.2",
        "siadd -3, sirem -3",
        "sicard 2, siexists -3, sirange -4, sirevrange -4, sirangebyvalue -4, sirevrangebyvalue -4",
    ),
    "json": (
        "JSON documents", "2.7.0",
        "json.set 4, json.arrappend -4, json.arrinsert -5, json.arrtrim 5, json.clear -2, json.toggle -2, "
        "json.merge 4, json.arrpop -2, json.del -2, json.forget -2, json.numincrby 4, json.nummultby 4, "
        "json.strappend -3, json.mset -4",
        "json.get -2, json.info 2, json.type -2, json.arrlen -2, json.objkeys -2, json.arrindex -4, json.objlen -2, "
        "json.strlen -2, json.mget -3, json.debug -3, json.resp -2",
    ),
    "bloom": (
        "bloom filters", "2.6.0",
        "bf.reserve -4, bf.add 3, bf.madd -3, bf.insert -4",
        "bf.exists 3, bf.mexists -3, bf.info -2, bf.card 2",
    ),
}  # fmt: skip


def declare(name: str, arity: int, flags: str, group: str, since: str, things: str) -> None:
    """Puts a command into the table that answers with an error."""
    text = f"ERR {name.upper()} is not supported: {things} are kept and migrated, but cannot be worked on"

    def refuse(s: Session, argv: list[bytes]) -> Any:
        raise CommandError(text)

    keys: KeySpec = KEYS_AT.get(name, FIRST_ARGUMENT)
    since = SINCE.get(name, since)
    summary = f"Not supported, answers with an error: {things} are kept and migrated only."
    command(name, arity=arity, flags=flags, keys=keys, group=group, since=since, summary=summary)(refuse)


for _group, (_things, _since, _writers, _readers) in GROUPS.items():
    for _flags, _names in (("write", _writers), ("readonly", _readers)):
        for _word in _names.split(", "):
            _name, _arity = _word.split(" ")
            declare(_name, int(_arity), _flags, _group, _since, _things)
