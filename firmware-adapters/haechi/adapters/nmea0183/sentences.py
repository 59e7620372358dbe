"""Sentences of NMEA 0183 as bytes. No I/O.

``$``, talker (two letters), sentence (three), fields between commas, ``*``, and the exclusive or of everything between
``$`` and ``*`` in hexadecimal; at most 82 characters with the line end. NMEA 0183 (IEC 61162-1): RMC is the recommended
minimum of specific GNSS data, GGA the fix data.
"""

from datetime import datetime
from typing import NamedTuple

from haechi.contract.observations import Quality, Value
from haechi.sdk.errors import BadReading
from haechi.sdk.framing import Delimited
from haechi.text import _

_SENTENCE_BYTES_MAX = 82
_RMC_FIELDS_MIN, _GGA_FIELDS_MIN = 9, 11
_GGA_NO_FIX, _GGA_NOT_MEASURED = "08", "67"
"""Qualities: 0 no fix, 8 simulated; 6 estimated, 7 entered by hand."""
_RMC_NO_FIX, _RMC_NOT_MEASURED = "NS", "EM"
"""Modes: N no fix, S simulated; E estimated, M entered by hand."""
_RMC_MODE_PLACE = 11
"""Where the mode stands from version 2.3 on."""


class Sentences:
    """Finds the sound sentences of one kind in a stream; others are no damage, and passed over."""

    def __init__(self, kind: str) -> None:
        """``kind`` is RMC or GGA, of whatever talker."""
        self._kind = kind.encode("ascii")
        self._lines = Delimited(b"\n", size_max=_SENTENCE_BYTES_MAX, is_sound=_is_sound)

    @property
    def bad(self) -> int:
        """How many lines were damaged so far."""
        return self._lines.bad

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as they come and return what stands between ``$`` and ``*`` of the sentences they complete."""
        lines = [line.strip() for line in self._lines.feed(data)]
        return [line[1:-3] for line in lines if line[3:6] == self._kind]


class Said(NamedTuple):
    """What one sentence says."""

    values: dict[str, Value]
    """Property → value; what the receiver left empty is missing."""
    quality: Quality


def said_of(body: bytes) -> Said | None:
    """Return what a sound sentence says, None where it says that there is no fix, or none but a simulated one.

    Raises:
        BadReading: a field is not what its sentence wants there.
    """
    kind, *fields = body.decode("ascii").split(",")
    try:
        return _rmc(fields) if kind[2:] == "RMC" else _gga(fields)
    except (ValueError, IndexError):
        raise BadReading(_("{sentence} with fields that it cannot have").format(sentence=kind)) from None


def _rmc(fields: list[str]) -> Said | None:
    if len(fields) < _RMC_FIELDS_MIN:
        raise ValueError
    time, status, *position, speed, course, date = fields[:9]
    mode = fields[_RMC_MODE_PLACE] if len(fields) > _RMC_MODE_PLACE else ""
    if status != "A" or (mode and mode in _RMC_NO_FIX):
        return None
    values = _position(position)
    if speed:
        values["speed"] = float(speed)
    if course:
        values["course"] = float(course)
    if time and date:
        values["utc"] = datetime.strptime(f"{date} {time[:6]} +0000", "%d%m%y %H%M%S %z").strftime("%Y-%m-%dT%H:%M:%SZ")
    return Said(values, _quality(mode, _RMC_NOT_MEASURED))


def _gga(fields: list[str]) -> Said | None:
    if len(fields) < _GGA_FIELDS_MIN:
        raise ValueError
    _time, *position, fix, satellites, hdop, altitude, unit = fields[:10]
    if not fix or fix in _GGA_NO_FIX:
        return None
    values = _position(position)
    if satellites:
        values["satellites"] = float(int(satellites))
    if hdop:
        values["hdop"] = float(hdop)
    if altitude and unit == "M":
        values["altitude"] = float(altitude)
    return Said(values, _quality(fix, _GGA_NOT_MEASURED))


def _quality(mode: str, not_measured: str) -> Quality:
    return Quality.UNCERTAIN if mode and mode in not_measured else Quality.GOOD


def _position(fields: list[str]) -> dict[str, Value]:
    latitude, north_south, longitude, east_west = fields
    return {
        "latitude": _degrees(latitude, 2, {"N": 1, "S": -1}[north_south] if north_south in ("N", "S") else 0, 90),
        "longitude": _degrees(longitude, 3, {"E": 1, "W": -1}[east_west] if east_west in ("E", "W") else 0, 180),
    }


def _degrees(written: str, digits: int, sign: int, most: int) -> float:
    """Return ``dddmm.mmmm`` in degrees; ``digits`` of it are whole degrees."""
    whole, minutes = int(written[:digits]), float(written[digits:])
    if sign == 0 or not 0 <= minutes < 60 or not 0 <= whole + minutes / 60 <= most:
        raise ValueError
    return sign * (whole + minutes / 60)


def _is_sound(line: bytes) -> bool:
    line = line.removesuffix(b"\r")
    body, star, check = line[1:].partition(b"*")
    if line[:1] != b"$" or not star or len(check) != 2 or not body.isascii():
        return False
    total = 0
    for byte in body:
        total ^= byte
    return check.upper() == b"%02X" % total
