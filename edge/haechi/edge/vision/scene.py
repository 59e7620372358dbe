"""What objects do in a scene: crossing lines, standing in zones. Pure; time is an argument.

Promise: an object counts once for each time it goes from clearly one side of a line to clearly the other, through the
segment itself, by the middle of its lower edge (its foot point), and only if it went some way: the box of a parked car
trembles, and may tremble across a line. Zones are told of in :mod:`.zones`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from haechi.edge.vision import geometry
from haechi.edge.vision.config import LineConfig, ZoneConfig
from haechi.edge.vision.geometry import Point
from haechi.edge.vision.labels import Label
from haechi.edge.vision.tracker import Track
from haechi.edge.vision.zones import Change, Zone

Direction = Literal["forward", "backward"]

_CLEAR_SHARE = 0.05  # "clearly on one side": this share of the object's height away from the line …
_CLEAR_MIN, _CLEAR_MAX = 0.003, 0.02  # … within these bounds
_SWING_SHARE = 0.5  # from one side to the other it must have gone this share of its own extent across the line …
_SWING_S = 5.0  # … from where it was at most so long ago


class Crossing(NamedTuple):
    """An object went over a line."""

    line: str
    direction: Direction
    label: Label
    track: int


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
        self._zones = [Zone(zone, active=zone.name in active) for zone in zones]

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
