"""Numbers: strict reading, and printing as Redis 7.2 does."""

import math
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slotrocks.engine._engine import format_double, incr_by_float, parse_float, parse_int

INT_MAX, INT_MIN = 2**63 - 1, -(2**63)


@settings(deadline=None)
@given(st.integers(INT_MIN, INT_MAX))
@example(INT_MAX)
@example(INT_MIN)
@example(0)
def test_every_integer_is_read_from_its_canonical_spelling(value: int) -> None:
    assert parse_int(b"%d" % value) == value


@settings(deadline=None)
@given(st.integers(INT_MIN * 20, INT_MAX * 20) | st.from_regex(rb"[-+ 0-9]{0,22}", fullmatch=True))
@example(INT_MAX + 1)
@example(INT_MIN - 1)
@example(18446744073709551617)
def test_only_canonical_spellings_are_read(text: int | bytes) -> None:
    text = b"%d" % text if isinstance(text, int) else text
    try:
        expected = int(text)
    except ValueError:
        expected = None
    if expected is not None and b"%d" % expected == text and INT_MIN <= expected <= INT_MAX:
        assert parse_int(text) == expected
    else:
        with pytest.raises(ValueError, match="not an integer"):
            parse_int(text)


@pytest.mark.parametrize(
    "text",
    [b"", b"-", b"+", b"+1", b" 1", b"1 ", b"01", b"-0", b"-01", b"00", b"1.0", b"0x1", b"1\x00", b"1\n", b"\xff"],
)
def test_what_is_no_integer(text: bytes) -> None:
    with pytest.raises(ValueError):
        parse_int(text)


@settings(deadline=None)
@given(st.floats(allow_nan=False))
def test_doubles_are_read_back_exactly(value: float) -> None:
    assert parse_float(repr(value).encode()) == value
    printed = parse_float(format_double(value))
    assert printed == value and math.copysign(1, printed) == math.copysign(1, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"1", 1.0), (b"+1", 1.0), (b"-.5", -0.5), (b"5.", 5.0), (b"1e3", 1000.0), (b"0x10", 16.0), (b"0x1p-1", 0.5),
        (b"inf", math.inf), (b"-inf", -math.inf), (b"+inf", math.inf), (b"Infinity", math.inf),
        (b"-INFINITY", -math.inf), (b"4.9e-324", 5e-324), (b"0.0000", 0.0),
    ],
)  # fmt: skip
def test_spellings_of_doubles(text: bytes, value: float) -> None:
    assert parse_float(text) == value


@pytest.mark.parametrize(
    "text",
    [b"", b" 1", b"\t1", b"1 ", b"1\x00", b"\x001", b"nan", b"-nan", b"nan(1)", b"abc", b"1e400", b"-1e400", b"1e-400",
     b"1,5", b"--1", b"0x", b"1_000", b"."],
)  # fmt: skip
def test_what_is_no_double(text: bytes) -> None:
    with pytest.raises(ValueError, match="not a valid float"):
        parse_float(text)


# As a Valkey 9 server prints them (ZADD, ZSCORE), whose d2string is that of Redis 7.2.
PRINTED = {
    0.0: b"0", 1.0: b"1", -1.0: b"-1", 3.1: b"3.1", 0.1: b"0.1", -0.1: b"-0.1", 1.5e-7: b"1.5e-7",
    1e-6: b"0.000001", 1e-7: b"1e-7", 1.25e-5: b"1.25e-5", 1e20: b"1e+20", 1e21: b"1e+21", -1e20: b"-1e+20",
    1.5e300: b"1.5e+300", 5e-324: b"5e-324", 1.7976931348623157e308: b"1.7976931348623157e+308",
    2.0**52: b"4503599627370496", 2.0**53 + 2: b"9007199254740994", 2.0**62: b"4611686018427387904",
    2.0**63: b"9223372036854776000", 1e19: b"1e+19", 1.2345678901234567e22: b"12345678901234568000000",
    1.2345678e15: b"1234567800000000", 0.30000000000000004: b"0.30000000000000004", 123456.789: b"123456.789",
    1e100: b"1e+100", 1.1e-100: b"1.1e-100", 1e-10: b"1e-10", 1234.000001: b"1234.000001",
    0.00012345678: b"1.2345678e-4", 0.00123456789012345: b"0.00123456789012345", math.inf: b"inf", -math.inf: b"-inf",
}  # fmt: skip


@pytest.mark.parametrize(("value", "text"), PRINTED.items())
def test_doubles_are_printed_as_redis_does(value: float, text: bytes) -> None:
    assert format_double(value) == text


def test_negative_zero_keeps_its_sign() -> None:
    assert format_double(-0.0) == b"-0"


def test_nan_is_printed_in_one_form() -> None:
    assert format_double(math.nan) == format_double(-math.nan) == b"nan"


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_are_printed_with_the_fewest_digits(value: float) -> None:
    def digits(text: str) -> str:
        return "".join(map(str, Decimal(text).normalize().as_tuple().digits))

    if abs(value) > 2.0**62 or value != int(value):
        assert digits(format_double(value).decode()) == digits(repr(value))
    else:
        assert int(format_double(value)) == value


@pytest.mark.parametrize(
    ("current", "increment", "total"),
    [
        (b"10.50", b"0.1", b"10.6"), (b"5.0e3", b"2.0e2", b"5200"), (b"0", b"-0.0", b"0"), (b"3", b"-3", b"0"),
        (b"-1", b"0.9", b"-0.1"), (b"0", b"1e-18", b"0"), (b"0", b"-1e-18", b"0"), (b"1", b"1", b"2"),
        (b"0", b"0x10", b"16"), (b"9007199254740993", b"1", b"9007199254740994"), (b"0.1", b"0.2", b"0.3"),
        (b"1e20", b"0", b"100000000000000000000"), (b"0", b"3.14159265358979", b"3.14159265358979"),
    ],
)  # fmt: skip
def test_increment_by_float(current: bytes, increment: bytes, total: bytes) -> None:
    assert incr_by_float(current, increment) == total


@pytest.mark.parametrize(
    ("current", "increment"),
    [(b"", b"1"), (b"1", b""), (b"1", b" 1"), (b"1 ", b"1"), (b"x", b"1"), (b"nan", b"1"), (b"1", b"nan"),
     (b"1", b"1e5000"), (b"1", b"1e-5000"), (b"1" * 5120, b"1"), (b"1\x00", b"1")],
)  # fmt: skip
def test_increment_by_what_is_no_float(current: bytes, increment: bytes) -> None:
    with pytest.raises(ValueError, match="not a valid float"):
        incr_by_float(current, increment)


@pytest.mark.parametrize(
    ("current", "increment"), [(b"inf", b"1"), (b"1", b"-inf"), (b"inf", b"-inf"), (b"1e4932", b"9e4931")]
)
def test_increment_to_infinity(current: bytes, increment: bytes) -> None:
    with pytest.raises(OverflowError, match="NaN or Infinity"):
        incr_by_float(current, increment)


@settings(deadline=None)
@given(st.decimals(-(10**12), 10**12, places=4), st.decimals(-(10**12), 10**12, places=4))
def test_sums_of_decimal_fractions_are_what_a_person_expects(a: Decimal, b: Decimal) -> None:
    total = incr_by_float(str(a).encode(), str(b).encode()).decode()
    assert abs(Decimal(total) - (a + b)) < Decimal("1e-6")
