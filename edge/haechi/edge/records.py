"""Readings that bear their device's own time: which they are, and which of them are of the past.

Promise: what a broker or a device kept is told from what is of now wherever both clocks can be believed; where one
cannot, everything passes for now, for a false alarm costs less than a missed one.
"""

from collections import Counter
from collections.abc import Iterable

from haechi.contract.observations import Reading
from haechi.contract.parcel import ClockQuality
from haechi.contract.places import Datastream
from haechi.edge.clock import WallClock
from haechi.sdk.lateness import Lateness


class Records:
    """What is known of a gateway's datastreams with times of their own."""

    def __init__(self, datastreams: Iterable[Datastream], clock: WallClock, counters: Counter[str]) -> None:
        """``counters`` takes what is of the past."""
        self._clock, self._counters = clock, counters
        self._clocks = {one.id: one.device_clock for one in datastreams if one.device_time}
        self._well_timed = frozenset(
            name for name, told in self._clocks.items() if told is not None and told.quality == "synchronised"
        )
        self._lateness = Lateness()

    def hold(self, reading: Reading) -> bool:
        """Tell whether a reading is one of them; one without a time, as of a gauge that lost it, is so too."""
        return bool(self._clocks) and any(name in self._clocks for name in reading.datastreams)

    def is_past(self, reading: Reading, time_us: int, now_s: float) -> bool:
        """Tell whether one of them, which came at ``time_us`` (``now_s``, monotonic), is of the past."""
        if self._clock.quality is not ClockQuality.SYNCHRONISED or self._well_timed.isdisjoint(reading.datastreams):
            return False
        if not self._lateness.is_past(reading.datastreams, time_us - reading.observed_at_us, now_s):
            return False
        self._counters["readings_of_the_past"] += 1
        return True
