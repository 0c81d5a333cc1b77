"""Numbers as Redis 7.2 reads and prints them.

Reading is strict: the whole string is the number (string2ll, string2d, string2ld in Redis's util.c).
Doubles are printed as d2string does since 7.2 (7.0 and before printed 17 digits): integers up to 2^62 without a point,
everything else with the fewest digits that read back as the same double, in fpconv's layout ("0.1", "1e+20", "1.5e-7").
The digits here are always the fewest. Redis's Grisu2 prints other last digits for about one in 200 random doubles
(found by comparison with a Valkey server); both spellings read back as the same double.
"""

from libc.errno cimport errno, ERANGE
from libc.math cimport HUGE_VAL, isinf, isnan
from libc.stdio cimport snprintf
from libc.stdlib cimport strtod
from libc.string cimport memset
from cpython.mem cimport PyMem_Free

cdef extern from "stdlib.h":
    long double strtold(const char*, char**) nogil

cdef extern from "Python.h":
    char* PyOS_double_to_string(double, char, int, int, int*) except NULL

cdef enum:
    INT_CHARS_MAX = 20               # "-9223372036854775808"
    DOUBLE_CHARS_MAX = 32            # fpconv's layout needs 25
    LONG_DOUBLE_CHARS_MAX = 5120     # Redis's MAX_LONG_DOUBLE_CHARS: what it reads and prints


cdef inline Py_ssize_t put_decimal(char* p, int64_t value) noexcept nogil:
    """Writes `value` (at most INT_CHARS_MAX characters) and returns how many characters that took."""
    cdef char digits[INT_CHARS_MAX]
    cdef uint64_t rest = <uint64_t>value
    cdef Py_ssize_t count = 0, size = 0
    if 0 <= value < 10:
        p[0] = <char>(48 + value)
        return 1
    if value < 0:
        p[0] = 0x2D
        size = 1
        rest = 0 - rest
    while rest:
        digits[count] = <char>(48 + rest % 10)
        rest //= 10
        count += 1
    while count:
        count -= 1
        p[size] = digits[count]
        size += 1
    return size


cdef inline bint read_decimal(const uint8_t* p, Py_ssize_t size, int64_t* value) noexcept nogil:
    """Redis's string2ll: only the one canonical spelling of a signed 64-bit integer is accepted."""
    cdef uint64_t total
    cdef bint negative = False
    cdef Py_ssize_t i = 0
    cdef uint32_t digit
    if size == 1 and 0x30 <= p[0] <= 0x39:
        value[0] = p[0] - 0x30
        return True
    if size > 0 and p[0] == 0x2D:
        negative = True
        i = 1
    if size - i > INT_CHARS_MAX - 1:                 # so 19 digits at most, which never wrap `total`
        return False
    if i >= size or not 0x31 <= p[i] <= 0x39:        # "-", "-0", leading zeros, everything that is no digit
        return False
    total = 0
    while i < size:
        digit = <uint32_t>p[i] - 0x30                # wraps for what is below '0'
        if digit > 9:
            return False
        total = total * 10 + digit
        i += 1
    if total > (<uint64_t>1 << 63) - (0 if negative else 1):
        return False
    value[0] = <int64_t>(0 - total) if negative else <int64_t>total
    return True


cdef inline bint is_space(uint8_t c) noexcept nogil:
    """C's isspace in the C locale."""
    return c == 0x20 or 0x09 <= c <= 0x0D


cdef int put_double(char* p, double value) except -1:
    """Writes `value` (at most DOUBLE_CHARS_MAX characters) and returns how many characters that took."""
    cdef int size = 0
    if isnan(value):
        memcpy(p, "nan", 3)
        return 3
    if isinf(value):
        memcpy(p, "-inf" if value < 0 else "inf", 4 if value < 0 else 3)
        return 4 if value < 0 else 3
    if value == 0:                                    # a negative zero keeps its sign
        memcpy(p, "-0" if 1.0 / value < 0 else "0", 2 if 1.0 / value < 0 else 1)
        return 2 if 1.0 / value < 0 else 1
    if -4611686018427387904.0 <= value <= 4611686018427387904.0 and <double><int64_t>value == value:
        return <int>put_decimal(p, <int64_t>value)
    if value < 0:
        p[0] = 0x2D
        size = 1
        value = -value
    return size + put_shortest(p + size, value)


cdef int put_shortest(char* p, double value) except -1:
    """fpconv's layout of the shortest digits of a positive, finite `value`."""
    cdef char digits[DOUBLE_CHARS_MAX]
    cdef int count = 0, point = 0, exponent = 0, size, i
    cdef bint after_point = False
    cdef char* text = PyOS_double_to_string(value, c'r', 0, 0, NULL)
    cdef char* c = text
    # value = 0.DIGITS * 10^point
    while c[0] != 0 and c[0] != c'e':
        if c[0] == c'.':
            after_point = True
        elif count or c[0] != c'0':
            digits[count] = c[0]
            count += 1
            point += not after_point
        else:
            point -= after_point                      # a zero between the point and the first digit
        c += 1
    if c[0] == c'e':
        exponent = <int>strtod(c + 1, NULL)
    PyMem_Free(text)
    point += exponent
    while count > 1 and digits[count - 1] == c'0':
        count -= 1
    exponent = point - 1                              # value = D.IGITS * 10^exponent
    if count <= point and exponent < count + 7:       # an integer: digits, then zeros
        memcpy(p, digits, count)
        memset(p + count, c'0', point - count)
        return point
    if count > point and (count - point < 7 or -4 < exponent < 4):
        if point > 0:
            memcpy(p, digits, point)
            p[point] = c'.'
            memcpy(p + point + 1, digits + point, count - point)
            return count + 1
        memcpy(p, "0.", 2)
        memset(p + 2, c'0', -point)
        memcpy(p + 2 - point, digits, count)
        return count + 2 - point
    p[0] = digits[0]
    size = 1
    if count > 1:
        p[1] = c'.'
        memcpy(p + 2, digits + 1, count - 1)
        size = count + 1
    p[size] = c'e'
    p[size + 1] = c'-' if exponent < 0 else c'+'
    return size + 2 + <int>put_decimal(p + size + 2, -exponent if exponent < 0 else exponent)


def format_double(double value) -> bytes:
    """`value` as Redis 7.2 prints doubles (ZSCORE, RESP3 doubles)."""
    cdef char text[DOUBLE_CHARS_MAX]
    cdef int size = put_double(text, value)
    return PyBytes_FromStringAndSize(text, size)


def parse_int(bytes text not None) -> int:
    """The signed 64-bit integer that `text` spells canonically (string2ll: no plus, spaces, leading zeros, "-0").

    Raises ValueError for anything else.
    """
    cdef int64_t value
    if not read_decimal(<const uint8_t*>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), &value):
        raise ValueError("value is not an integer or out of range")
    return value


def parse_float(bytes text not None) -> float:
    """The double that `text` spells (string2d: all that C's strtod reads, like "0x1p3"; no leading space, no NaN).

    Raises ValueError for anything else, also for what overflows or underflows a double.
    """
    cdef const char* start = PyBytes_AS_STRING(text)
    cdef char* end
    cdef double value
    global errno
    errno = 0
    value = strtod(start, &end)
    if (
        end == start or end - start != PyBytes_GET_SIZE(text) or is_space(<uint8_t>start[0]) or isnan(value)
        or (errno == ERANGE and (value == HUGE_VAL or value == -HUGE_VAL or value == 0))
    ):
        raise ValueError("value is not a valid float")
    return value


cdef long double read_long_double(bytes text) except? -1:
    cdef const char* start = PyBytes_AS_STRING(text)
    cdef char* end
    cdef long double value
    global errno
    errno = 0
    value = strtold(start, &end)
    if (
        end == start or end - start != PyBytes_GET_SIZE(text) or PyBytes_GET_SIZE(text) >= LONG_DOUBLE_CHARS_MAX
        or is_space(<uint8_t>start[0]) or isnan(value) or (errno == ERANGE and (isinf(value) or value == 0))
    ):
        raise ValueError("value is not a valid float")
    return value


def incr_by_float(bytes current not None, bytes increment not None) -> bytes:
    """`current` + `increment` in C's long double, printed as INCRBYFLOAT does: 17 decimals, trailing zeros cut.

    Raises ValueError when one of the two is no number, OverflowError when the sum is NaN or infinite.
    """
    cdef char text[LONG_DOUBLE_CHARS_MAX]
    cdef long double total = read_long_double(current) + read_long_double(increment)
    cdef int size
    if isnan(total) or isinf(total):
        raise OverflowError("increment would produce NaN or Infinity")
    size = snprintf(text, LONG_DOUBLE_CHARS_MAX, "%.17Lf", total)
    while text[size - 1] == c'0':
        size -= 1
    if text[size - 1] == c'.':
        size -= 1
    if size == 2 and text[0] == c'-' and text[1] == c'0':
        return b"0"
    return PyBytes_FromStringAndSize(text, size)
