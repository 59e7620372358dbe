"""The times that a device gives its records: which go on from those before, and when its clock was set. Pure.

Promise: one record with a wrong time (damaged, forged, of a clock before it was set) neither counts nor keeps those
after it from counting; a clock that was set, forwards or back, is believed once its records have risen steadily for
some seconds and none of the old line has come between. A record that merely came before is never a step: what is
read again catches up with the old line, and what comes twice does not rise.
"""

from dataclasses import dataclass
from enum import Enum

_RECORDS_MIN = 3
_RISING_S_MIN = 3.0


class Word(Enum):
    """What a record's time says."""

    FOLLOWS = "follows"
    """It goes on from those before."""
    STRAYS = "strays"
    """It came before, or far ahead of the others: not to be used."""
    STEPPED = "stepped"
    """The device's clock was set: this record begins a new line, and times before it mean nothing for it."""


@dataclass(slots=True)
class _OtherLine:
    first_us: int
    last_us: int
    begun_s: float
    records: int = 1


class RecordTimes:
    """One device's line of records."""

    def __init__(self, ahead_s_max: float) -> None:
        """``ahead_s_max``: farther ahead of what has passed since the record before, a record is not believed alone."""
        self._ahead_s_max = ahead_s_max
        self._newest_us: int | None = None
        self._came_s = 0.0
        self._other: _OtherLine | None = None

    def judge(self, first_us: int, last_us: int, now_s: float, *, again: bool = False) -> Word:
        """Judge a record, or a packet of them, that came at ``now_s`` (monotonic).

        Args:
            first_us: time of its first sample.
            last_us: what the next one must be later than.
            now_s: when it came.
            again: the device gives it of the past: where it is old, that is nothing new about its clock.
        """
        if self._newest_us is None:
            return self._believe(last_us, now_s, Word.FOLLOWS)
        ahead_us = first_us - self._newest_us
        if 0 < ahead_us <= 1e6 * (self._ahead_s_max + now_s - self._came_s):
            return self._believe(last_us, now_s, Word.FOLLOWS)
        if again and ahead_us <= 0:
            return Word.STRAYS
        other = self._other
        if other is None or (first_us <= other.last_us and first_us != other.first_us):
            self._other = _OtherLine(first_us, last_us, now_s)
        elif first_us > other.last_us:
            other.first_us, other.last_us = first_us, last_us
            other.records += 1
            if other.records >= _RECORDS_MIN and now_s - other.begun_s >= _RISING_S_MIN:
                return self._believe(last_us, now_s, Word.STEPPED)
        return Word.STRAYS

    def _believe(self, last_us: int, now_s: float, word: Word) -> Word:
        self._newest_us, self._came_s, self._other = last_us, now_s, None
        return word
