"""Samples → readings: stamped, finite, in their possible range or marked bad, derived values added.

Promise: ``observed_at`` of a datastream strictly rises within an epoch; nothing that is not finite passes (it is
counted); a sample with the device's own record time keeps that time. Pure: times come in as arguments.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from haechi.contract.kept import ByNames
from haechi.contract.observations import Quality, Reading, Value
from haechi.edge.derive import Derived
from haechi.sdk.sample import Sample


class _Layout:
    """What is to be done with samples of one set of datastreams; worked out once for each set."""

    __slots__ = ("derived", "described", "names", "ranges")

    def __init__(
        self,
        datastreams: tuple[str, ...],
        described: frozenset[str],
        ranges: Mapping[str, tuple[float, float]],
        derivations: Mapping[str, Sequence[tuple[str, Derived]]],
    ) -> None:
        self.described = described.issuperset(datastreams) and len(set(datastreams)) == len(datastreams)
        self.derived = [
            (index, derived) for index, name in enumerate(datastreams) for _, derived in derivations.get(name, ())
        ]
        self.names = datastreams + tuple(target for name in datastreams for target, _ in derivations.get(name, ()))
        self.ranges = _ranges(self.names, ranges)


_TEXT_CHARACTERS_MAX = 4096
_INTEGER_MIN, _INTEGER_MAX = -(2**63), 2**63 - 1
_DEVICE_TIME_MAX_US = 2**53


class Normaliser:
    """Keeps what is needed to make readings of samples."""

    def __init__(
        self,
        described: Collection[str],
        ranges: Mapping[str, tuple[float, float]] | None = None,
        derivations: Mapping[str, Sequence[tuple[str, Derived]]] | None = None,
        counters: Counter[str] | None = None,
    ) -> None:
        """Keep what a sample is judged by.

        Args:
            described: every datastream that may come; the rest is counted and dropped, the cloud knows no unit for it.
            ranges: datastream → lowest and highest possible value.
            derivations: source → the datastreams computed from it, each with its plan.
            counters: takes what is dropped.
        """
        self._described = frozenset(described)
        self._ranges = ranges or {}
        self._derivations = derivations or {}
        self._layouts: ByNames[_Layout] = ByNames()
        self._last_us: dict[str, int] = {}
        self.counters = Counter() if counters is None else counters

    def reading(self, sample: Sample, time_us: int) -> Reading | None:
        """Return what a sample says as a reading at ``time_us``, which must be later than every other of its epoch.

        Returns None when no value of it can be kept.
        """
        names, values = sample.datastreams, sample.values
        if not names:
            return None
        qualities: Sequence[Quality] | None = sample.qualities
        if qualities is not None:
            qualities = tuple(Quality(quality) for quality in qualities)
        uneven = len(names) != len(values) or (qualities is not None and len(qualities) != len(names))
        told_us = sample.device_time_us
        # An adapter is a partner's: what is no plain number of microseconds would make everybody's parcel unreadable.
        if uneven or (told_us is not None and not (type(told_us) is int and 0 <= told_us < _DEVICE_TIME_MAX_US)):
            self.counters["samples_malformed"] += 1
            return None
        if not _all_travel(values):
            names, values, qualities = self._without_broken(sample)
            if not names:
                return None
        layout = self._layout(names)
        if not layout.described:
            self.counters["samples_not_described"] += 1
            return None
        made = _Made(names, values, qualities, layout.ranges)
        if layout.derived:
            made = self._with_derived(layout, values, qualities)
        return Reading(
            observed_at_us=time_us if told_us is None else told_us,
            datastreams=made.names,
            values=made.values,
            qualities=_judged(made),
        )

    def later(self, reading: Reading, time_us: int) -> Reading:
        """Return a reading that another process stamped, at ``time_us`` or just after what its datastreams had last."""
        newest_us = max((self._last_us.get(name, 0) for name in reading.datastreams), default=0)
        stamped_us = max(time_us, newest_us + 1)
        for name in reading.datastreams:
            self._last_us[name] = stamped_us
        return Reading(stamped_us, reading.datastreams, reading.values, reading.qualities)

    def begin_epoch(self) -> None:
        """Forget the times of the epoch before: in a new one they may be earlier."""
        self._last_us.clear()

    def _layout(self, names: tuple[str, ...]) -> _Layout:
        layout = self._layouts.get(names)
        if layout is None:
            layout = self._layouts.keep(names, _Layout(names, self._described, self._ranges, self._derivations))
        return layout

    def _without_broken(self, sample: Sample) -> tuple[tuple[str, ...], tuple[Value, ...], tuple[Quality, ...] | None]:
        kept = [index for index, value in enumerate(sample.values) if _travels(value)]
        self.counters["values_impossible"] += len(sample.values) - len(kept)
        qualities = None if sample.qualities is None else tuple(sample.qualities[index] for index in kept)
        return (
            tuple(sample.datastreams[index] for index in kept),
            tuple(sample.values[index] for index in kept),
            qualities,
        )

    def _with_derived(self, layout: _Layout, values: tuple[Value, ...], qualities: Sequence[Quality] | None) -> "_Made":
        """Return names, values and qualities with what is derived; what cannot be computed is counted and left out."""
        computed = [derived.value(values[index]) for index, derived in layout.derived]
        made = [(place, value) for place, value in enumerate(computed) if value is not None and math.isfinite(value)]
        names, ranges = layout.names, layout.ranges
        if len(made) < len(computed):
            self.counters["values_not_derived"] += len(computed) - len(made)
            names = (*names[: len(values)], *(names[len(values) + place] for place, _ in made))
            ranges = _ranges(names, self._ranges)
        if qualities is not None:
            qualities = (*qualities, *(qualities[layout.derived[place][0]] for place, _ in made))
        return _Made(names, (*values, *(value for _, value in made)), qualities, ranges)


class _Made(NamedTuple):
    """What becomes a reading."""

    names: tuple[str, ...]
    values: tuple[Value, ...]
    qualities: Sequence[Quality] | None
    ranges: Sequence[tuple[int, float, float]]
    """Place, lowest and highest possible value."""


def _ranges(names: Sequence[str], ranges: Mapping[str, tuple[float, float]]) -> list[tuple[int, float, float]]:
    return [(index, *ranges[name]) for index, name in enumerate(names) if name in ranges]


def _all_travel(values: Sequence[Value]) -> bool:
    # One look at the types and one sum over a block cost far less than a test a value; a sum that overflows is
    # looked at value by value.
    if set(map(type, values)) == {float} and math.isfinite(sum(values)):  # type: ignore[arg-type]
        return True
    return all(_travels(value) for value in values)


def _travels(value: object) -> bool:
    """Tell whether a value can be sent and stored: of the contract's types, finite, of 64 bits, UTF-8, not endless."""
    if type(value) is int:
        return _INTEGER_MIN <= value <= _INTEGER_MAX
    if type(value) is str:
        return len(value) <= _TEXT_CHARACTERS_MAX and (value.isascii() or is_utf8(value))
    return type(value) is bool or (type(value) is float and math.isfinite(value))


def is_utf8(text: str) -> bool:
    """Tell whether a text can be written; what an adapter decoded with ``surrogateescape`` cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _judged(made: _Made) -> tuple[Quality, ...] | None:
    values, qualities = made.values, made.qualities
    judged: list[Quality] | None = None
    for index, lowest, highest in made.ranges:
        value = values[index]
        if isinstance(value, int | float) and not lowest <= value <= highest:
            judged = judged or list(qualities or (Quality.GOOD,) * len(values))
            judged[index] = Quality.BAD
    if judged is not None:
        return tuple(judged)
    return None if qualities is None else tuple(qualities)
