"""All computed datastreams of a gateway at work: readings in, readings computed from them out. Pure.

Promise: results bear the time of the reading that made them; a result may be the source of another, in the order of the
configuration; bad values make nothing; what is not finite is counted and dropped; a datastream that is *local* is seen
by rules and derivations and never travels. Where a device's own clock was set, what is computed of its records begins
anew; one record with a wrong time silences nothing.
"""

import math
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import NamedTuple

from haechi.contract.observations import Quality, Reading
from haechi.edge.derivations.computations import Computation, Moment
from haechi.sdk.record_times import RecordTimes, Word

_LAYOUTS_MAX = 4096
_AHEAD_S_MAX = 86_400.0
"""A logger that is read back may hold a record a day."""


class Link(NamedTuple):
    """One computed datastream."""

    id: str
    sources: Mapping[str, str]
    """Source → its role; the first is the one whose values make results."""
    computation: Computation
    """As it begins; what works is a copy."""


@dataclass(eq=False, slots=True)
class _Working:
    link: Link
    computation: Computation


class Chain:
    """Runs the derivations."""

    def __init__(
        self,
        links: Sequence[Link] = (),
        local: Collection[str] = (),
        ranges: Mapping[str, tuple[float, float]] | None = None,
        counters: Counter[str] | None = None,
    ) -> None:
        """``ranges`` mark results as bad that cannot be; ``counters`` takes what is dropped."""
        self._local = frozenset(local)
        self._ranges = ranges or {}
        self.counters = Counter() if counters is None else counters
        self._by_source: dict[str, list[tuple[bool, str, _Working]]] = {}
        for link in links:
            working = _Working(link, deepcopy(link.computation))
            for place, (source, role) in enumerate(link.sources.items()):
                self._by_source.setdefault(source, []).append((place == 0, role, working))
        self._watched: dict[tuple[str, ...], list[tuple[int, str, _Working]]] = {}
        self._travelling: dict[tuple[str, ...], tuple[int, ...]] = {}
        self._times: dict[tuple[str, ...], RecordTimes] = {}

    def observe(
        self, reading: Reading, now_s: float, *, by_record: bool = False, history: bool = False
    ) -> list[Reading]:
        """Return what follows from a reading that came at ``now_s`` (monotonic).

        ``by_record``: its time is the device's own, and it is reckoned by that; a record that is not newer than one
        that came before of the same datastreams was read again, and makes nothing again. ``history``: the device gives
        it of the past, so that an old time is nothing new about its clock.
        """
        if not self._by_source:
            return []
        at_s = now_s
        if by_record:
            if not self._is_new(reading, now_s, history=history):
                return []
            at_s = reading.observed_at_us / 1e6
        found: list[Reading] = []
        waiting = deque([reading])
        while waiting:
            current = waiting.popleft()
            at = Moment(at_s, current.observed_at_us)
            for index, role, working in self._watching(current.datastreams):
                quality = Quality.GOOD if current.qualities is None else current.qualities[index]
                if quality is Quality.BAD:
                    continue
                result = working.computation.take(role, current.values[index], quality, at)
                if result is None:
                    continue
                if isinstance(result.value, float) and not math.isfinite(result.value):
                    self.counters["values_not_derived"] += 1
                    continue
                name = working.link.id
                judged = self._judged(name, result.value, result.quality)
                qualities = None if judged is Quality.GOOD else (judged,)
                made = Reading(current.observed_at_us, (name,), (result.value,), qualities)
                found.append(made)
                waiting.append(made)
        return found

    def travelling(self, reading: Reading) -> Reading | None:
        """Return what of a reading goes to the cloud; None where nothing does."""
        if not self._local:
            return reading
        names = reading.datastreams
        if names not in self._travelling:
            if len(self._travelling) >= _LAYOUTS_MAX:
                self._travelling.clear()
            self._travelling[names] = tuple(i for i, name in enumerate(names) if name not in self._local)
        kept = self._travelling[names]
        if len(kept) == len(names):
            return reading
        if not kept:
            return None
        return Reading(
            reading.observed_at_us,
            tuple(names[i] for i in kept),
            tuple(reading.values[i] for i in kept),
            None if reading.qualities is None else tuple(reading.qualities[i] for i in kept),
        )

    def _is_new(self, reading: Reading, now_s: float, *, history: bool) -> bool:
        times = self._times.get(reading.datastreams)
        if times is None:
            if len(self._times) >= _LAYOUTS_MAX:
                self._times.clear()
            times = self._times[reading.datastreams] = RecordTimes(_AHEAD_S_MAX)
        word = times.judge(reading.observed_at_us, reading.observed_at_us, now_s, again=history)
        if word is Word.STEPPED:
            self.counters["device_clock_steps"] += 1
            self._begin_anew(reading.datastreams)
        return word is not Word.STRAYS

    def _begin_anew(self, datastreams: Iterable[str]) -> None:
        """Forget what was computed of these datastreams: they, and what is made of them, bear other times now."""
        waiting, begun = deque(datastreams), set[str]()
        while waiting:
            for _makes, _role, working in self._by_source.get(waiting.popleft(), ()):
                if working.link.id not in begun:
                    begun.add(working.link.id)
                    waiting.append(working.link.id)
                    working.computation = deepcopy(working.link.computation)

    def _watching(self, datastreams: tuple[str, ...]) -> list[tuple[int, str, _Working]]:
        watched = self._watched.get(datastreams)
        if watched is None:
            if len(self._watched) >= _LAYOUTS_MAX:
                self._watched.clear()
            # Within one reading what is only remembered goes first, so that the result is made of this reading.
            found = [
                (makes, index, role, working)
                for index, name in enumerate(datastreams)
                for makes, role, working in self._by_source.get(name, ())
            ]
            found.sort(key=lambda one: one[0])
            watched = self._watched[datastreams] = [(index, role, working) for _makes, index, role, working in found]
        return watched

    def _judged(self, name: str, value: object, quality: Quality) -> Quality:
        lowest, highest = self._ranges.get(name, (-math.inf, math.inf))
        sound = not isinstance(value, int | float) or lowest <= value <= highest
        return quality if sound else Quality.BAD
