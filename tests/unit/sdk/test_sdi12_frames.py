"""Lines of SDI-12 mean what the standard says; anything else is no reading."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.sdk import BadReading
from haechi.sdk.transports.sdi12_frames import announced, crc, data_command, measure_command, values

_TEXT = st.text("+-.0123456789", max_size=40).map(str.encode)


def test_the_crc_of_the_standards_example() -> None:
    assert crc(b"0+3.14") == b"OqZ"
    assert values(b"0+3.14OqZ", "0", with_crc=True) == [Decimal("3.14")]


@pytest.mark.parametrize(
    ("number", "with_crc", "concurrent", "command"),
    [(0, False, False, b"aM!"), (1, False, False, b"aM1!"), (0, True, False, b"aMC!"), (9, True, True, b"aCC9!")],
)
def test_commands(number: int, with_crc: bool, concurrent: bool, command: bytes) -> None:
    assert measure_command("a", number=number, with_crc=with_crc, concurrent=concurrent) == command
    assert data_command("a", 3) == b"aD3!"


def test_announcements() -> None:
    assert announced(b"00055", "0", concurrent=False) == (5, 5)
    assert announced(b"z01012", "z", concurrent=True) == (10, 12)
    for line in (b"", b"0", b"10055", b"0005", b"000555", b"0+055", b"0 055"):
        with pytest.raises(BadReading):
            announced(line, "0", concurrent=False)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"0", []),
        (b"0+0.01+12-0.5", ["0.01", "12", "-0.5"]),
        (b"0+1234567", ["1234567"]),
        (b"0-.5+7.", ["-0.5", "7"]),
    ],
)
def test_values(line: bytes, expected: list[str]) -> None:
    assert values(line, "0", with_crc=False) == [Decimal(one) for one in expected]


@pytest.mark.parametrize(
    "line", [b"", b"1+2.5", b"02.5", b"0+", b"0+2.5x", b"0+2,5", b"0+12345678", b"0+1.2.3", b"0 +1"]
)
def test_what_is_no_answer(line: bytes) -> None:
    with pytest.raises(BadReading):
        values(line, "0", with_crc=False)


@given(_TEXT, st.integers(0, 1000), st.integers(1, 127))
def test_a_changed_character_never_agrees_with_the_crc(text: bytes, place: int, change: int) -> None:
    line = bytearray(b"0" + text)
    line += crc(bytes(line))
    line[place % len(line)] ^= change
    with pytest.raises(BadReading):
        values(bytes(line), "0", with_crc=True)
