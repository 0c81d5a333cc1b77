"""A process that digests slots of a node's database, for CLUSTERX VERIFY: it reads everything, at no cost to the node.

Its arguments are the folder of the database, one for itself, the key (hexadecimal), and the slots. It prints a line:

    {"rows": n, "total": hexadecimal} | {"error": text}
"""

from __future__ import annotations

import json
import os
import sys

from slotrocks.engine import BatchBuilder, KeyCodec, RowDigest, Snapshot, StoreError, fill_batch
from slotrocks.server.cluster.ranges import parse_ranges
from slotrocks.server.migration.payload import FAMILIES_IN_ORDER
from slotrocks.server.migration.sender_process import NICENESS

BATCH_BYTES = 256 << 10


def digest_of(snapshot: Snapshot, key: bytes, slots: str) -> RowDigest:
    """The digest of all rows of the slots."""
    digest, builder, codec = RowDigest(key), BatchBuilder(), KeyCodec(True)
    for first, last in parse_ranges(slots).ranges:
        for cf in FAMILIES_IN_ORDER:
            rows = snapshot.rows_between(cf, *codec.slot_range(first, last))
            while fill_batch(rows, cf, builder, BATCH_BYTES):
                digest.add_rows(builder.take())
    return digest


def main() -> None:
    """The process's main function."""
    os.nice(NICENESS)
    database, directory, key, slots = sys.argv[1:]
    try:
        digest = digest_of(Snapshot(database, directory), bytes.fromhex(key), slots)
    except (StoreError, OSError) as error:
        print(json.dumps({"error": str(error)}))
        sys.exit(1)
    print(json.dumps({"rows": digest.rows, "total": digest.total.hex()}))


if __name__ == "__main__":
    main()
