"""What the gauge says, byte by byte. No I/O, so that every damage can be tried without a device.

A line is ``$LVL,<millimetres>,<state>*<check>`` and a line end: four digits, one digit, and in hexadecimal the
exclusive or of everything between ``$`` and ``*``. State 0 is well, 1 warming up, 2 no echo.
"""

import re
from functools import reduce
from operator import xor
from typing import NamedTuple

from haechi.contract.places import Step
from haechi.sdk.framing import Delimited

STEP = Step(1, 1000)
"""The gauge counts millimetres; values are metres."""
_LINE = re.compile(rb"\$(LVL,(\d{4}),([012]))\*([0-9A-F]{2})\r?")


class Said(NamedTuple):
    """One sound line."""

    level_mm: int
    is_warming_up: bool
    has_echo: bool


class Lines:
    """Bytes as they come → sound lines."""

    def __init__(self) -> None:
        """Begin somewhere in the middle of a line."""
        self._frames = Delimited(b"\n", size_max=16, is_sound=lambda frame: _said(frame) is not None)

    @property
    def bad(self) -> int:
        """How many lines were damaged so far."""
        return self._frames.bad

    def feed(self, data: bytes) -> list[Said]:
        """Take bytes and return the lines that they complete."""
        return [said for frame in self._frames.feed(data) if (said := _said(frame)) is not None]


def check_of(body: bytes) -> bytes:
    """Return the check field of what stands between ``$`` and ``*``."""
    return b"%02X" % reduce(xor, body, 0)


def _said(frame: bytes) -> Said | None:
    match = _LINE.fullmatch(frame)
    if match is None or check_of(match[1]) != match[4]:
        return None
    return Said(int(match[2]), is_warming_up=match[3] == b"1", has_echo=match[3] != b"2")
