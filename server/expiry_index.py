"""Indexes the expiries of a database that Kvrocks filled, once, in the background.

Kvrocks has no index of expiries: its compactions drop what is dead. Ours goes by the index (expiry.py), so the keys
that were there when a folder was first opened are entered step by step, in the order of their rows. How far that has
come is written in the batch of the step itself: after a crash it goes on there. Keys that are written meanwhile enter
themselves, as ever.
"""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING

from slotrocks.engine import CF_METADATA, CF_PROPAGATE, CorruptionError, decode_metadata, encode_expiry_key
from slotrocks.engine.store import EXPIRY_INDEXED_KEY

if TYPE_CHECKING:
    from slotrocks.server.node import Node

log = logging.getLogger(__name__)

ROWS_PER_STEP_MAX = 1000


def index_some(node: Node) -> bool:
    """Enters the expiries of up to ROWS_PER_STEP_MAX keys. Whether there is more to do."""
    txn = node.txn
    position = txn.get(CF_PROPAGATE, EXPIRY_INDEXED_KEY)
    if position is None:
        return False
    node.refresh_clock()
    txn.begin(node.now_ms)
    begin, end = txn.codec.namespace_range()
    if position:
        begin = position + b"\0"
    rows = list(islice(txn.scan(CF_METADATA, begin, end), ROWS_PER_STEP_MAX))
    for row_key, row in rows:
        try:
            expire_ms = decode_metadata(row).expire_ms
        except CorruptionError as error:
            log.error("the expiry of %r cannot be read: %s", txn.codec.user_key(row_key), error)
            continue
        if expire_ms:
            txn.put(CF_PROPAGATE, encode_expiry_key(expire_ms, row_key), b"")
    more = len(rows) == ROWS_PER_STEP_MAX
    if more:
        txn.put(CF_PROPAGATE, EXPIRY_INDEXED_KEY, rows[-1][0])
    else:
        txn.delete(CF_PROPAGATE, EXPIRY_INDEXED_KEY)
        log.info("the expiries of the keys that Kvrocks wrote are indexed")
    node.tick.end()
    return more
