"""Sets of slots, and which rows belong to them.

In a slot-encoded database a row belongs to the slot that follows the namespace in its key. So a slot is one key range
in every column family: range deletes are cut to a set of slots by it, and what comes from elsewhere is checked.
"""

cdef enum:
    SLOT_COUNT = 16384


cdef class SlotFilter:
    """A set of slots: membership in one array access, and as few ranges as possible."""

    cdef readonly list ranges            # [(first, last)], ascending, neither overlapping nor touching
    cdef list key_ranges                 # the same as [(begin, end)] of storage keys, the end excluded
    cdef uint8_t member[SLOT_COUNT]      # 1 for the slots of the set

    def __init__(self, ranges):
        cdef Py_ssize_t slot
        self.ranges = []
        for first, last in sorted(ranges):
            if not 0 <= first <= last < SLOTS:
                raise ValueError(f"not a slot range: {first}-{last}")
            for slot in range(first, last + 1):
                self.member[slot] = 1
            if self.ranges and first <= self.ranges[len(self.ranges) - 1][1] + 1:
                previous, previous_last = self.ranges.pop()
                first, last = previous, max(last, previous_last)
            self.ranges.append((first, last))
        codec = KeyCodec(True)
        self.key_ranges = [codec.slot_range(first, last) for first, last in self.ranges]

    def __contains__(self, int slot):
        return 0 <= slot < SLOTS and self.member[<Py_ssize_t>slot] == 1

    cdef inline bint has_key(self, const uint8_t* key, Py_ssize_t size) noexcept:
        """Whether a storage key carries a slot of the set. Keys outside the namespace carry none."""
        cdef uint16_t slot
        if size < NS_PREFIX_SIZE + 2 or memcmp(key, PyBytes_AS_STRING(NS_PREFIX), NS_PREFIX_SIZE) != 0:
            return False
        slot = get_u16(key + NS_PREFIX_SIZE)
        return slot < SLOT_COUNT and self.member[slot] == 1

    cdef list clip(self, bytes begin, bytes end):
        """The parts of the key range [begin, end) that lie in the set."""
        parts = [(max(begin, lowest), min(end, highest)) for lowest, highest in self.key_ranges]
        return [(low, high) for low, high in parts if low < high]
