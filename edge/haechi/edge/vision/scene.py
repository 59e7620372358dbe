"""What objects do in a scene: crossing lines, standing in zones. Pure; time is an argument.

Promise: an object counts once for each time it goes from clearly one side of a line to clearly the other, through the
segment itself, by the middle of its lower edge (its foot point). A condition in a zone is raised once and cleared
once, however many objects take part and however they flicker.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from haechi.edge.vision import geometry
from haechi.edge.vision.config import LineConfig, ZoneConfig
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.labels import Label
from haechi.edge.vision.tracker import Track

Direction = Literal["forward", "backward"]

_CLEAR_SHARE = 0.05  # "clearly on one side": this share of the object's height away from the line …
_CLEAR_MIN, _CLEAR_MAX = 0.003, 0.02  # … within these bounds
_FLICKER_S = 1.0  # an object may be outside its zone for so long and still have been inside all the time
_STILL_SHARE = 0.25  # a vehicle stands while its foot point stays within this share of its smaller side
_STILL_MIN = 0.005


class Crossing(NamedTuple):
    """An object went over a line."""

    line: str
    direction: Direction
    label: Label
    track: int


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
class _Passage:
    """Where an object stood when it was last clearly on one side of a line."""

    side: int
    foot: Point
    waiting: list[Direction] = field(default_factory=list)  # crossed before the object counted


class _Line:
    def __init__(self, config: LineConfig) -> None:
        self._name = config.name
        self._a, self._b = Point(*config.a), Point(*config.b)
        self._labels = frozenset(config.classes)
        self._passages: dict[int, _Passage] = {}

    def update(self, tracks: Sequence[Track]) -> Iterable[Crossing]:
        there = {track.id for track in tracks}
        self._passages = {id_: passage for id_, passage in self._passages.items() if id_ in there}
        for track in tracks:
            directions = self._crossed(track)
            if directions and track.settled and track.label in self._labels:
                yield from (Crossing(self._name, direction, track.label, track.id) for direction in directions)

    def _crossed(self, track: Track) -> list[Direction]:
        foot = track.box.foot
        distance = geometry.side(self._a, self._b, foot)
        passage = self._passages.get(track.id)
        if abs(distance) >= min(max(_CLEAR_SHARE * track.box.height, _CLEAR_MIN), _CLEAR_MAX):
            side = 1 if distance > 0 else -1
            if passage is None:
                passage = self._passages[track.id] = _Passage(side, foot)
            elif side != passage.side and geometry.segments_cross(self._a, self._b, passage.foot, foot):
                passage.waiting.append("forward" if side > 0 else "backward")
            passage.side, passage.foot = side, foot
        if passage is None or not track.settled:
            return []
        done, passage.waiting = passage.waiting, []
        return done


@dataclass(slots=True)
class _Presence:
    """How long an object has met a zone's condition."""

    since_s: float
    last_s: float
    foot: Point


class _Zone:
    def __init__(self, config: ZoneConfig, *, active: bool) -> None:
        self._config = config
        self._polygon = [Point(*corner) for corner in config.polygon]
        self._presences: dict[int, _Presence] = {}
        self._active = active
        self._since_s: float | None = None
        self._last_s: float | None = None
        self._count = 0

    def update(self, tracks: Sequence[Track], now_s: float) -> Change | None:
        if self._active and self._last_s is None:
            # Raised before this process began: it ends like any other when nothing is there.
            self._since_s = self._last_s = now_s
        lasting = [track for track in tracks if self._lasts(track, now_s)]
        there = {track.id for track in tracks}
        self._presences = {
            id_: presence
            for id_, presence in self._presences.items()
            if id_ in there and now_s - presence.last_s <= _FLICKER_S
        }
        if lasting:
            self._last_s = now_s
            self._count = max(self._count, len(lasting))
            if not self._active:
                self._active = True
                first = min(lasting, key=lambda track: self._presences[track.id].since_s)
                self._since_s = self._presences[first.id].since_s
                return Change(self._config.name, True, first.label, first.box, self._count, self._since_s)
        elif self._active and self._last_s is not None and now_s - self._last_s >= self._config.clear_after_s:
            change = Change(self._config.name, False, None, None, self._count, self._since_s or now_s)
            self._active, self._count = False, 0
            return change
        return None

    def _lasts(self, track: Track, now_s: float) -> bool:
        if track.label not in self._config.watched:
            return False
        presence = self._presences.get(track.id)
        foot = track.box.foot
        if not track.misses and geometry.inside(self._polygon, foot):
            if presence is None or now_s - presence.last_s > _FLICKER_S:
                presence = self._presences[track.id] = _Presence(now_s, now_s, foot)
            elif self._config.kind == "stopped_vehicle" and not _still(presence.foot, foot, track.box):
                presence.since_s, presence.foot = now_s, foot
            presence.last_s = now_s
        return (
            presence is not None
            and track.settled
            and now_s - presence.last_s <= _FLICKER_S
            and now_s - presence.since_s >= self._config.lasting_s
        )


def _still(before: Point, now: Point, box: Box) -> bool:
    allowed = max(_STILL_MIN, _STILL_SHARE * min(box.width, box.height))
    return abs(now.x - before.x) <= allowed and abs(now.y - before.y) <= allowed


class Scene:
    """The lines and zones of one camera."""

    def __init__(
        self, lines: Iterable[LineConfig], zones: Iterable[ZoneConfig], *, active: frozenset[str] = frozenset()
    ) -> None:
        """Begins with nobody there.

        Args:
            lines: what is counted.
            zones: what is watched.
            active: names of zones whose condition was raised earlier and not cleared yet.
        """
        self._lines = [_Line(line) for line in lines]
        self._zones = [_Zone(zone, active=zone.name in active) for zone in zones]

    def update(self, tracks: Sequence[Track], now_s: float) -> tuple[list[Crossing], list[Change]]:
        """Takes the objects of one look into account.

        Args:
            tracks: all objects, those that do not count yet included.
            now_s: time of the look, of a clock that only rises.
        """
        crossings = [crossing for line in self._lines for crossing in line.update(tracks)]
        changes = [change for zone in self._zones if (change := zone.update(tracks, now_s)) is not None]
        return crossings, changes
