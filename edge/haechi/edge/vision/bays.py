"""Whether a parking bay is taken, and whether somebody stays for too long. Pure; time is an argument.

Promise: a bay is taken when a vehicle has stood in it for ``min_duration_s``, free when none was seen there for
``clear_after_s``; until either is known nothing is said, and while a vehicle stops or leaves the last word stands,
marked uncertain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from haechi.contract.observations import Quality
from haechi.edge.vision.geometry import Point
from haechi.edge.vision.measures import Measure
from haechi.edge.vision.raising import Change, Raising, Seen
from haechi.edge.vision.scene_config import ZoneConfig
from haechi.edge.vision.tracker import Track
from haechi.edge.vision.zones import is_in, is_near


@dataclass(slots=True)
class _Vehicle:
    track: Track
    foot: Point
    since_s: float


class Bay:
    """One bay over time."""

    def __init__(self, config: ZoneConfig, *, active: bool) -> None:
        """Begins without knowing; `active` when a violation was raised earlier and not cleared yet."""
        self._config = config
        self._polygon = [Point(*corner) for corner in config.polygon]
        self._raising = Raising(config, active=active)
        self._there: _Vehicle | None = None
        self._taken: bool | None = None
        self._seen_s: float | None = None
        self._looked_s: float | None = None
        self._doubtful = True

    def update(self, tracks: Sequence[Track], now_s: float) -> Change | None:
        """Takes the objects of one look into account; a violation that began or ended, if one did."""
        self._looked_s = now_s if self._looked_s is None else self._looked_s
        inside = [
            track
            for track in tracks
            if track.settled and track.label in self._config.watched and is_in(self._polygon, track)
        ]
        if inside:
            self._seen_s = now_s
            self._stand(inside, now_s)
        else:
            seen_s = self._looked_s if self._seen_s is None else self._seen_s
            self._doubtful = now_s - seen_s < self._config.clear_after_s
            if not self._doubtful:
                self._taken, self._there = False, None
        return self._raising.update(self._overstays(now_s) if inside else None, now_s)

    def measures(self) -> Sequence[Measure]:
        """Whether it is taken; nothing while that is not known."""
        if self._taken is None:
            return ()
        quality = Quality.UNCERTAIN if self._doubtful else Quality.GOOD
        return (Measure(self._config.name, "occupied", float(self._taken), quality),)

    def rest(self, now_s: float) -> Change | None:
        """Watches nothing for now; a violation ends."""
        self.forget()
        return self._raising.rest(now_s)

    def forget(self) -> None:
        """Begins anew after a time without pictures, in which anybody may have left and another come."""
        self._seen_s = self._looked_s = self._there = None
        self._doubtful = True
        self._raising.forget()

    def _stand(self, inside: Sequence[Track], now_s: float) -> None:
        before = self._there
        # A vehicle that was lost and found again bears another number, but stands where it stood.
        same = next((t for t in inside if before is not None and is_near(before.foot, t.box.foot, t.box)), None)
        if before is None or same is None:
            largest = max(inside, key=lambda track: track.box.area)
            self._there = _Vehicle(largest, largest.box.foot, now_s)
        else:
            before.track = same
        stood_s = now_s - self._there.since_s if self._there is not None else 0.0
        if stood_s >= self._config.lasting_s:
            self._taken, self._doubtful = True, False
        else:
            self._doubtful = True

    def _overstays(self, now_s: float) -> Seen | None:
        limit_s, there = self._config.stay_max_s, self._there
        if limit_s is None or there is None or not self._taken or now_s - there.since_s < limit_s:
            return None
        return Seen(there.track.label, there.track.box, 1, there.since_s, there.track.id)
