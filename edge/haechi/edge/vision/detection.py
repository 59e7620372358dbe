"""What a detector says about one picture, and how doubled boxes become one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from haechi.edge.vision.geometry import Box
from haechi.edge.vision.labels import CARRIAGES, Label, family

_LIKENESS_MAX = 0.5  # two objects of a family rarely share more than half of their joint area
_CONTAINED_MAX = 0.8  # a box that lies in another by more than this is a part of the same thing


class Detection(NamedTuple):
    """One object in one picture."""

    box: Box
    label: Label
    score: float


def without_doubles(detections: Iterable[Detection]) -> list[Detection]:
    """Keeps the surest box of each object, surest first.

    A detector often sees one object twice: as car and as truck, or as a whole and as a half. So boxes are compared
    across the labels it confuses (:func:`~haechi.edge.vision.labels.family`), by likeness and by containment. A person
    in front of a bus stays: they are no family.
    """
    kept: list[Detection] = []
    for candidate in sorted(detections, key=lambda d: -d.score):
        if not any(_same(candidate, other) for other in kept):
            kept.append(candidate)
    return kept


def _same(one: Detection, other: Detection) -> bool:
    if one.label not in family(other.label):
        return False
    shared = one.box.overlap(other.box)
    if shared <= 0:
        return False
    smaller = min(one.box.area, other.box.area)
    if one.box.likeness(other.box) > _LIKENESS_MAX:
        return True
    # A small car far behind a large one may lie wholly within its box; parts of one car are not that small.
    alike = smaller > 0.2 * max(one.box.area, other.box.area) if one.label in CARRIAGES else True
    return alike and shared > _CONTAINED_MAX * smaller
