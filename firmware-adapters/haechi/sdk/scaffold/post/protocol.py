"""What the post says and is told, byte by byte. No I/O, so that every damage can be tried without a device.

A line is ``$<body>*<check>`` and a line end; the check field is, in hexadecimal, the exclusive or of the body. It says
``POST,<millivolts>,<siren>`` again and again; told ``SIREN,<0 or 1>,<seconds>`` it answers ``DONE,<siren>``, or ``NO``
where it does not obey. After the seconds it falls silent by itself. ``<siren>`` is 1 while it sounds.
"""

import math
import re
from functools import reduce
from operator import xor
from typing import NamedTuple

from haechi.contract.places import Step
from haechi.sdk.framing import Delimited

STEP = Step(1, 1000)
"""The post counts millivolts; values are volts."""
_LINE = re.compile(rb"\$(POST,(\d{5}),([01])|DONE,([01])|NO)\*([0-9A-F]{2})\r?")


class Said(NamedTuple):
    """One sound line: a report has a voltage, an answer has none."""

    millivolts: int | None
    sounds: bool
    obeys: bool = True


class Lines:
    """Bytes as they come → sound lines."""

    def __init__(self) -> None:
        """Begin somewhere in the middle of a line."""
        self._frames = Delimited(b"\n", size_max=20, is_sound=lambda frame: _said(frame) is not None)

    @property
    def bad(self) -> int:
        """How many lines were damaged so far."""
        return self._frames.bad

    def feed(self, data: bytes) -> list[Said]:
        """Take bytes and return the lines that they complete."""
        return [said for frame in self._frames.feed(data) if (said := _said(frame)) is not None]


def order(*, sounds: bool, on_s: float) -> bytes:
    """Return the line that tells the siren to sound for ``on_s``, rounded up to a second, or to be silent."""
    return line(b"SIREN,%d,%04d" % (sounds, math.ceil(on_s)))


def line(body: bytes) -> bytes:
    """Return ``body`` as it stands on the wire."""
    return b"$" + body + b"*%02X\r\n" % reduce(xor, body, 0)


def _said(frame: bytes) -> Said | None:
    match = _LINE.fullmatch(frame)
    if match is None or not line(match[1]).startswith(frame.rstrip(b"\r")):
        return None
    if match[2] is not None:
        return Said(int(match[2]), sounds=match[3] == b"1")
    return Said(None, sounds=match[4] == b"1", obeys=match[4] is not None)
