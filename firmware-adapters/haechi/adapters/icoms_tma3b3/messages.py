"""Measurement messages of an Icoms TMA-3B3 as bytes. No I/O.

*TMA-3B3 manual*, chapter 12, page 17 (message protocol 121): 02h 99h, sixteen bytes, 03h. There is no check field. So
everything that the manual bounds is tested: BCD digits, date and time, range, detection type and century.
"""

from datetime import datetime
from typing import NamedTuple

MESSAGE_BYTES = 19
_BEGIN, _END = b"\x02\x99", 0x03
_OUTGOING = 0x80
_CENTURY = 20
_RANGE_CM_MAX = 4000
_TYPES = frozenset((0, 1, 2, 3, 30))
"""Detection types; 0 in messages of before they existed, in which the range is not used either."""
_BOUNDS = {2: (0, 99), 3: (0, 59), 4: (0, 59), 5: (0, 24), 7: (0, 12), 15: (0, 99)}
"""Place in the payload → lowest and highest number, in BCD. The day stands with the direction."""


class Vehicle(NamedTuple):
    """One vehicle as the counter has measured it."""

    speed_kmh: int
    is_outgoing: bool
    counter: int
    """Vehicles since the counter was started; begins again after 16,777,215."""
    range_cm: int | None
    """Perpendicular to the road; None where the counter does not measure it."""
    passed_at: str | None
    """The counter's own clock, such as ``2026-11-22T12:35:19.25``; None where it was never set."""


class Messages:
    """Bytes as they come → sound messages, each once."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.bad = 0
        """How often something began like a message and was none."""
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes and return the sound messages that they complete."""
        self._rest += data
        found: list[bytes] = []
        while (begin := self._rest.find(_BEGIN)) >= 0 and len(self._rest) >= begin + MESSAGE_BYTES:
            message = bytes(self._rest[begin : begin + MESSAGE_BYTES])
            is_sound = vehicle_of(message) is not None
            found += [message] if is_sound else []
            self.bad += not is_sound
            del self._rest[: begin + (MESSAGE_BYTES if is_sound else 1)]
        del self._rest[: begin if begin >= 0 else max(0, len(self._rest) - 1)]
        return found


def vehicle_of(message: bytes) -> Vehicle | None:
    """Return what a whole message says, None where it is no sound one."""
    payload = message[2:-1]
    day = _from_bcd(payload[6] & ~_OUTGOING)
    digits = {place: _from_bcd(payload[place]) for place in _BOUNDS}
    range_cm, kind = int.from_bytes(payload[11:13], "little"), payload[13]
    if (
        message[-1] != _END
        or any(not low <= digits[place] <= high for place, (low, high) in _BOUNDS.items())
        or not 0 <= day <= 31
        or _from_bcd(payload[14]) != _CENTURY
        or range_cm > _RANGE_CM_MAX
        or kind not in _TYPES
    ):
        return None
    return Vehicle(
        speed_kmh=payload[0],
        is_outgoing=bool(payload[6] & _OUTGOING),
        counter=int.from_bytes(payload[8:11], "little"),
        range_cm=range_cm if kind else None,
        passed_at=_clock(2000 + digits[15], digits[7], day, digits[5], digits[4], digits[3], digits[2]),
    )


def _clock(year: int, month: int, day: int, hour: int, minute: int, second: int, hundredth: int) -> str | None:
    try:
        at = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the counter says no zone
    except ValueError:
        return None
    return f"{at.isoformat()}.{hundredth:02d}"


def _from_bcd(byte: int) -> int:
    """Return the number, -1 where a digit is none."""
    tens, units = byte >> 4, byte & 0x0F
    return 10 * tens + units if tens <= 9 and units <= 9 else -1
