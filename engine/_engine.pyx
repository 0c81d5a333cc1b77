# cython: embedsignature=True
"""The compiled half of :mod:`slotrocks.engine`: a table of contents.

One extension module, built from the parts below in this order; a part may use what the parts above it define.
No part knows sockets, event loops or configuration; only calls.pxi reads clocks.
"""

include "slots.pxi"      # CRC16 and hash tags: which slot a key belongs to
include "keys.pxi"       # storage keys: metadata keys, sub-keys, slot ranges
include "metadata.pxi"   # the value of a key's metadata row
include "slot_filter.pxi"  # sets of slots and the rows that belong to them
include "batch.pxi"      # WriteBatch bytes: building, decoding
include "digest.pxi"     # a digest of many rows, kept while they change
include "crc32c.pxi"     # the checksum of log records
include "crc64.pxi"      # the checksum of DUMP
include "lzf.pxi"        # the compression of DUMP
include "wal.pxi"        # one of RocksDB's log files: its records
include "wal_tail.pxi"   # all log files in sequence: tailing, slot filter
include "scan.pxi"       # snapshot iteration in batches
include "row_cache.pxi"  # rows that were read or written lately
include "edges.pxi"      # where the living rows of a collection begin and end
include "stream_entry.pxi"  # the fields of a stream's entry
include "expiry_keys.pxi"  # the index of what expires when
include "merge_scan.pxi"  # the database's rows and the overlay's as one
include "txn.pxi"        # the unit of work: overlay, savepoint, group commit
include "numbers.pxi"    # numbers as Redis reads and prints them
include "resp.pxi"       # RESP2/RESP3 replies into one buffer
include "request.pxi"    # requests: limits, inline commands, hiredis
include "lcs.pxi"        # the longest common subsequence of two strings
include "hyperloglog.pxi"  # registers of HyperLogLog
include "calls.pxi"    # from bytes to a handler and back: what every command goes through
include "connection.pxi"  # a client's bytes in, and its replies out
