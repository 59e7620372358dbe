"""What objects do in a scene: crossing lines, standing in zones. Pure; time is an argument.

Promise: an object counts once for each time it goes from clearly one side of a line to clearly the other, through the
segment itself, by the middle of its lower edge (its foot point), and only if it went some way: the box of a parked car
trembles, and may tremble across a line. A condition in a zone is raised once and cleared
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
_SWING_SHARE = 0.5  # from one side to the other it must have gone this share of its own extent across the line …
_SWING_S = 5.0  # … from where it was at most so long ago
_FLICKER_LOOKS = 2  # an object may be outside its zone for fewer looks in a row …
_FLICKER_S = 1.0  # … or for no longer than this, and still have been inside all the time
_STILL_SHARE = 0.25  # a vehicle stands while its foot point stays within this share of its smaller side
_LOWEST = 0.999
_NEAR_MIN = 0.005  # boxes tremble by this much, however small they are


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
    """How an object stands to one line."""

    side: int
    """1 on the right of a→b, -1 on the left; where it was when it last counted as being on one side."""
    foot: Point
    """Where it was last seen on that side."""
    far: float
    """How far from the line it was on that side lately, and when."""
    far_s: float
    through: bool | None = None
    """On the other side: whether it went there through the segment."""
    waiting: list[Direction] = field(default_factory=list)  # crossed before the object counted

    def move(self, distance: float, foot: Point, *, clear: float, extent: float, through: bool, now_s: float) -> None:
        """Takes its next position into account.

        Args:
            distance: from the line, signed as `side` is.
            foot: where it is.
            clear: from which distance on it is clearly on one side.
            extent: how large it is, measured across the line.
            through: whether the way from `self.foot` to `foot` meets the segment.
            now_s: time of the look.
        """
        if distance * self.side >= 0:
            if abs(distance) >= self.far or now_s - self.far_s > _SWING_S:
                self.far, self.far_s = abs(distance), now_s
            self.foot, self.through = foot, None
            return
        if self.through is None:
            self.through = through
        swing = abs(distance) + (self.far if now_s - self.far_s <= _SWING_S else 0.0)
        if abs(distance) >= clear and swing >= _SWING_SHARE * extent:
            if self.through:
                self._cross("backward" if self.side > 0 else "forward")
            self.side, self.foot, self.through = -self.side, foot, None
            self.far, self.far_s = abs(distance), now_s

    def _cross(self, direction: Direction) -> None:
        # There and back before the object counted is no crossing.
        if self.waiting and self.waiting[-1] != direction:
            self.waiting.pop()
        else:
            self.waiting.append(direction)


class _Line:
    def __init__(self, config: LineConfig) -> None:
        self._name = config.name
        self._a, self._b = Point(*config.a), Point(*config.b)
        self._labels = frozenset(config.classes)
        self._passages: dict[int, _Passage] = {}

    def update(self, tracks: Sequence[Track], now_s: float) -> Iterable[Crossing]:
        there = {track.id for track in tracks}
        self._passages = {id_: passage for id_, passage in self._passages.items() if id_ in there}
        for track in tracks:
            directions = self._crossed(track, now_s)
            if track.label in self._labels:
                yield from (Crossing(self._name, direction, track.label, track.id) for direction in directions)

    def forget(self) -> None:
        self._passages.clear()

    def _crossed(self, track: Track, now_s: float) -> list[Direction]:
        foot = track.box.foot
        distance = geometry.side(self._a, self._b, foot)
        clear = min(max(_CLEAR_SHARE * track.box.height, _CLEAR_MIN), _CLEAR_MAX)
        passage = self._passages.get(track.id)
        if passage is None:
            if abs(distance) >= clear:
                self._passages[track.id] = _Passage(1 if distance > 0 else -1, foot, abs(distance), now_s)
            return []
        passage.move(
            distance,
            foot,
            clear=clear,
            extent=geometry.extent_across(self._a, self._b, track.box),
            through=geometry.segments_cross(self._a, self._b, passage.foot, foot),
            now_s=now_s,
        )
        if not track.settled:
            return []
        done, passage.waiting = passage.waiting, []
        return done


@dataclass(slots=True)
class _Presence:
    """How long an object has met a zone's condition."""

    since_s: float
    last_s: float
    foot: Point
    absent: int = 0
    """Looks in a row that it was not seen inside."""

    def gone(self, now_s: float) -> bool:
        """Whether it was away for longer than a flicker, in time as well as in looks: looks may be slow."""
        return self.absent >= _FLICKER_LOOKS and now_s - self.last_s > _FLICKER_S


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
            # Raised before this process began, or before the camera was lost: time that nobody watched proves nothing.
            self._last_s = now_s
            self._since_s = now_s if self._since_s is None else self._since_s
        lasting = [track for track in tracks if self._lasts(track, now_s)]
        there = {track.id for track in tracks}
        self._presences = {
            id_: presence for id_, presence in self._presences.items() if id_ in there and not presence.gone(now_s)
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
            change = Change(
                self._config.name, False, None, None, self._count, now_s if self._since_s is None else self._since_s
            )
            self._active, self._count = False, 0
            return change
        return None

    def forget(self) -> None:
        self._presences.clear()
        self._last_s = None

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
            presence = self._presences[track.id] = _Presence(now_s, now_s, foot)
        else:
            if self._config.kind == "stopped_vehicle" and not _near(presence.foot, foot, _STILL_SHARE, track.box):
                presence.since_s, presence.foot = now_s, foot
            presence.last_s, presence.absent = now_s, 0
        lasted_s = presence.last_s - presence.since_s
        return track.settled and not presence.gone(now_s) and lasted_s >= self._config.lasting_s


def _near(before: Point, now: Point, share: float, box: Box) -> bool:
    allowed = max(_NEAR_MIN, share * min(box.width, box.height))
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
        crossings = [crossing for line in self._lines for crossing in line.update(tracks, now_s)]
        changes = [change for zone in self._zones if (change := zone.update(tracks, now_s)) is not None]
        return crossings, changes

    def forget(self) -> None:
        """Begins anew after a time without pictures; conditions that were raised stay so until they are seen to end."""
        for line in self._lines:
            line.forget()
        for zone in self._zones:
            zone.forget()
