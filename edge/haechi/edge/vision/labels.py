"""The kinds of objects that cameras of a city look for: nine of COCO's eighty classes.

The others are left out on purpose: seen from a street camera a detector takes cars for phones and lamps for
giraffes, and no rule of ours asks for them.
"""

from __future__ import annotations

from typing import Literal, get_args

Label = Literal["person", "bicycle", "car", "motorcycle", "bus", "truck", "backpack", "handbag", "suitcase"]

ALL_LABELS: tuple[Label, ...] = get_args(Label)
LABELS: tuple[Label, ...] = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
"""Those that are looked for unless a camera says otherwise: luggage is worth its false finds only where asked for."""
PEOPLE: frozenset[Label] = frozenset({"person"})
TWO_WHEELERS: frozenset[Label] = frozenset({"bicycle", "motorcycle"})
CARRIAGES: frozenset[Label] = frozenset({"car", "bus", "truck"})
LUGGAGE: frozenset[Label] = frozenset({"backpack", "handbag", "suitcase"})
VEHICLES: frozenset[Label] = TWO_WHEELERS | CARRIAGES

FAMILIES: tuple[frozenset[Label], ...] = (PEOPLE, TWO_WHEELERS, CARRIAGES, LUGGAGE)
"""Labels that a detector confuses with each other: one object bears only one of them."""

COCO_INDEX: dict[Label, int] = {
    "person": 0,
    "bicycle": 1,
    "car": 2,
    "motorcycle": 3,
    "bus": 5,
    "truck": 7,
    "backpack": 24,
    "handbag": 26,
    "suitcase": 28,
}
"""Where each stands among the eighty classes of COCO 2017 in their usual order."""


def family(label: Label) -> frozenset[Label]:
    """The family that a label belongs to."""
    return next(group for group in FAMILIES if label in group)
