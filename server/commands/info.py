"""INFO (see server/info_text.py)."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import Verbatim
from slotrocks.server.info_text import info_text
from slotrocks.server.session import Session
from slotrocks.server.table import command


@command("info", arity=-1, flags="loading stale", group="server", since="1.0.0",
         summary="Returns information and statistics about the server.",
         differs="Sections and fields are those of Kvrocks that apply, and those that clients of Redis "
         "read. keys and expires are estimates; used_memory is the whole process. latencystats and "
         "modules are not there.")  # fmt: skip
def info(s: Session, argv: list[bytes]) -> Any:
    return Verbatim("txt", info_text(s.node, [word.decode("latin-1").lower() for word in argv[1:]]))
