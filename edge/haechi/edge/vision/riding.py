"""Who rides what: to a detector somebody on a bicycle is a person and a bicycle. Pure.

Promise: a person and a two-wheeler belong together when most looks that showed both, since they met, showed one on the
other. Who walks past a bicycle is on it for a moment only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from haechi.edge.vision.geometry import Box
from haechi.edge.vision.labels import PEOPLE, TWO_WHEELERS
from haechi.edge.vision.tracker import Track

_LOOKS_MIN = 3
_BESIDE = 0.25  # of the vehicle's width or height: boxes are not that exact
_SHARED_MIN = 0.2  # of the smaller box


@dataclass(slots=True)
class _Pair:
    together: int = 0
    both_seen: int = 0

    @property
    def is_one(self) -> bool:
        return self.together >= _LOOKS_MIN and 2 * self.together >= self.both_seen


class Riding:
    """People and two-wheelers of one camera."""

    def __init__(self) -> None:
        """Begins with nobody there."""
        self._pairs: dict[tuple[int, int], _Pair] = {}

    def update(self, tracks: Sequence[Track]) -> None:
        """Takes the objects of one look into account."""
        there = {track.id for track in tracks}
        self._pairs = {ids: pair for ids, pair in self._pairs.items() if there.issuperset(ids)}
        shown = [track for track in tracks if not track.misses and not track.overlooked]
        vehicles = [track for track in shown if track.label in TWO_WHEELERS]
        for person in (track for track in shown if track.label in PEOPLE) if vehicles else ():
            for vehicle in vehicles:
                is_on = _is_on(person.box, vehicle.box)
                pair = self._pairs.get((person.id, vehicle.id))
                if pair is None and is_on:
                    pair = self._pairs[person.id, vehicle.id] = _Pair()
                if pair is not None:
                    pair.together += is_on
                    pair.both_seen += 1

    def partners(self, id_: int) -> set[int]:
        """The tracks that one belongs together with: whom a vehicle carries, or what carries a person."""
        return {one for ids, pair in self._pairs.items() if id_ in ids and pair.is_one for one in ids if one != id_}

    def forget(self) -> None:
        """Begins anew after a time without pictures."""
        self._pairs.clear()


def _is_on(person: Box, vehicle: Box) -> bool:
    foot = person.foot
    beside, below = _BESIDE * vehicle.width, _BESIDE * vehicle.height
    return (
        vehicle.left - beside <= foot.x <= vehicle.right + beside
        and vehicle.top <= foot.y <= vehicle.bottom + below
        and person.overlap(vehicle) >= _SHARED_MIN * min(person.area, vehicle.area)
    )
