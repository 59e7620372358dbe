"""Queues and congestion in an area of a road. Pure; time is an argument.

Promise: a queue is what stands, one behind the other, from where the way ends back to the first large gap; its length
is measured on the ground and uncertain as far from the camera as a box's trembling is worth a car. Congestion is told
by how fast those in the area go, compared with a free road, and by how much of the area they cover.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from haechi.contract.observations import Quality
from haechi.edge.vision import geometry
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.ground import Ground
from haechi.edge.vision.measures import Measure
from haechi.edge.vision.raising import Change, Raising, Seen
from haechi.edge.vision.scene_config import ZoneConfig
from haechi.edge.vision.speeds import Speeds
from haechi.edge.vision.tracker import Track
from haechi.edge.vision.zones import STANDS_S, is_in, is_near

_VEHICLE_M = 5.0
_GAP_MAX_M = 20.0
_GAP_MAX_LENGTHS = 3.0  # of the vehicle behind, where there is no ground in metres
_SURE_M = 2.5
_MEAN_OVER_S = 30.0
_SPEED_SHARES = (0.67, 0.50, 0.30)
"""Of the free speed, below which a level begins: B to C, C to D, E to F of urban streets (Highway Capacity Manual
2010, chapter 16)."""
_OCCUPANCY_MIN = 0.08  # below this nobody hinders anybody, however slow they are
_GRID = 24


class _Standing(NamedTuple):
    foot: Point
    since_s: float


class Queue:
    """The queue in one zone."""

    def __init__(self, config: ZoneConfig, ground: Ground | None) -> None:
        """Begins with nobody there; without a ground only vehicles are counted."""
        assert config.way is not None  # noqa: S101 - its configuration rules that out; tells the type checker
        self._config, self._ground = config, ground
        self._polygon = [Point(*corner) for corner in config.polygon]
        self._start, self._end = Point(*config.way[0]), Point(*config.way[1])
        self._standing: dict[int, _Standing] = {}
        self._most: tuple[int, float, Quality] | None = None

    def update(self, tracks: Sequence[Track], now_s: float) -> Change | None:
        """Takes the objects of one look into account; a queue alone is no event."""
        inside = {
            track.id: track
            for track in tracks
            if track.settled and track.label in self._config.watched and is_in(self._polygon, track)
        }
        self._standing = {id_: before for id_, before in self._standing.items() if id_ in inside}
        for id_, track in inside.items():
            before = self._standing.get(id_)
            if before is None or not is_near(before.foot, track.box.foot, track.box):
                self._standing[id_] = _Standing(track.box.foot, now_s)
        standing = [inside[id_].box for id_, one in self._standing.items() if now_s - one.since_s >= STANDS_S]
        queue = self._queue(sorted(standing, key=lambda box: self._behind(box.foot)))
        found = (len(queue), *self._length_m(queue))
        if self._most is None or found[0] >= self._most[0]:
            self._most = found
        return None

    @property
    def ending(self) -> bool:
        """It has no condition."""
        return False

    def measures(self) -> Sequence[Measure]:
        """The longest queue since it was asked last; nothing when nobody looked."""
        most, self._most = self._most, None
        if most is None:
            return ()
        number, length_m, quality = most
        told = [Measure(self._config.name, "queue", number)]
        if self._ground is not None:
            told.append(Measure(self._config.name, "queue_length", round(length_m, 1), quality))
        return told

    def rest(self, _now_s: float) -> Change | None:
        """Watches nothing for now."""
        self.forget()
        return None

    def forget(self) -> None:
        """Begins anew after a time without pictures."""
        self._standing.clear()
        self._most = None

    def _behind(self, foot: Point) -> float:
        """How far behind the way's end, in whatever the picture's own measure is."""
        if self._ground is not None:
            head, here, tail = self._ground.spot(self._end), self._ground.spot(foot), self._ground.spot(self._start)
            if head is not None and here is not None and tail is not None:
                length = max(head.distance_m(tail), 1e-6)
                ahead = (here.x_m - tail.x_m) * (head.x_m - tail.x_m) + (here.y_m - tail.y_m) * (head.y_m - tail.y_m)
                return length - ahead / length
        return -geometry.along(self._start, self._end, foot)

    def _queue(self, standing: Sequence[Box]) -> list[Box]:
        """Those of a row, front first, that stand without a large gap."""
        queue: list[Box] = []
        for box in standing:
            if queue:
                limit = _GAP_MAX_LENGTHS * max(box.width, box.height) if self._ground is None else _GAP_MAX_M
                if self._behind(box.foot) - self._behind(queue[-1].foot) > limit:
                    break
            queue.append(box)
        return queue

    def _length_m(self, queue: Sequence[Box]) -> tuple[float, Quality]:
        if self._ground is None or not queue:
            return 0.0, Quality.GOOD
        length_m = self._behind(queue[-1].foot) - self._behind(queue[0].foot) + _VEHICLE_M
        sure = self._ground.tremble_m(queue[-1].foot) <= _SURE_M
        return length_m, Quality.GOOD if sure else Quality.UNCERTAIN


class Congestion:
    """How freely traffic flows in one zone."""

    def __init__(self, config: ZoneConfig, ground: Ground, speeds: Speeds, *, active: bool) -> None:
        """Begins with nobody there; `active` when its condition was raised earlier and not cleared yet."""
        self._config, self._speeds = config, speeds
        self._polygon = [Point(*corner) for corner in config.polygon]
        # What is far away is small in the picture, and as much road as what is near.
        grid = [Point((x + 0.5) / _GRID, (y + 0.5) / _GRID) for x in range(_GRID) for y in range(_GRID)]
        left, right = min(p.x for p in self._polygon), max(p.x for p in self._polygon)
        top, bottom = min(p.y for p in self._polygon), max(p.y for p in self._polygon)
        spread = [Point(left + p.x * (right - left), top + p.y * (bottom - top)) for p in grid]
        self._patches = [(p, ground.square_metres(p)) for p in spread if geometry.inside(self._polygon, p)]
        self._road = sum(weight for _point, weight in self._patches)
        self._raising = Raising(config, active=active)
        self._occupancy: float | None = None
        self._km_h: float | None = None
        self._quality = Quality.GOOD
        self._begun_s: float | None = None
        self._before_s = 0.0
        self._high_since_s: float | None = None

    def update(self, tracks: Sequence[Track], now_s: float) -> Change | None:
        """Takes the objects of one look into account; congestion that began or ended, if it did."""
        vehicles = [
            track
            for track in tracks
            if track.settled and track.label in self._config.watched and is_in(self._polygon, track)
        ]
        take = self._weight(now_s)
        self._occupancy = _mean(self._occupancy, self._covered([track.box for track in vehicles]), take)
        speeds = [speed for track in vehicles if (speed := self._speeds.of(track.id)) is not None]
        if speeds:
            sure = [speed.km_h for speed in speeds if speed.quality is Quality.GOOD]
            self._quality = Quality.GOOD if sure else Quality.UNCERTAIN
            counted = sure or [speed.km_h for speed in speeds]
            self._km_h = _mean(self._km_h, sum(counted) / len(counted), take)
        elif not vehicles and self._occupancy < _OCCUPANCY_MIN:
            self._km_h = None
        level = self.level
        if level is None:
            return None
        if level < self._config.level_min:
            self._high_since_s = None
        elif self._high_since_s is None:
            self._high_since_s = now_s
        return self._raising.update(self._lasting(vehicles, now_s), now_s)

    @property
    def level(self) -> int | None:
        """0 free, 1 slow, 2 heavy, 3 jammed; None when nobody has looked, or knows yet how fast they go."""
        if self._occupancy is None:
            return None
        if self._occupancy < _OCCUPANCY_MIN:
            return 0
        if self._km_h is None:
            return None
        return sum(self._km_h < share * self._config.free_km_h for share in _SPEED_SHARES)

    @property
    def ending(self) -> bool:
        """Whether its condition stands, and the last look did not show it."""
        return self._raising.ending

    def measures(self) -> Sequence[Measure]:
        """Occupancy, mean speed while somebody goes there, level."""
        if self._occupancy is None:
            return ()
        name, level = self._config.name, self.level
        told = [Measure(name, "occupancy", round(100 * self._occupancy, 1))]
        if level is not None:
            told.append(Measure(name, "congestion", level, self._quality))
        if self._km_h is not None:
            told.append(Measure(name, "speed", round(self._km_h, 1), self._quality))
        return told

    def rest(self, now_s: float) -> Change | None:
        """Watches nothing for now; what was raised ends."""
        self.forget()
        return self._raising.rest(now_s)

    def forget(self) -> None:
        """Begins anew after a time without pictures; what was raised stays so until it is seen to end."""
        self._occupancy = self._km_h = self._begun_s = self._high_since_s = None
        self._raising.forget()

    def _lasting(self, vehicles: Sequence[Track], now_s: float) -> Seen | None:
        since_s = self._high_since_s
        if since_s is None or (now_s - since_s < self._config.lasting_s and not self._raising.active):
            return None
        first = vehicles[0] if vehicles else None
        return Seen(first.label if first else None, first.box if first else None, len(vehicles), since_s)

    def _weight(self, now_s: float) -> float:
        """Of this look in the means: what came first, when objects are still being met, weighs no more than others."""
        if self._begun_s is None:
            self._begun_s = self._before_s = now_s
            return 1.0
        over_s = min(_MEAN_OVER_S, now_s - self._begun_s)
        weight = min(1.0, (now_s - self._before_s) / over_s) if over_s > 0 else 1.0
        self._before_s = now_s
        return weight

    def _covered(self, boxes: Sequence[Box]) -> float:
        """Share of the road that vehicles stand on, or hide by standing there: the lower half of their boxes."""
        if not self._road:
            return 0.0
        lower = [Box(box.left, box.centre.y, box.right, box.bottom) for box in boxes]
        covered = sum(weight for point, weight in self._patches if any(_holds(box, point) for box in lower))
        return covered / self._road


def _holds(box: Box, point: Point) -> bool:
    return box.left <= point.x <= box.right and box.top <= point.y <= box.bottom


def _mean(before: float | None, now: float, take: float) -> float:
    return now if before is None else before + (now - before) * take
