"""Messages of an AGD 350 as bytes. No I/O.

``STX``, the message, ``*``, two hexadecimal digits of check, ``ETX``. *AGD 350 user's manual*, "Radar event messages":
detect message 02 (page 23), heartbeat HB (page 28). The check is the exclusive or of the message's characters without
header and termination (*AGD 317 product manual*, page 13; page 14 says of the serial number: the asterisk included).
"""

import re
from functools import reduce
from operator import xor
from typing import NamedTuple

from haechi.contract.places import Step
from haechi.sdk.framing import Delimited

SPEED, DISTANCE = Step(1, 10**7), Step(1, 10)
"""A tenth of a mile an hour is 0.1609344 km/h: seven places hold it and tenths of km/h exactly."""
_STX, _ETX = b"\x02", b"\x03"
_TENTH_IN_STEPS = {b"K": 10**6, b"M": 1609344}
_MESSAGE_BYTES_MAX = 80
_SIMULATED = b"XY"
_DETECT = re.compile(
    rb"02,\d{5}\.\d\d,\d\d,\d\d,([ARXY]),(\d{3})\.(\d),([MK]),(\d{3})\.(\d),[+-]\d\d\.\d,([PC]),\d{3}\.\d"
)
_HEARTBEAT = re.compile(rb"HB,\d{5}\.\d\d")


class Detection(NamedTuple):
    """One target as a detect message has it."""

    speed: int
    """In steps of SPEED, km/h."""
    is_approaching: bool
    is_simulated: bool
    """The radar tests itself: there is no vehicle."""
    distance: int | None
    """Along the line of sight, in steps of DISTANCE, metres; None where the radar says coordinates instead."""


class Messages:
    """Bytes as they come → detections; None stands for a heartbeat, where nothing else came with it."""

    def __init__(self, *, check_covers_star: bool) -> None:
        """Begin somewhere in the middle of a message."""
        self._covers_star = check_covers_star
        self._frames = Delimited(_ETX, size_max=_MESSAGE_BYTES_MAX, is_sound=self._is_sound)

    @property
    def bad(self) -> int:
        """How many messages were damaged so far."""
        return self._frames.bad

    def feed(self, data: bytes) -> list[Detection | None]:
        """Take bytes and return what the messages say that they complete."""
        said = [_detection(frame[1:-3]) for frame in self._frames.feed(data)]
        return [one for one in said if one is not None] or said[:1]

    def _is_sound(self, frame: bytes) -> bool:
        body, check = frame[1:-3], frame[-2:]
        if frame[:1] != _STX or frame[-3:-2] != b"*" or not (_DETECT.fullmatch(body) or _HEARTBEAT.fullmatch(body)):
            return False
        return check == check_of(body, covers_star=self._covers_star)


def check_of(body: bytes, *, covers_star: bool = True) -> bytes:
    """Return the check field of what stands between ``STX`` and ``*``."""
    return b"%02X" % reduce(xor, body + b"*" if covers_star else body, 0)


def _detection(body: bytes) -> Detection | None:
    match = _DETECT.fullmatch(body)
    if match is None:
        return None
    direction, whole, tenth, unit, metres, decimetres, coordinates = match.groups()
    return Detection(
        int(whole + tenth) * _TENTH_IN_STEPS[unit],
        is_approaching=direction in b"AX",
        is_simulated=direction in _SIMULATED,
        distance=int(metres + decimetres) if coordinates == b"P" else None,
    )
