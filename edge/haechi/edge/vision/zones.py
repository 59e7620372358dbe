"""What objects do in an area of the picture. Pure; time is an argument.

Promise: a condition in a zone is raised once and cleared once, however many objects take part and however they flicker
(:mod:`.raising`). How long it must last is asked of raising it alone: whoever hides behind a lorry, or is met again
after the camera was lost or its process began anew, keeps what was raised from the first look that is sure of them.

Somebody is there (``intrusion``), stays (``loitering``), many are there at a time (``crowding``), a thing was left
(``abandoned``); a vehicle stands (``stopped_vehicle``), stands for long (``parking``), or goes against the way by its
own length (``wrong_way``). What is measured of traffic is told of in :mod:`.traffic`, bays in :mod:`.bays`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from haechi.edge.vision import geometry
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.labels import PEOPLE
from haechi.edge.vision.measures import Measure
from haechi.edge.vision.raising import Change as Change
from haechi.edge.vision.raising import Raising, Seen
from haechi.edge.vision.scene_config import STANDING, ZoneConfig
from haechi.edge.vision.tracker import Track

_FLICKER_LOOKS = 2  # an object may be outside its zone for fewer looks in a row …
_FLICKER_S = 1.0  # … or for no longer than this, and still have been inside all the time
_STILL_SHARE = 0.25  # a vehicle stands while its foot point stays within this share of its smaller side
STANDS_S = 2.0
"""What moved less than it trembles for so long stands."""
LOOKS_TO_KNOW = 3
"""A condition does not end before so many looks could have met its object anew."""
_LOWEST = 0.999
_NEAR_MIN = 0.005  # boxes tremble by this much, however small they are


def is_in(polygon: Sequence[Point], track: Track) -> bool:
    """Whether an object that was seen in this look stands in an area."""
    foot = track.box.foot
    # Feet below the picture's lower edge stand on it, and a zone that reaches the edge has them in it.
    return not track.misses and geometry.inside(polygon, Point(foot.x, min(foot.y, _LOWEST)))


def is_near(before: Point, now: Point, box: Box) -> bool:
    """Whether an object still stands where it stood, as far as its trembling box tells."""
    allowed = max(_NEAR_MIN, _STILL_SHARE * min(box.width, box.height))
    return abs(now.x - before.x) <= allowed and abs(now.y - before.y) <= allowed


@dataclass(slots=True)
class _Presence:
    """How long an object has met a zone's condition."""

    since_s: float
    last_s: float
    foot: Point
    allowed: bool = False
    """Whether what it does here is none of the zone's matter."""
    owned: bool = False
    """Whether somebody was with it."""
    absent: int = 0
    """Looks in a row that it was not seen inside."""

    def gone(self, now_s: float) -> bool:
        """Whether it was away for longer than a flicker, in time as well as in looks: looks may be slow."""
        return self.absent >= _FLICKER_LOOKS and now_s - self.last_s > _FLICKER_S


class Zone:
    """One zone over time."""

    def __init__(self, config: ZoneConfig, *, active: bool) -> None:
        """Begins with nobody there; `active` when its condition was raised earlier and not cleared yet."""
        self._config = config
        self._polygon = [Point(*corner) for corner in config.polygon]
        self._way = None if config.way is None else _across(Point(*config.way[0]), Point(*config.way[1]))
        self._presences: dict[int, _Presence] = {}
        self._raising = Raising(config, active=active, absences_min=LOOKS_TO_KNOW)
        self._full_since_s: float | None = None
        self._missed_since_s: float | None = None
        """Since when nobody of those that count was seen, who may only flicker."""
        self._stands = config.kind in STANDING or config.kind == "abandoned"
        self._taken_back: set[int] = set()
        """Objects that were taken for something else after all: votes near a tie may change sides again and again."""
        self._left_at: Point | None = None
        """Where a thing was left that is told of."""

    def update(self, tracks: Sequence[Track], now_s: float) -> Change | None:
        """Takes the objects of one look into account; what began or ended, if anything did."""
        people = [track for track in tracks if track.label in PEOPLE and not track.misses]
        lasting = [track for track in tracks if self._lasts(track, people, now_s)]
        there = {track.id for track in tracks}
        self._taken_back &= there
        self._presences = {
            id_: presence for id_, presence in self._presences.items() if id_ in there and not presence.gone(now_s)
        }
        if any(not self._presences[track.id].absent for track in lasting):
            self._missed_since_s = None
        elif self._missed_since_s is None:
            self._missed_since_s = now_s
        if self._config.kind == "crowding":
            lasting = self._crowd(lasting, now_s)
        seen = self._seen(lasting)
        if seen is not None and seen.box is not None and self._left_at is None:
            self._left_at = seen.box.foot
        mistaken = self._mistaken(tracks)
        change = self._raising.update(seen, now_s, mistaken=mistaken is not None, missed_since_s=self._missed_since_s)
        if change is not None and change.retracted and mistaken is not None:
            self._taken_back.add(mistaken.id)
            self._presences.pop(mistaken.id, None)
        if not self._raising.active:
            self._left_at = None
        return change

    @property
    def ending(self) -> bool:
        """Whether its condition stands, and the last look did not show it."""
        return self._raising.ending

    def measures(self) -> Sequence[Measure]:
        """What it measured since it was asked last: nothing."""
        return ()

    def rest(self, now_s: float) -> Change | None:
        """Watches nothing for now; what was raised ends."""
        self.forget()
        return self._raising.rest(now_s)

    def forget(self) -> None:
        """Begins anew after a time without pictures; what was raised stays so until it is seen to end."""
        self._presences.clear()
        self._taken_back.clear()
        self._full_since_s = self._missed_since_s = None
        self._raising.forget()

    def _seen(self, lasting: Sequence[Track]) -> Seen | None:
        if not lasting:
            return None
        first = min(lasting, key=lambda track: self._presences[track.id].since_s)
        since_s = self._presences[first.id].since_s if self._full_since_s is None else self._full_since_s
        # One of a crowd that proves to be something else is no reason to take the crowd back.
        track = first.id if self._config.kind != "crowding" else None
        return Seen(first.label, first.box, len(lasting), since_s, track)

    def _mistaken(self, tracks: Sequence[Track]) -> Track | None:
        """The object that the condition began with, when it is seen and no longer taken for what it was."""
        taken_back = (
            track
            for track in tracks
            if track.id == self._raising.began_with and not track.misses and track.label not in self._config.watched
        )
        return next(taken_back, None)

    def _lasts(self, track: Track, people: Sequence[Track], now_s: float) -> bool:
        if track.label not in self._config.watched:
            if track.id in self._taken_back:
                self._presences.pop(track.id, None)
            return False
        presence = self._presences.get(track.id)
        foot = track.box.foot
        if not is_in(self._polygon, track):
            if presence is None:
                return False
            presence.absent += 1
        elif presence is None:
            if track.overlooked:
                return False  # only what is seen comes in
            presence = self._presences[track.id] = _Presence(now_s, now_s, foot, allowed=self._way is not None)
        else:
            self._go_on(presence, foot, track.box, now_s)
            presence.last_s, presence.absent = now_s, 0
        if self._config.kind == "abandoned" and not track.misses:
            self._own(presence, track, people, now_s)
        lasted_s = presence.last_s - presence.since_s
        return track.settled and not presence.gone(now_s) and not presence.allowed and lasted_s >= self._enough_s(track)

    def _enough_s(self, track: Track) -> float:
        """How long somebody must have done it to be told of, or to keep what is told already."""
        if self._config.kind == "crowding":
            return 0.0  # it lasts however its people change
        if not self._raising.active:
            doubted_s = self._config.retract_within_s if track.id in self._taken_back else 0.0
            return max(self._config.lasting_s, doubted_s)
        return min(self._config.lasting_s, STANDS_S) if self._stands else 0.0

    def _go_on(self, presence: _Presence, foot: Point, box: Box, now_s: float) -> None:
        """Begins an object's time anew when it does what is allowed."""
        if self._stands and not is_near(presence.foot, foot, box):
            presence.since_s, presence.foot = now_s, foot
        if self._way is not None:
            ahead = geometry.side(*self._way, foot) - geometry.side(*self._way, presence.foot)
            if ahead > 0:
                presence.foot = foot
            presence.allowed = -ahead < geometry.extent_across(*self._way, box)
            if presence.allowed:
                presence.since_s = now_s

    def _own(self, presence: _Presence, thing: Track, people: Sequence[Track], now_s: float) -> None:
        """A thing is left from when the last who was with it has gone; what nobody ever was with belongs there."""
        if any(_is_with(person.box, thing.box, self._config.owner_heights) for person in people):
            presence.owned, presence.since_s = True, now_s
        presence.allowed = not presence.owned and not self._is_what_was_left(thing.box)

    def _is_what_was_left(self, box: Box) -> bool:
        """Whether a thing lies where one was left; after a restart nobody knows where, and any may be it."""
        return self._raising.active and (self._left_at is None or is_near(self._left_at, box.foot, box))

    def _crowd(self, there: list[Track], now_s: float) -> list[Track]:
        """Those who are there, when they are a crowd and have been one for long enough."""
        if len(there) < self._config.count_min:
            self._full_since_s = None
            return []
        self._full_since_s = now_s if self._full_since_s is None else self._full_since_s
        lasts = self._raising.active or now_s - self._full_since_s >= self._config.lasting_s
        return there if lasts else []


def _is_with(person: Box, thing: Box, heights: float) -> bool:
    reach = heights * person.height
    foot = thing.foot
    # To the side from the box's edges; a step ahead or back shows as far less height than it is.
    beside = max(person.left - foot.x, foot.x - person.right, 0.0)
    return beside <= reach and abs(person.foot.y - foot.y) <= reach / 2


def _across(start: Point, end: Point) -> tuple[Point, Point]:
    """A line at right angles to a way, with what lies ahead on its right."""
    return start, Point(start.x + end.y - start.y, start.y - (end.x - start.x))
