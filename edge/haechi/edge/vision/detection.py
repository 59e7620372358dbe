"""What a detector says about one picture, and how doubled boxes become one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.geometry import Box
from haechi.edge.vision.labels import ALL_LABELS, CARRIAGES, FAMILIES, Label, family

_LIKENESS_MAX_RAW = 0.6  # as detectors are commonly judged
_LIKENESS_MAX = 0.5  # two objects of a family rarely share more than half of their joint area
_CONTAINED_MAX = 0.8  # a box that lies in another by more than this is a part of the same thing
_PART_MIN = 0.2  # share of a vehicle's box that a second box on a part of it has at least

_LABEL_INDEX = {label: index for index, label in enumerate(ALL_LABELS)}
_FAMILY_INDEX = {label: FAMILIES.index(family(label)) for label in ALL_LABELS}

DETECTIONS_MAX = 200
"""More objects than this in one picture are a detector gone wrong."""


class Detection(NamedTuple):
    """One object in one picture."""

    box: Box
    label: Label
    score: float


def distinct(detections: Iterable[Detection]) -> list[Detection]:
    """What a detector says: of boxes of one label that are nearly the same the surest, surest first.

    One object may still have several, of other labels or parts of it: in a crowd nobody is lost who stands before
    somebody else. Of the :data:`DETECTIONS_MAX` surest.
    """
    ordered = _ordered(detections)
    if len(ordered) < 2:
        return ordered
    labels = np.array([_LABEL_INDEX[detection.label] for detection in ordered])
    shared, joint, _smaller, _larger = _areas(ordered)
    return _surest(ordered, (labels[:, None] == labels) & (shared > _LIKENESS_MAX_RAW * joint))


def without_doubles(detections: Iterable[Detection]) -> list[Detection]:
    """Keeps the surest box of each object, surest first, of the :data:`DETECTIONS_MAX` surest.

    A detector often sees one object twice: as car and as truck, or as a whole and as a half. So boxes are compared
    across the labels it confuses (:func:`~haechi.edge.vision.labels.family`), by likeness and by containment. A person
    in front of a bus stays: they are no family.
    """
    ordered = _ordered(detections)
    return ordered if len(ordered) < 2 else _surest(ordered, _same(ordered))


def _ordered(detections: Iterable[Detection]) -> list[Detection]:
    return sorted(detections, key=lambda d: -d.score)[:DETECTIONS_MAX]


def _surest(ordered: Sequence[Detection], same: NDArray[np.bool_]) -> list[Detection]:
    """The first of all that are the same."""
    doubles = np.zeros(len(ordered), np.bool_)
    kept: list[Detection] = []
    for index, detection in enumerate(ordered):
        if not doubles[index]:
            kept.append(detection)
            doubles |= same[index]
    return kept


def _same(detections: Sequence[Detection]) -> NDArray[np.bool_]:
    """Which pairs are one object: bool[n, n]."""
    families = np.array([_FAMILY_INDEX[detection.label] for detection in detections])
    shared, joint, smaller, larger = _areas(detections)
    within = shared > _CONTAINED_MAX * smaller
    # A small car far behind a large one may lie wholly within its box; parts of one car are not that small.
    far_behind = (families == FAMILIES.index(CARRIAGES))[:, None] & (smaller <= _PART_MIN * larger)
    result: NDArray[np.bool_] = (families[:, None] == families) & (
        (shared > _LIKENESS_MAX * joint) | (within & ~far_behind)
    )
    return result


def _areas(
    detections: Sequence[Detection],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of each pair the area that it shares and has together, the smaller one and the larger one: float64[n, n] each.

    All at once, for this runs on every look.
    """
    boxes = np.array([detection.box for detection in detections])
    left, top, right, bottom = boxes.T
    wide = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    high = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    areas = (right - left) * (bottom - top)
    smaller, larger = np.minimum.outer(areas, areas), np.maximum.outer(areas, areas)
    return shared, smaller + larger - shared, smaller, larger
