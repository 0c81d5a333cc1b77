"""One client as CLIENT LIST shows it: every field of Redis 7.2, in its order.

Sizes are bytes. `multi` is how many calls are queued, -1 outside MULTI. Replies wait in one buffer (`obl`, and what the
socket has not taken: `omem`), never in a list, so `oll` is 0.
"""

from slotrocks.server.session import Session


def client_line(s: Session, now_ms: int) -> str:
    """The line, without its end."""
    link = s.link
    age, idle = int(now_ms / 1000 - s.created), max(0, now_ms - s.last_active_ms) // 1000
    argv_bytes = sum(map(len, s.argv)) if s.suspended else 0
    multi_bytes = sum(len(word) for _, argv in s.queue or () for word in argv)
    written = int(s.writer.size)
    unsent = link.output_bytes - written
    total = link.query_bytes + argv_bytes + multi_bytes + link.output_bytes
    name = s.name.decode()
    return (
        f"id={s.id} addr={link.peer_name} laddr={link.local_name} fd={link.descriptor} name={name}"
        f" age={age} idle={idle} flags={flags(s)} db=0 sub=0 psub=0 ssub=0"
        f" multi={-1 if s.queue is None else len(s.queue)} qbuf={link.query_bytes} qbuf-free=0 argv-mem={argv_bytes}"
        f" multi-mem={multi_bytes} rbs={written} rbp={written} obl={written} oll=0 omem={unsent} tot-mem={total}"
        f" events={'rw' if unsent else 'r'} cmd={s.last_command} user={s.user} redir=-1 resp={s.protocol}"
        f" lib-name={s.info.get('lib-name', '')} lib-ver={s.info.get('lib-ver', '')}"
    )


def flags(s: Session) -> str:
    """A letter for each thing that is special about a client, N for none."""
    letters = [
        ("O", s in s.node.monitors),
        ("x", s.queue is not None),
        ("b", s.blocked),
        ("d", s.dirty_watch),
        ("c", s.link.closing),
        ("r", s.readonly),
        ("e", s.no_evict),
        ("T", s.no_touch),
    ]
    return "".join(letter for letter, is_set in letters if is_set) or "N"
