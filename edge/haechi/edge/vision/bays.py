"""Whether a parking bay is taken, and whether somebody stays for too long. Pure; time is an argument.

Promise: a bay is taken when a vehicle has stood in it for ``min_duration_s``, free when none was seen there for
``clear_after_s``; until either is known nothing is said, and while a vehicle stops or leaves the last word stands,
marked uncertain. A violation ends when its vehicle has gone, though another came at once; after a time that nobody
watched, who stands there is taken for the one that it was raised for.
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
from haechi.edge.vision.zones import LOOKS_TO_KNOW, is_in, is_near


@dataclass(slots=True)
class _Vehicle:
    track: Track
    foot: Point
    since_s: float
    overstays: bool
    """Whether it is, as far as is known, the one that the violation which stands was raised for."""


class Bay:
    """One bay over time."""

    def __init__(self, config: ZoneConfig, *, active: bool) -> None:
        """Begins without knowing; `active` when a violation was raised earlier and not cleared yet."""
        self._config = config
        self._polygon = [Point(*corner) for corner in config.polygon]
        self._raising = Raising(config, active=active, absences_min=LOOKS_TO_KNOW)
        self._unwatched = True
        """Whether it is not known who stood there a moment ago."""
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
                self._taken, self._there, self._unwatched = False, None, False
        return self._raising.update(self._overstays(now_s) if inside else None, now_s)

    @property
    def ending(self) -> bool:
        """Whether its condition stands, and the last look did not show it."""
        return self._raising.ending

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
        self._doubtful = self._unwatched = True
        self._raising.forget()

    def _stand(self, inside: Sequence[Track], now_s: float) -> None:
        there = self._there
        same = None if there is None else self._found_again(there, inside)
        if there is None or same is None:
            largest = max(inside, key=lambda track: track.box.area)
            overstays = self._unwatched and self._raising.active
            there = self._there = _Vehicle(largest, largest.box.foot, now_s, overstays)
        else:
            there.track = same
        self._unwatched = False
        self._doubtful = now_s - there.since_s < self._config.lasting_s
        self._taken = self._taken if self._doubtful else True

    def _found_again(self, there: _Vehicle, inside: Sequence[Track]) -> Track | None:
        """The vehicle that stood there; one that was lost and found again bears another number, but stands there."""
        standing = next((track for track in inside if is_near(there.foot, track.box.foot, track.box)), None)
        if standing is not None or not there.overstays:
            return standing
        # Half hidden, or moved up a little: it has not gone.
        return next((track for track in inside if track.id == there.track.id), None)

    def _overstays(self, now_s: float) -> Seen | None:
        limit_s, there = self._config.stay_max_s, self._there
        if limit_s is None or there is None:
            return None
        there.overstays |= bool(self._taken) and now_s - there.since_s >= limit_s
        if not there.overstays:
            return None
        return Seen(there.track.label, there.track.box, 1, there.since_s, there.track.id)
