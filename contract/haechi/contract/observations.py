"""Observations: one value of one datastream at one time, with its quality.

In flight they are kept together as they were read: a :class:`Reading` is what one block read gave at one time, a
:class:`Table` is many readings of the same datastreams as columns. Times are microseconds since 1970-01-01 UTC.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from msgspec import Struct

from haechi.contract.places import Step

Value = float | int | bool | str
"""A number in the datastream's unit, a truth, or a text. Never NaN and never infinite."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(time_us: int) -> datetime:
    """Return microseconds since 1970 as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=time_us)


class Quality(IntEnum):
    """How far a value can be trusted (OPC UA's three classes)."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


class Observation(Struct, frozen=True):
    """One value: what the SensorThings model calls an Observation."""

    datastream: str
    observed_at_us: int
    value: Value
    quality: Quality = Quality.GOOD

    @property
    def observed_at(self) -> datetime:
        """The sensor's time, aware, UTC."""
        return utc(self.observed_at_us)


class Reading(Struct, frozen=True, gc=False):
    """Observations that share one time, such as one Modbus block or one serial frame."""

    observed_at_us: int
    datastreams: tuple[str, ...]
    values: tuple[Value, ...]
    """One value a datastream, in the same order."""
    qualities: tuple[Quality, ...] | None = None
    """One quality a datastream; None means that all are good."""

    def observations(self) -> Iterator[Observation]:
        """Yield the single observations in the order of ``datastreams``."""
        qualities = self.qualities or (Quality.GOOD,) * len(self.datastreams)
        for datastream, value, quality in zip(self.datastreams, self.values, qualities, strict=True):
            yield Observation(datastream, self.observed_at_us, value, quality)


class Table(Struct, gc=False):
    """Readings of the same datastreams as columns, oldest first: ``columns[c][r]`` was observed at ``times_us[r]``."""

    datastreams: tuple[str, ...]
    times_us: list[int]
    columns: list[list[Value]]
    steps: tuple[Step | None, ...]
    """The step of each column where its values are a device's integers, else None."""
    qualities: dict[int, list[Quality]]
    """Quality of each row, only for the columns in which a value is not good."""

    @property
    def size(self) -> int:
        """How many observations the table holds."""
        return len(self.datastreams) * len(self.times_us)

    def readings(self) -> Iterator[Reading]:
        """Yield the rows as readings, oldest first."""
        for row, time_us in enumerate(self.times_us):
            qualities = None
            if self.qualities:
                qualities = tuple(
                    self.qualities[column][row] if column in self.qualities else Quality.GOOD
                    for column in range(len(self.columns))
                )
            yield Reading(time_us, self.datastreams, tuple(column[row] for column in self.columns), qualities)


def is_finite(value: Value) -> bool:
    """Tell whether a value may travel: a float must be neither NaN nor infinite."""
    return not isinstance(value, float) or math.isfinite(value)


def tables(readings: Sequence[Reading], steps: dict[str, Step]) -> list[Table]:
    """Gather readings into tables, one for each set of datastreams, rows in the order given.

    ``steps`` holds the step of each datastream whose device gives integers; a column keeps it only when every one of
    its values is exactly such a count.
    """
    gathered: dict[tuple[str, ...], list[Reading]] = {}
    for reading in readings:
        gathered.setdefault(reading.datastreams, []).append(reading)
    return [_table(datastreams, rows, steps) for datastreams, rows in gathered.items()]


def _table(datastreams: tuple[str, ...], rows: list[Reading], steps: dict[str, Step]) -> Table:
    columns: list[list[Value]] = [list(column) for column in zip(*(row.values for row in rows), strict=True)]
    qualities: dict[int, list[Quality]] = {}
    if any(row.qualities for row in rows):
        good = (Quality.GOOD,) * len(datastreams)
        by_column = zip(*(row.qualities or good for row in rows), strict=True)
        qualities = {index: list(column) for index, column in enumerate(by_column) if any(column)}
    return Table(
        datastreams=datastreams,
        times_us=[row.observed_at_us for row in rows],
        columns=columns,
        steps=tuple(steps.get(datastream) for datastream in datastreams),
        qualities=qualities,
    )
