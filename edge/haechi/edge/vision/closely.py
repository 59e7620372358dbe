"""Finds everybody who may be recognised in a picture that is about to be shown, kept or sent.

Promise: the whole picture is looked at, and where it is much larger than what the detector sees, all of it again in
overlapping tiles, so that whoever is higher than 40 pixels or so is large enough to be found; at most so many tiles.
Only people are asked for: who sits on a motorcycle is not to be taken for a part of it. Blocks for a run of the
detector a tile, which is why it is done for pictures that are shown, and not for every look.
"""

from __future__ import annotations

from functools import partial
from math import ceil

import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.clips import People
from haechi.edge.vision.config import WITHOUT_MODEL, CameraConfig
from haechi.edge.vision.detector import Detector, looking_for_people
from haechi.edge.vision.evidence import PERSON_SCORE_MIN
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.regions import Part, Scale

_SCALE_MIN = 0.5  # pixels of the detector's input for one of the picture: 40 become 20
_OVERLAP = 0.25  # of a tile: what is larger is large enough in the whole picture
_A_SIDE_MAX = 3


def finder(config: CameraConfig, detector: Detector) -> People | None:
    """What finds people for a camera, whatever classes it looks for; None where its detector knows none."""
    if config.detector.model in WITHOUT_MODEL:
        return None
    return partial(people, looking_for_people(detector, PERSON_SCORE_MIN))


def people(detector: Detector, picture: NDArray[np.uint8]) -> list[Box]:
    """Every box that may be a person in a picture of uint8[H, W, 3] BGR.

    Args:
        detector: looks for people alone, at its least sure.
        picture: masks black already.
    """
    found = [person.box for person in detector.look(picture) if person.label == "person"]
    for part in _tiles(detector.input_px, (picture.shape[0], picture.shape[1])):
        closer = detector.look(picture[part.rows, part.columns])
        found += [part.in_picture(one.box) for one in closer if one.label == "person" and part.whole(one.box)]
    return found


def _tiles(input_px: tuple[int, int] | None, picture_px: tuple[int, int]) -> list[Part]:
    if input_px is None or Scale(picture_px, input_px).whole >= _SCALE_MIN:
        return []
    rows, columns = (_spread(side, seen / _SCALE_MIN) for side, seen in zip(picture_px, input_px, strict=True))
    height, width = picture_px
    return [
        Part(Box(left / width, top / height, right / width, bottom / height), slice(top, bottom), slice(left, right))
        for top, bottom in rows
        for left, right in columns
    ]


def _spread(side_px: int, tile_px: float) -> list[tuple[int, int]]:
    """Beginnings and ends of tiles that overlap and cover a side evenly."""
    count = min(_A_SIDE_MAX, max(1, ceil((side_px / tile_px - _OVERLAP) / (1 - _OVERLAP))))
    long_px = side_px / (count - (count - 1) * _OVERLAP)
    begins = [round(number * long_px * (1 - _OVERLAP)) for number in range(count)]
    return [(begin, min(side_px, begin + ceil(long_px))) for begin in begins]
