"""When a zone or line is in force: weekly hours of the wall clock. Pure; time is an argument.

Promise: hours are those of the place's own clocks, summer time included. Hours that end before they begin go on over
midnight and belong to the day that they began on. In spring, hours that begin within the hour that is left out begin
when it is over; in autumn the hour that comes twice counts twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """Hours of certain days; a whole day when both ends are the same."""

    days: frozenset[Day]
    begin: time
    end: time


class Schedule:
    """Weekly hours in one time zone; without hours it is always in force."""

    def __init__(self, spans: Sequence[Span], zone: ZoneInfo) -> None:
        """Takes hours of the clocks of a zone."""
        self._spans = tuple(spans)
        self._zone = zone

    def in_force(self, now_us: int) -> bool:
        """Whether it is in force at a time, microseconds since 1970 UTC."""
        if not self._spans:
            return True
        local = (_EPOCH + timedelta(microseconds=now_us)).astimezone(self._zone)
        today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
        return any(_holds(span, local.time(), today, yesterday) for span in self._spans)


def _holds(span: Span, now: time, today: Day, yesterday: Day) -> bool:
    if span.begin < span.end:
        return today in span.days and span.begin <= now < span.end
    return (today in span.days and now >= span.begin) or (yesterday in span.days and now < span.end)
