"""What objects do in a scene: crossing lines, standing in zones. Pure; time is an argument.

Promise: an object counts once for each time it goes from clearly one side of a line to clearly the other, through the
segment itself, by the middle of its lower edge (its foot point), and only if it went some way: the box of a parked car
trembles, and may tremble across a line. Somebody on a bicycle counts once where both are counted (:mod:`.riding`).
Zones are told of in :mod:`.zones`, :mod:`.bays` and :mod:`.traffic`. What is not in force by its schedule counts
nothing and raises nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from haechi.contract.observations import Quality
from haechi.edge.vision import geometry
from haechi.edge.vision.bays import Bay
from haechi.edge.vision.geometry import Point
from haechi.edge.vision.ground import Ground
from haechi.edge.vision.labels import VEHICLES, Label
from haechi.edge.vision.measures import Measure
from haechi.edge.vision.raising import Change
from haechi.edge.vision.riding import Riding
from haechi.edge.vision.scene_config import LineConfig, ZoneConfig
from haechi.edge.vision.speeds import Speed, Speeds
from haechi.edge.vision.tracker import Track
from haechi.edge.vision.traffic import Congestion, Queue
from haechi.edge.vision.zones import Zone

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
    def __init__(self, config: LineConfig, speeds: Speeds | None, riding: Riding) -> None:
        self._config = config
        self._riding = riding
        self._speeds = speeds if config.speed else None
        self._a, self._b = Point(*config.a), Point(*config.b)
        self._labels = frozenset(config.classes)
        self._passages: dict[int, _Passage] = {}
        self._shown: dict[int, deque[bool]] = {}
        self._measured: list[Speed] = []
        self._ahead: set[tuple[int, Direction]] = set()
        """Who crossed, and may be followed by what carries them, or who by whom they carry."""

    def update(self, tracks: Sequence[Track], now_s: float) -> Iterable[Crossing]:
        there = {track.id for track in tracks}
        self._passages = {id_: passage for id_, passage in self._passages.items() if id_ in there}
        self._shown = {id_: shown for id_, shown in self._shown.items() if id_ in there}
        self._ahead = {(id_, direction) for id_, direction in self._ahead if id_ in there}
        for track in tracks:
            self._shown.setdefault(track.id, deque(maxlen=self._config.confirm[1])).append(not track.misses)
            directions = self._crossed(track, now_s)
            if track.label in self._labels:
                for direction in directions:
                    self._measure(track)
                    if not self._follows(track.id, direction):
                        yield Crossing(self._config.name, direction, track.label, track.id)

    def measures(self) -> Sequence[Measure]:
        """The mean speed of what crossed since it was asked last; nothing when nothing did."""
        measured, self._measured = self._measured, []
        if not measured:
            return ()
        sure = sum(speed.quality is Quality.GOOD for speed in measured)
        quality = Quality.GOOD if 2 * sure > len(measured) else Quality.UNCERTAIN
        mean_km_h = sum(speed.km_h for speed in measured) / len(measured)
        return (Measure(self._config.name, "speed", round(mean_km_h, 1), quality),)

    def forget(self) -> None:
        self._passages.clear()
        self._shown.clear()
        self._measured.clear()
        self._ahead.clear()

    def _follows(self, id_: int, direction: Direction) -> bool:
        """Whether it crosses as the second of two that belong together."""
        for partner in self._riding.partners(id_):
            if (partner, direction) in self._ahead:
                self._ahead.remove((partner, direction))
                return True
        self._ahead.add((id_, direction))
        return False

    def _measure(self, track: Track) -> None:
        if self._speeds is not None and track.label in VEHICLES:
            speed = self._speeds.of(track.id)
            if speed is not None:
                self._measured.append(speed)

    def _counts(self, track: Track, now_s: float) -> bool:
        confirmed = sum(self._shown[track.id]) >= self._config.confirm[0]
        return track.settled and confirmed and now_s - track.first_seen_s >= self._config.min_duration_s

    def _crossed(self, track: Track, now_s: float) -> list[Direction]:
        if track.overlooked:
            return []  # where it should be proves no crossing; where it is seen next does
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
        if not self._counts(track, now_s):
            return []
        done, passage.waiting = passage.waiting, []
        return done


class _Area(Protocol):
    """What zones of all kinds do."""

    def update(self, tracks: Sequence[Track], now_s: float) -> Change | None: ...

    @property
    def ending(self) -> bool: ...

    def measures(self) -> Sequence[Measure]: ...

    def rest(self, now_s: float) -> Change | None: ...

    def forget(self) -> None: ...


class Scene:
    """The lines and zones of one camera."""

    def __init__(
        self,
        lines: Iterable[LineConfig],
        zones: Iterable[ZoneConfig],
        *,
        active: frozenset[str] = frozenset(),
        ground: Ground | None = None,
        time_zone: str = "UTC",
        period_s: float = 10.0,
    ) -> None:
        """Begins with nobody there.

        Args:
            lines: what is counted.
            zones: what is watched.
            active: names of zones whose condition was raised earlier and not cleared yet.
            ground: the plane that speeds and lengths are measured on; needed by zones and lines that measure them.
            time_zone: whose clocks schedules are meant by.
            period_s: what is measured is told so often.
        """
        self._speeds = None if ground is None else Speeds(ground)
        self._riding = Riding()
        self._lines = [(_Line(line, self._speeds, self._riding), line.hours(time_zone)) for line in lines]
        self._zones = [
            (_area(zone, ground, self._speeds, active=zone.name in active), zone.hours(time_zone)) for zone in zones
        ]
        self._period_s = period_s
        self._due_s: float | None = None

    def update(
        self, tracks: Sequence[Track], now_s: float, now_us: int | None = None, *, lines_only: bool = False
    ) -> tuple[list[Crossing], list[Change]]:
        """Takes the objects of one look into account.

        Args:
            tracks: all objects, those that do not count yet included.
            now_s: time of the look, of a clock that only rises.
            now_us: the same by the wall clock, microseconds since 1970 UTC; without it every schedule is in force.
            lines_only: zones wait as they are, for what is seen may prove nothing.
        """
        if self._speeds is not None:
            self._speeds.update(tracks, now_s)
        self._riding.update(tracks)
        crossings: list[Crossing] = []
        for line, hours in self._lines:
            if now_us is None or hours.in_force(now_us):
                crossings += line.update(tracks, now_s)
            else:
                line.forget()
        changes = []
        for zone, hours in [] if lines_only else self._zones:
            in_force = now_us is None or hours.in_force(now_us)
            change = zone.update(tracks, now_s) if in_force else zone.rest(now_s)
            if change is not None:
                changes.append(change)
        return crossings, changes

    @property
    def ending(self) -> bool:
        """Whether a condition stands that the last look did not show: another look would tell more."""
        return any(zone.ending for zone, _hours in self._zones)

    def measures(self, now_s: float) -> list[Measure]:
        """What was measured, when a period is over."""
        if self._due_s is None:
            self._due_s = now_s + self._period_s
        if now_s < self._due_s:
            return []
        self._due_s = now_s + self._period_s
        parts = [line for line, _hours in self._lines] + [zone for zone, _hours in self._zones]
        return [measure for part in parts for measure in part.measures()]

    def forget(self) -> None:
        """Begins anew after a time without pictures; conditions that were raised stay so until they are seen to end."""
        if self._speeds is not None:
            self._speeds.forget()
        self._riding.forget()
        for line, _hours in self._lines:
            line.forget()
        for zone, _hours in self._zones:
            zone.forget()


def _area(config: ZoneConfig, ground: Ground | None, speeds: Speeds | None, *, active: bool) -> _Area:
    if config.kind == "bay":
        return Bay(config, active=active)
    if config.kind == "queue":
        return Queue(config, ground)
    if config.kind == "congestion":
        assert ground is not None and speeds is not None  # noqa: S101, PT018 - the camera's configuration sees to it
        return Congestion(config, ground, speeds, active=active)
    return Zone(config, active=active)
