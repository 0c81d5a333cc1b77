"""The writes of a database after a sequence number, from all its log files, while another process goes on writing.

A batch takes `count` sequence numbers from `sequence` on, and the next batch in the logs begins where it ends: across
files, too. This is enforced: whatever is missing (a deleted file, damage, writes with the WAL disabled) ends in
WALError, never in a shorter result. An ingestion of SST files, too, may take a sequence number without a log record; it
does not with the options ``snapshot_consistency`` and ``allow_global_seqno`` off (tried with RocksDB 9.8), so that
is how a node must ingest. A gap that ends before the starting point is none of ours.

RocksDB finishes a log file before it writes a batch to the next one, but may create the next one earlier. So a file is
complete when a newer one holds a batch; what it lacked when it was last read is there then. Files without a batch are
passed over: restarts and flushes leave them.

A batch that straddles the starting point (a group of commits is one batch) delivers only its later records.

Which rows belong to a slot: those of default, metadata, zset_score and stream whose key starts with namespace and slot.
Rows of pubsub, propagate and search, and rows outside the namespace, belong to none. A range delete is cut to the
slots. A single delete is passed on as a delete. Log data belongs to no slot and is dropped.
"""

cdef enum:
    SLOT_FAMILIES = (1 << 0) | (1 << 1) | (1 << 2) | (1 << 5)    # the column families with rows of slots, as bits

WAL_SCAN_BYTES_MAX = 8 << 20         # of the log in one call, so that a reader of few slots returns now and then
WAL_BATCH_BYTES_MAX = 64 << 20       # of one delivered batch: a larger one of the source is cut


cdef class WALTail:
    """Delivers every write after sequence number `since` exactly once, in order, and pins the files still needed."""

    cdef readonly uint64_t since         # where the delivery started: the last sequence number not delivered
    cdef readonly uint64_t position      # everything up to this sequence number has been delivered
    cdef readonly bint at_end            # the last read ended because there was nothing more
    cdef object files                    # WALFiles; None when closed
    cdef bint reading                    # a read is under way; for good, when it failed
    cdef LogReader reader                # of the present file; None before there is a batch anywhere
    cdef bint superseded                 # a newer file holds a batch, so the present one is complete
    cdef bint continuous                 # a batch was read, so `expected` is known
    cdef uint64_t expected               # sequence number that the next batch must have
    cdef uint64_t bytes_read_before      # from files that are closed
    cdef const uint8_t* batch            # the present batch, in the reader's memory
    cdef Py_ssize_t batch_size
    cdef BatchBuilder builder
    cdef bint keep                       # files that have been read stay pinned until release()

    def __init__(self, str db_path not None, str pin_dir not None, uint64_t since, *, bint keep=False):
        """`keep`: for a reader whose successor may have to read again. It takes over the pins of its predecessor, and
        unpins nothing by itself."""
        self.since = since
        self.keep = keep
        self.position = since
        self.builder = BatchBuilder()
        self.files = WALFiles(db_path, pin_dir, adopt=keep)
        try:
            self.start()
        except BaseException:
            if not keep:
                self.close()
            raise

    @property
    def bytes_read(self) -> int:
        """Bytes read from the log files so far."""
        return self.bytes_read_before + (self.reader.bytes_read if self.reader is not None else 0)

    def close(self) -> None:
        """Closes the file and removes all pins. May be called again."""
        if self.reader is not None:
            self.reader.close()
        if self.files is not None:
            self.files.close()
            self.files = None

    def pin(self) -> None:
        """Pins the files that are new. Reading does it, too: this is for long pauses between reads."""
        self.opened().refresh(True)

    def release(self) -> None:
        """Unpins the files that have been read to their end: no successor will ask for what is in them."""
        if self.reader is not None:
            self.opened().release_before(self.reader.log_number)

    def read_batches(
        self, SlotFilter slots not None, Py_ssize_t bytes_max, *, Py_ssize_t batch_bytes_max=WAL_BATCH_BYTES_MAX
    ) -> list[bytes]:
        """The next rows of `slots` as encoded write batches: list[bytes], empty when there are none.

        Ends at `bytes_max` bytes of rows, WAL_SCAN_BYTES_MAX bytes of log, or the end of what is written (`at_end`);
        `position` tells up to where. Whole batches of the source are put together in one batch; only one with more than
        `batch_bytes_max` bytes of rows is cut (then the list has more than one element).
        Raises WALError or OSError; then the tail is of no more use.
        """
        cdef BatchCursor cursor
        cdef BatchRecord record
        cdef Py_ssize_t scanned = 0
        cdef list batches = []
        self.builder.take()
        self.begin_read()
        try:
            while self.builder.size < bytes_max and not batches and scanned < WAL_SCAN_BYTES_MAX and self.next_batch():
                scanned += self.batch_size
                batch_open(&cursor, self.batch, self.batch_size)
                while self.next_row(&cursor, &record, slots):
                    if self.builder.size >= batch_bytes_max:
                        batches.append(self.builder.take())
                    if record.op == RECORD_PUT:
                        self.builder.add_put(record.cf, record.key, record.key_size, record.value, record.value_size)
                    elif record.op == RECORD_DELETE_RANGE:
                        for begin, end in clipped(&record, slots):
                            self.builder.delete_range(record.cf, begin, end)
                    else:
                        self.builder.add_delete(record.cf, record.key, record.key_size)
                self.position = self.expected - 1
        except BatchError as error:
            raise self.reader.damage(f"{error}, in the batch before sequence number {self.expected},") from error
        if self.builder.count:
            batches.append(self.builder.take())
        self.reading = False
        return batches

    def read_rows(self, SlotFilter slots not None, Py_ssize_t bytes_max):
        """The next rows of `slots` as (OP_*, column family id, key, value), like `decode_batch` gives them: a list.

        Ends as `read_batches` does, never within a batch of the source. Raises WALError or OSError, as it does.
        """
        cdef BatchCursor cursor
        cdef BatchRecord record
        cdef Py_ssize_t scanned = 0
        cdef Py_ssize_t row_bytes = 0
        cdef list rows = []
        self.begin_read()
        try:
            while row_bytes < bytes_max and scanned < WAL_SCAN_BYTES_MAX and self.next_batch():
                scanned += self.batch_size
                batch_open(&cursor, self.batch, self.batch_size)
                while self.next_row(&cursor, &record, slots):
                    row_bytes += record.key_size + record.value_size
                    if record.op == RECORD_DELETE_RANGE:
                        for begin, end in clipped(&record, slots):
                            rows.append((RECORD_DELETE_RANGE, record.cf, begin, end))
                    else:
                        if record.op == RECORD_SINGLE_DELETE:
                            record.op = RECORD_DELETE
                        rows.append(tuple_of_record(&record))
                self.position = self.expected - 1
        except BatchError as error:
            raise self.reader.damage(f"{error}, in the batch before sequence number {self.expected},") from error
        self.reading = False
        return rows

    cdef int begin_read(self) except -1:
        if self.reading:
            raise WALError("an earlier read of the log failed")
        self.opened().refresh(True)
        self.at_end = False
        self.reading = True
        return 0

    cdef object opened(self):
        if self.files is None:
            raise ValueError("the tail is closed")
        return self.files

    cdef int next_row(self, BatchCursor* cursor, BatchRecord* record, SlotFilter slots) except -1:
        """1 with the next record after `since` that concerns `slots` (a range delete may); 0 at the batch's end."""
        while batch_next(cursor, record):
            if record.op == RECORD_LOG_DATA or cursor.sequence + cursor.found <= self.since + 1:
                continue
            if record.cf >= COLUMN_FAMILY_COUNT:
                raise BatchError(f"a write batch names column family {record.cf}")
            if SLOT_FAMILIES >> record.cf & 1:
                if record.op == RECORD_DELETE_RANGE or slots.has_key(record.key, record.key_size):
                    return 1
        return 0

    cdef int next_batch(self) except -1:
        """1 with the next batch that reaches beyond `since`, 0 when none is written yet."""
        cdef BatchCursor cursor
        while self.reader is not None or self.start():
            if not self.reader.next(&self.batch, &self.batch_size):
                if not self.superseded:
                    self.files.refresh()
                    self.superseded = self.successor() is not None
                    if not self.superseded:
                        break
                else:
                    self.reader.finish()
                    self.files.refresh()
                    self.open(self.successor())
                continue
            batch_open(&cursor, self.batch, self.batch_size)
            if self.continuous and cursor.sequence != self.expected \
                    and not self.expected < cursor.sequence <= self.since + 1:    # a gap before the start is no loss
                raise WALError(
                    f"the log has a gap: expected sequence number {self.expected}, found {cursor.sequence}"
                    f" in {os.path.basename(self.reader.path)}")
            self.continuous = True
            self.expected = cursor.sequence + cursor.count
            if self.expected > self.since + 1:
                return 1
        self.at_end = True
        return 0

    cdef int start(self) except -1:
        """Opens the file that holds `since` + 1, or will; 0 when no file holds a batch yet."""
        cdef uint64_t sequence = 0
        cdef bint found = False
        self.files.refresh()
        for number in reversed(self.files.numbers):
            if LogReader(self.files.path(number), number).first_sequence(&sequence):
                found = True
                if sequence <= self.since + 1:
                    self.open(number)
                    return 1
        if found:
            raise WALError(f"the log begins too late: expected sequence number {self.since + 1}, found {sequence}")
        return 0

    cdef object successor(self):
        """The number of the next file that holds a batch, or None."""
        cdef uint64_t sequence
        for number in self.files.numbers:
            if number > self.reader.log_number:
                if LogReader(self.files.path(number), number).first_sequence(&sequence):
                    return number
        return None

    cdef int open(self, number) except -1:
        if self.reader is not None:
            self.bytes_read_before += self.reader.bytes_read
            self.reader.close()
        self.reader = LogReader(self.files.path(number), number)
        self.superseded = False
        if not self.keep:
            self.files.release_before(number)
        return 0


cdef list clipped(BatchRecord* record, SlotFilter slots):
    """The parts of a range delete that lie in `slots`, as (begin, end)."""
    return slots.clip(bytes_of(record.key, record.key_size), bytes_of(record.value, record.value_size))
