"""What the two kinds of gauge say, byte by byte. No I/O.

``maxbotix_r``: MaxBotix HRXL-MaxSonar-WR, data sheet PD11500, section on pin 5: capital ``R``, digits, carriage return;
four digits of millimetres. The older XL-MaxSonar-WR says three digits of centimetres. There is no check field.

``a02``: DFRobot A02YYUW (SEN0311) and its kin A01NYUB (SEN0313), ME007YS (SEN0312), wiki pages "Communication
Protocol": ``FF``, high byte, low byte of millimetres, low eight bits of the sum of the three.
"""

from typing import Literal, Protocol

from haechi.contract.places import Step
from haechi.sdk.framing import Delimited, FixedSize

_A02_DISTANCE_MM_MAX = 7500
"""The farthest that any gauge of the family measures (A01NYUB); more means that the frame was cut wrongly."""


class Talker(Protocol):
    """Turns the bytes of one kind of gauge into its integers."""

    step: Step
    """What one of its integers is, in metres."""

    @property
    def bad(self) -> int:
        """How many frames were damaged so far."""

    def feed(self, data: bytes) -> list[int]:
        """Take bytes as they come and return the distances that they complete, in steps."""


class MaxbotixR:
    """``R`` and a fixed number of digits; another number of digits is a damaged frame."""

    def __init__(self, resolution: Literal["mm", "cm"], digits: int) -> None:
        """``resolution`` is what the last digit counts."""
        self.step = Step(1, 1000) if resolution == "mm" else Step(1, 100)
        self._digits = digits
        self._frames = Delimited(b"\r", size_max=digits + 1, is_sound=self._is_sound)

    @property
    def bad(self) -> int:
        """How many frames were damaged so far."""
        return self._frames.bad

    def feed(self, data: bytes) -> list[int]:
        """Take bytes as they come and return the distances that they complete, in steps."""
        return [int(frame[1:]) for frame in self._frames.feed(data)]

    def _is_sound(self, frame: bytes) -> bool:
        return len(frame) == self._digits + 1 and frame[:1] == b"R" and frame[1:].isdigit()


class A02:
    """Four-byte frames with a sum."""

    step = Step(1, 1000)

    def __init__(self) -> None:
        """Begin out of step with the stream."""
        self._frames = FixedSize(b"\xff", size=4, is_sound=_sum_agrees)

    @property
    def bad(self) -> int:
        """How many frames were damaged so far."""
        return self._frames.bad

    def feed(self, data: bytes) -> list[int]:
        """Take bytes as they come and return the distances that they complete, in steps."""
        return [int.from_bytes(frame[1:3], "big") for frame in self._frames.feed(data)]


def _sum_agrees(frame: bytes) -> bool:
    return sum(frame[:3]) & 0xFF == frame[3] and int.from_bytes(frame[1:3], "big") <= _A02_DISTANCE_MM_MAX
