"""A process that writes numbered rows to a database as fast as it can: ``wal_writer.py FOLDER ROWS RUNS``.

Row n's value begins with n in ASCII. Rows go to every column family that has slots, in batches of 1..7 rows, some of
them larger than a log block; each run opens the database anew. Buffers are tiny, so that log files change often.
"""

import sys

from rocksdict import WriteBatch

from slotrocks.engine import Store, StoreOptions


def main(folder: str, rows: int, runs: int) -> None:
    n = 0
    for run in range(1, runs + 1):
        store = Store(folder, slot_encoded=True, options=StoreOptions(write_buffer_bytes=64 << 10))
        while n < rows * run // runs:
            write_batch = WriteBatch(raw_mode=True)
            for _ in range(n % 7 + 1):
                size = 50_000 if n % 997 == 0 else n % 300
                key = b"\x0b__namespace" + (n % 16384).to_bytes(2, "big") + b"key:%d" % n
                write_batch.put(key, b"%d:" % n + bytes(size), store.handles[(0, 1, 2, 5)[n % 4]])
                n += 1
            store.db.write(write_batch)
        store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
