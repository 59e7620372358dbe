"""Which points may be written, decided once for every store: what time names a point, and what is refused.

Refused, before anything is written: not finite (InfluxDB 1 drops NaN and says nothing), older than the retention
(dropped as silently), more than a day ahead (one point in 2037 would own "the newest value" for years).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from math import isfinite

from haechi.cloud.clock import DAY_US
from haechi.cloud.store import Batch, RefusedPoint
from haechi.contract.observations import Table, Value

_NANOSECONDS = 1000  # in a microsecond

Point = tuple[str, int, Value, int]
"""Datastream, time in nanoseconds, value, quality."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a store accepts, by the cloud's own clock."""

    clock_us: Callable[[], int]
    retention_us: int | None = None
    """Older points are refused; None keeps everything since 1970."""
    ahead_us: int = DAY_US
    """Points further in the future are refused."""

    def window_us(self) -> tuple[int, int]:
        """Return the oldest and the newest time that are accepted now."""
        now_us = self.clock_us()
        oldest_us = 0 if self.retention_us is None else max(0, now_us - self.retention_us)
        return oldest_us, now_us + self.ahead_us


def clean_times_ns(batch: Batch, table: Table, window_us: tuple[int, int]) -> list[int] | None:
    """Return the points' times where the whole table may be written as it is, one a row; else None.

    The common case, decided at the cost of adding up: every value a finite number or a truth, every time within the
    window, no device time. Whatever is in doubt goes through :func:`admitted`, point by point.
    """
    if batch.device_time or min(table.times_us) < window_us[0] or max(table.times_us) > window_us[1]:
        return None
    try:
        if not isfinite(sum(chain.from_iterable(table.columns))):  # type: ignore[arg-type]  # text raises TypeError
            return None
    except (TypeError, OverflowError):
        return None
    return [time_us * _NANOSECONDS + batch.epoch_number for time_us in table.times_us]


def admitted(batch: Batch, table: Table, window_us: tuple[int, int], refused: list[RefusedPoint]) -> Iterator[Point]:
    """Yield the points of a table that may be written; append the others to ``refused``."""
    exact_ns = [time_us * _NANOSECONDS for time_us in table.times_us]
    named_ns = [time_ns + batch.epoch_number for time_ns in exact_ns]
    for column, (datastream, values) in enumerate(zip(table.datastreams, table.columns, strict=True)):
        times_ns = exact_ns if datastream in batch.device_time else named_ns
        for time_ns, value, quality in zip(times_ns, values, _qualities(table, column), strict=False):
            reason = _objection(time_ns // _NANOSECONDS, value, *window_us)
            if reason is None:
                yield datastream, time_ns, value, quality
            else:
                refused.append(RefusedPoint(batch.tenant, batch.gateway, datastream, time_ns, value, reason))


def _qualities(table: Table, column: int) -> Iterator[int]:
    qualities = table.qualities.get(column)
    return repeat(0) if qualities is None else map(int, qualities)


def _objection(time_us: int, value: Value, oldest_us: int, newest_us: int) -> str | None:
    if isinstance(value, float) and not isfinite(value):
        return "the value is not finite"
    if time_us < oldest_us:
        return "the time is before the retention of the store"
    if time_us > newest_us:
        return "the time is more than a day ahead of the cloud's clock"
    return None
