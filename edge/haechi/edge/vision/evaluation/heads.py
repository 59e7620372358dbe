"""How many people's heads the blur covers, against true boxes of whole persons. Pure.

A head is taken to be the uppermost seventh of a person's box, two thirds as wide as it is high, in the middle (people
are seven to seven and a half heads tall). It is covered when nineteen twentieths of what the picture shows of it lie
under what is blurred. Asked are persons higher than 40 pixels: of smaller ones nobody recognises a face.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from haechi.edge.vision.geometry import Box

HEIGHT_PX_MIN = 40
_HEADS_A_PERSON = 7
_WIDTH_SHARE = 2 / 3
_COVERED_MIN = 0.95
_SAMPLES = 24  # a side


class Heads:
    """Counts persons and covered heads over many pictures."""

    def __init__(self) -> None:
        self.persons = 0
        self.covered = 0

    def add(self, people_px: Sequence[Box], blurred_px: Sequence[Box], *, width_px: int, height_px: int) -> None:
        """Takes one picture into account; boxes in pixels, people as the truth has them, parts outside included."""
        for person in people_px:
            head = _head(person)
            if person.height <= HEIGHT_PX_MIN or not _in_picture(head, width_px, height_px):
                continue
            self.persons += 1
            self.covered += _covered_share(head, blurred_px, width_px, height_px) >= _COVERED_MIN


def _head(person: Box) -> Box:
    high = person.height / _HEADS_A_PERSON
    middle, half = person.centre.x, high * _WIDTH_SHARE / 2
    return Box(middle - half, person.top, middle + half, person.top + high)


def _in_picture(box: Box, width_px: int, height_px: int) -> bool:
    return box.left < width_px and box.right > 0 and box.top < height_px and box.bottom > 0


def _covered_share(head: Box, blurred: Sequence[Box], width_px: int, height_px: int) -> float:
    """Share of the visible part of a head that lies under a blur, on a grid of points."""
    steps = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    x, y = np.meshgrid(head.left + steps * head.width, head.top + steps * head.height)
    visible = (x >= 0) & (x < width_px) & (y >= 0) & (y < height_px)
    under = np.zeros_like(visible)
    for box in blurred:
        under |= (x >= box.left) & (x < box.right) & (y >= box.top) & (y < box.bottom)
    shown = int(visible.sum())
    return float((under & visible).sum()) / shown if shown else 1.0
