"""The unit of work between commands and RocksDB.

Commands read and write through one Transaction. What they write stays in an *overlay* (a dict for each column family)
that later reads and scans see in front of the database; `commit()` turns the overlay into one WriteBatch: one WAL
record for all commands that the event loop ran in one tick (group commit). `begin()` sets the savepoint of a command
and `rollback()` returns to it, so that a command which fails leaves nothing of itself.

Range deletions are kept apart and written first: deleting a range also forgets the overlay's rows inside it, so
whatever is left in the overlay is newer. This keeps the batch right without recording the order of every write.
"""

# A collection of up to this many rows is deleted row by row; a larger one by a range deletion, which costs later reads.
SUBKEYS_DELETED_ONE_BY_ONE_MAX = 64

cdef enum:
    F_METADATA = 1                      # CF_METADATA and CF_ZSET_SCORE, for the compiler
    F_ZSET_SCORE = 2

cdef object MISSING = object()


class WrongTypeError(Exception):
    """A command met a key of another type than it works on."""


cdef class Transaction:
    """Reads and writes of the commands of one tick. Not thread-safe: it belongs to the event loop."""

    cdef readonly object store          # the Store it commits to
    cdef readonly KeyCodec codec
    cdef public uint64_t now_ms         # the clock of the current command, Unix time
    cdef readonly list touched          # user keys changed since begin(): for WATCH, blocked clients, notifications
    cdef readonly uint64_t last_version  # the newest collection version handed out
    cdef list overlays                  # for each column family: {storage key: value, or None for a deletion}
    cdef list ranges                    # pending range deletions: (cf, begin, end)
    cdef list undo                      # since begin(), in threes: cf, storage key, what the overlay held or MISSING
    cdef Py_ssize_t ranges_at_begin
    cdef RowCache cache                 # rows of column family metadata, as the database holds them
    cdef Edges edges                    # of column family zset_score: sorted sets serve as queues
    cdef list gets                      # for each column family: the database's get()

    def __init__(self, store):
        self.store = store
        self.codec = store.codec
        self.touched = []
        self.overlays = [{} for _ in COLUMN_FAMILIES]
        self.ranges = []
        self.undo = []
        self.cache = RowCache(store.options.row_cache_bytes)
        self.edges = Edges(self.codec)
        self.gets = [family.get for family in store.families]

    # -- the command's frame

    cpdef int begin(self, uint64_t now_ms) except -1:
        """Starts a command: sets its clock and its savepoint."""
        self.now_ms = now_ms
        if self.undo:
            self.undo.clear()
        if self.touched:
            self.touched.clear()
        self.ranges_at_begin = len(self.ranges)
        return 0

    def rollback(self) -> None:
        """Undoes everything since begin()."""
        cdef Py_ssize_t i
        for i in range(len(self.undo) - 3, -1, -3):
            cf, storage_key, before = self.undo[i], self.undo[i + 1], self.undo[i + 2]
            if before is MISSING:
                del self.overlays[cf][storage_key]
            else:
                self.overlays[cf][storage_key] = before
        del self.ranges[self.ranges_at_begin:]
        self.undo.clear()
        self.touched.clear()

    @property
    def dirty(self) -> bool:
        """Whether there is anything to commit."""
        return self.is_dirty()

    cdef bint is_dirty(self) except -1:
        cdef dict overlay
        for overlay in self.overlays:
            if overlay:
                return True
        return bool(self.ranges)

    @property
    def pending_rows(self) -> int:
        """How many rows the overlay holds."""
        return sum([len(overlay) for overlay in self.overlays])

    def commit(self) -> bool:
        """Writes everything pending as one batch. Whether there was anything. Raises what RocksDB raises; the overlay
        is then dropped, since none of it was written."""
        cdef dict overlay
        cdef bytes storage_key
        cdef int cf
        if not self.is_dirty():
            return False
        batch = self.store.new_batch()
        put, delete = batch.put, batch.delete
        try:
            for cf, begin, end in self.ranges:
                batch.delete_range(begin, end, self.store.handles[cf])
            for cf in range(len(self.overlays)):
                overlay = self.overlays[cf]
                if overlay:
                    handle = self.store.handles[cf]
                    # In key order, for the memtable begins to search where it inserted last.
                    for storage_key in sorted(overlay):
                        value = overlay[storage_key]
                        if value is None:
                            delete(storage_key, handle)
                        else:
                            put(storage_key, value, handle)
            self.store.write(batch)
            self.update_cache()
        except BaseException:
            self.forget_cached()
            raise
        finally:
            for overlay in self.overlays:
                overlay.clear()
            self.ranges.clear()
            self.undo.clear()
            self.ranges_at_begin = 0
        return True

    cdef int update_cache(self) except -1:
        """The overlay is in the database now: so is it in the cache."""
        cdef bytes storage_key
        self.edges.on_commit(<dict>self.overlays[F_ZSET_SCORE])
        for cf, _, _ in self.ranges:
            if cf == CF_METADATA:
                self.cache.clear()
        for storage_key, value in (<dict>self.overlays[CF_METADATA]).items():
            self.cache.keep(storage_key, ABSENT if value is None else value)
        return 0

    def forget_cached(self) -> None:
        """The database was written to by another way: what was read before may not be true any more."""
        self.cache.clear()
        self.edges.clear()

    # -- rows

    cpdef object get(self, int cf, bytes storage_key):
        """The value of a row, or None."""
        value = (<dict>self.overlays[cf]).get(storage_key, MISSING)
        if value is not MISSING:
            return value
        if self.ranges and self.in_deleted_range(cf, storage_key):
            return None
        if cf != F_METADATA:
            return self.gets[cf](storage_key)
        value = self.cache.find(storage_key)
        if value is None:
            value = self.gets[F_METADATA](storage_key)
            self.cache.keep(storage_key, ABSENT if value is None else value)
        elif value is ABSENT:
            return None
        return value

    def get_many(self, int cf, list storage_keys) -> list:
        """The values of several rows (None where absent) with one call into RocksDB, which then runs without the
        GIL."""
        cdef dict overlay = self.overlays[cf]
        if overlay or self.ranges:
            return [self.get(cf, storage_key) for storage_key in storage_keys]
        if cf != F_METADATA:
            return self.gets[cf](storage_keys)
        values = [self.cache.find(storage_key) for storage_key in storage_keys]
        missing = [i for i, value in enumerate(values) if value is None]
        if missing:
            for i, value in zip(missing, self.gets[F_METADATA]([storage_keys[i] for i in missing])):
                values[i] = ABSENT if value is None else value
                self.cache.keep(storage_keys[i], values[i])
        return [None if value is ABSENT else value for value in values]

    cdef inline int note(self, int cf, bytes storage_key, before) except -1:
        self.undo.append(cf)
        self.undo.append(storage_key)
        self.undo.append(before)
        return 0

    cpdef int put(self, int cf, bytes storage_key, bytes value) except -1:
        """Sets a row."""
        cdef dict overlay = self.overlays[cf]
        self.note(cf, storage_key, overlay.get(storage_key, MISSING))
        overlay[storage_key] = value
        return 0

    cpdef int delete(self, int cf, bytes storage_key) except -1:
        """Deletes a row."""
        cdef dict overlay = self.overlays[cf]
        self.note(cf, storage_key, overlay.get(storage_key, MISSING))
        overlay[storage_key] = None
        return 0

    def delete_range(self, int cf, bytes begin not None, bytes end not None) -> None:
        """Deletes the rows from `begin` to before `end`."""
        cdef dict overlay = self.overlays[cf]
        cdef bytes storage_key
        for storage_key in [k for k in overlay if begin <= k < end]:
            self.note(cf, storage_key, overlay[storage_key])
            # Still a deletion rather than nothing: an earlier range deletion of this tick may not cover it.
            overlay[storage_key] = None
        self.ranges.append((cf, begin, end))

    cdef bint in_deleted_range(self, int cf, bytes storage_key) except -1:
        for range_cf, begin, end in self.ranges:
            if range_cf == cf and begin <= storage_key < end:
                return True
        return False

    def scan(self, int cf, bytes begin not None, bytes end not None, bint reverse=False):
        """Iterates over (storage key, value) from `begin` to before `end` in key order (from the end when `reverse`),
        the overlay merged in. It shows the rows as they are now, whatever is written or committed while it goes on."""
        cdef dict overlay = self.overlays[cf]
        if cf == F_ZSET_SCORE:
            rows = self.edges.scan(self.store, cf, begin, end, reverse)
        else:
            rows = self.store.scan(cf, begin, end, reverse)
        if not overlay and not self.ranges:
            return rows
        pending = sorted([item for item in overlay.items() if begin <= item[0] < end], reverse=reverse)
        deleted = [(first, last) for range_cf, first, last in self.ranges if range_cf == cf]
        return merge_scan(rows, pending, deleted, reverse)

    # -- keys: metadata and what hangs on it

    cpdef Metadata lookup_any(self, bytes key):
        """The key's metadata even when it is dead, or None. For writers, who have to clear away what is dead."""
        row = self.get(CF_METADATA, self.codec.metadata_key(key))
        return None if row is None else metadata_of(row, key)

    cpdef Metadata lookup(self, bytes key):
        """The key's metadata, or None if readers must not see the key."""
        cdef Metadata m = self.lookup_any(key)
        return m if m is not None and m.alive(self.now_ms) else None

    cpdef bytes string(self, bytes key):
        """The bytes of a string, or None. Raises WrongTypeError."""
        cdef bytes row_key = self.codec.metadata_key(key)
        cdef bytes row = None
        cdef CachedRow* cached = NULL
        cdef const uint8_t* p
        cdef Py_ssize_t head, size
        cdef uint64_t expire_ms
        if not self.overlays[F_METADATA] and not self.ranges:
            cached = self.cache.peek(row_key)
        if cached != NULL:
            if cached.size == ROW_ABSENT:
                return None
            p, size = entry_row(cached), cached.size
        else:
            row = self.get(F_METADATA, row_key)
            if row is None:
                return None
            p, size = <const uint8_t*>PyBytes_AS_STRING(row), PyBytes_GET_SIZE(row)
        head = metadata_head(p, size)
        expire_ms = metadata_expire(p)
        if expire_ms != 0 and expire_ms < self.now_ms:
            return None
        if p[0] & 0x0F != T_STRING:
            if not metadata_of(self.get(F_METADATA, row_key), key).alive(self.now_ms):
                return None
            raise WrongTypeError
        return PyBytes_FromStringAndSize(<const char*>p + head, size - head)

    cpdef int set_string(self, bytes key, bytes value, uint64_t expire_ms=0, bint keep_expiry=False) except -1:
        """Makes the key a string, whatever it was. `expire_ms` is absolute, 0 for none; a time that is not in the
        future leaves no key at all. `keep_expiry`: a living key keeps its own."""
        cdef bytes row_key = self.codec.metadata_key(key)
        cdef bytes old = self.get(F_METADATA, row_key)
        cdef Metadata before = None
        cdef const uint8_t* p
        cdef uint64_t old_expire_ms = 0
        cdef Py_ssize_t size = PyBytes_GET_SIZE(value)
        cdef bytes row
        cdef uint8_t* row_bytes
        if old is not None:
            p = <const uint8_t*>PyBytes_AS_STRING(old)
            metadata_head(p, PyBytes_GET_SIZE(old))
            old_expire_ms = metadata_expire(p)
            if old_expire_ms != 0 or p[0] & 0x0F != T_STRING:
                before = metadata_of(old, key)
                if keep_expiry and before.alive(self.now_ms):
                    expire_ms = old_expire_ms
        if expire_ms != 0 and expire_ms <= self.now_ms:
            if old is not None:
                self.remove(before if before is not None else metadata_of(old, key))
            return 0
        if before is not None and before.has_subkeys:
            self.delete_subkeys(key, before)
        if old_expire_ms != expire_ms:
            if old_expire_ms != 0:
                self.delete(CF_PROPAGATE, expiry_key(old_expire_ms, row_key))
            if expire_ms != 0:
                self.put(CF_PROPAGATE, expiry_key(expire_ms, row_key), b"")
        row = PyBytes_FromStringAndSize(NULL, 9 + size)
        row_bytes = <uint8_t*>PyBytes_AS_STRING(row)
        row_bytes[0] = WIDE | T_STRING
        put_u64(row_bytes + 1, expire_ms)
        memcpy(row_bytes + 9, PyBytes_AS_STRING(value), size)
        self.put(F_METADATA, row_key, row)
        self.touched.append(key)
        return 0

    cpdef int store_metadata(self, bytes key, Metadata new, Metadata old) except -1:
        """Writes the key's metadata. `old` is what lookup_any() gave (None when there was nothing); what hung on it and
        does not belong to the new value (sub-keys of another version, expiry) is removed in the same batch."""
        cdef bytes row_key = self.codec.metadata_key(key)
        if old is not None:
            if old.has_subkeys and old.version != new.version:
                self.delete_subkeys(key, old)
            if old.expire_ms != 0 and old.expire_ms != new.expire_ms:
                self.delete(CF_PROPAGATE, expiry_key(old.expire_ms, row_key))
        if new.expire_ms != 0 and (old is None or old.expire_ms != new.expire_ms):
            self.put(CF_PROPAGATE, expiry_key(new.expire_ms, row_key), b"")
        self.put(CF_METADATA, row_key, new.encode())
        self.touched.append(key)
        return 0

    cpdef int remove(self, Metadata old) except -1:
        """Deletes a key: its metadata, every row that hangs on it, its place in the expiry index."""
        cdef bytes row_key = self.codec.metadata_key(old.key)
        if old.has_subkeys:
            self.delete_subkeys(old.key, old)
        if old.expire_ms != 0:
            self.delete(CF_PROPAGATE, expiry_key(old.expire_ms, row_key))
        self.delete(CF_METADATA, row_key)
        self.touched.append(old.key)
        return 0

    cpdef int touch(self, bytes key) except -1:
        """Notes that a key changed although its metadata did not."""
        self.touched.append(key)
        return 0

    cdef int delete_subkeys(self, bytes key, Metadata old) except -1:
        begin, end = self.codec.subkey_range(key, old.version)
        if old.type == T_STREAM:
            self.delete_rows(CF_STREAM, begin, end)
            return 0
        self.delete_rows(CF_DEFAULT, begin, end)
        if old.type == TYPE_ZSET:
            self.delete_rows(CF_ZSET_SCORE, begin, end)
        return 0

    cdef int delete_rows(self, int cf, bytes begin, bytes end) except -1:
        cdef list few = []
        for storage_key, _ in self.scan(cf, begin, end):
            few.append(storage_key)
            if len(few) > SUBKEYS_DELETED_ONE_BY_ONE_MAX:
                self.delete_range(cf, begin, end)
                return 0
        for storage_key in few:
            self.delete(cf, storage_key)
        return 0

    cpdef uint64_t new_version(self):
        """A version for a new collection: Unix time in µs << 11 as Kvrocks makes them, and never the same twice."""
        self.last_version = max(self.last_version + 1, (self.now_ms * 1000) << 11)
        return self.last_version
