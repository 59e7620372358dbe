"""What objects do in an area of the picture. Pure; time is an argument.

Promise: a condition in a zone is raised once and cleared once, however many objects take part and however they flicker.

Somebody is there (``intrusion``), stays (``loitering``), many are there at a time (``crowding``); a vehicle stands
(``stopped_vehicle``), stands for long (``parking``), or goes against the way by its own length (``wrong_way``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from haechi.edge.vision import geometry
from haechi.edge.vision.config import STANDING, ZoneConfig
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.labels import Label
from haechi.edge.vision.tracker import Track

_FLICKER_LOOKS = 2  # an object may be outside its zone for fewer looks in a row …
_FLICKER_S = 1.0  # … or for no longer than this, and still have been inside all the time
_STILL_SHARE = 0.25  # a vehicle stands while its foot point stays within this share of its smaller side
_LOWEST = 0.999
_NEAR_MIN = 0.005  # boxes tremble by this much, however small they are


class Change(NamedTuple):
    """A condition in a zone began or ended."""

    zone: str
    raised: bool
    label: Label | None
    """Of the object that it began with; None at the end."""
    box: Box | None
    number: int
    """Most objects at one time, so far."""
    since_s: float
    """When it began."""


@dataclass(slots=True)
class _Presence:
    """How long an object has met a zone's condition."""

    since_s: float
    last_s: float
    foot: Point
    allowed: bool = False
    """Whether what it does here is none of the zone's matter."""
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
        self._active = active
        self._since_s: float | None = None
        self._last_s: float | None = None
        self._count = 0
        self._full_since_s: float | None = None

    def update(self, tracks: Sequence[Track], now_s: float) -> Change | None:
        """Takes the objects of one look into account; what began or ended, if anything did."""
        if self._active and self._last_s is None:
            # Raised before this process began, or before the camera was lost: time that nobody watched proves nothing.
            self._last_s = now_s
            self._since_s = now_s if self._since_s is None else self._since_s
        lasting = [track for track in tracks if self._lasts(track, now_s)]
        there = {track.id for track in tracks}
        self._presences = {
            id_: presence for id_, presence in self._presences.items() if id_ in there and not presence.gone(now_s)
        }
        if self._config.kind == "crowding":
            lasting = self._crowd(lasting, now_s)
        if lasting:
            self._last_s = now_s
            self._count = max(self._count, len(lasting))
            if not self._active:
                self._active = True
                first = min(lasting, key=lambda track: self._presences[track.id].since_s)
                begun_s = self._presences[first.id].since_s
                self._since_s = begun_s if self._full_since_s is None else self._full_since_s
                return Change(self._config.name, True, first.label, first.box, self._count, self._since_s)
        elif self._active and self._last_s is not None and now_s - self._last_s >= self._config.clear_after_s:
            change = Change(
                self._config.name, False, None, None, self._count, now_s if self._since_s is None else self._since_s
            )
            self._active, self._count = False, 0
            return change
        return None

    def forget(self) -> None:
        """Begins anew after a time without pictures; what was raised stays so until it is seen to end."""
        self._presences.clear()
        self._last_s = self._full_since_s = None

    def _lasts(self, track: Track, now_s: float) -> bool:
        if track.label not in self._config.watched:
            return False
        presence = self._presences.get(track.id)
        foot = track.box.foot
        # Feet below the picture's lower edge stand on it, and a zone that reaches the edge has them in it.
        if track.misses or not geometry.inside(self._polygon, Point(foot.x, min(foot.y, _LOWEST))):
            if presence is None:
                return False
            presence.absent += 1
        elif presence is None:
            presence = self._presences[track.id] = _Presence(now_s, now_s, foot, allowed=self._way is not None)
        else:
            self._go_on(presence, foot, track.box, now_s)
            presence.last_s, presence.absent = now_s, 0
        # A crowd lasts however its people change.
        enough_s = 0.0 if self._config.kind == "crowding" else self._config.lasting_s
        lasted_s = presence.last_s - presence.since_s
        return track.settled and not presence.gone(now_s) and not presence.allowed and lasted_s >= enough_s

    def _go_on(self, presence: _Presence, foot: Point, box: Box, now_s: float) -> None:
        """Begins an object's time anew when it does what is allowed."""
        if self._config.kind in STANDING and not _near(presence.foot, foot, _STILL_SHARE, box):
            presence.since_s, presence.foot = now_s, foot
        if self._way is not None:
            ahead = geometry.side(*self._way, foot) - geometry.side(*self._way, presence.foot)
            if ahead > 0:
                presence.foot = foot
            presence.allowed = -ahead < geometry.extent_across(*self._way, box)
            if presence.allowed:
                presence.since_s = now_s

    def _crowd(self, there: list[Track], now_s: float) -> list[Track]:
        """Those who are there, when they are a crowd and have been one for long enough."""
        if len(there) < self._config.count_min:
            self._full_since_s = None
            return []
        self._full_since_s = now_s if self._full_since_s is None else self._full_since_s
        return there if now_s - self._full_since_s >= self._config.lasting_s else []


def _near(before: Point, now: Point, share: float, box: Box) -> bool:
    allowed = max(_NEAR_MIN, share * min(box.width, box.height))
    return abs(now.x - before.x) <= allowed and abs(now.y - before.y) <= allowed


def _across(start: Point, end: Point) -> tuple[Point, Point]:
    """A line at right angles to a way, with what lies ahead on its right."""
    return start, Point(start.x + end.y - start.y, start.y - (end.x - start.x))
