"""Which parts of a picture the detector sees enlarged beside the whole, so that small things count too. Pure.

Promise: what is too small for the detector in the whole picture lies in a part that is cut at the detector's own shape
and scale, so that it looks there as large as what the detector was trained on; at most so many parts a look, in turns
when more would be needed. What is large enough in the whole picture is left to the whole picture, and what a part cuts
in two is no object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from haechi.edge.vision.detection import Detection
from haechi.edge.vision.geometry import Box, Point

_SMALL_PX = 48.0  # of the detector's input: below, it misses more than a larger picture would
_AIM_PX = 80.0
_ENLARGED_MAX = 2.5  # beyond, pixels of the camera become blocks
_GAIN_MIN = 1.25  # a part that is hardly larger than in the whole picture is not worth a run
_FILLED_MAX = 0.8  # of a part's width and height by what it was cut for
_CUT_SHARE = 0.01  # of a part: nearer to its edge a box may be half of an object
_LIKENESS_MIN = 0.45  # of the boxes of one object in two scales
_ALONE = 0.5  # of its score, for what only a part shows: of equal scores, fewer of these are right
_TOO_SMALL_PX = 28.0  # of the detector's input: below, not to be seen in the whole picture proves nothing


class Part(NamedTuple):
    """A part of a picture."""

    box: Box
    """Fractions of the picture."""
    rows: slice
    columns: slice

    def in_picture(self, box: Box) -> Box:
        """A box in fractions of the part → fractions of the picture."""
        wide, high = self.box.width, self.box.height
        return Box(
            self.box.left + box.left * wide,
            self.box.top + box.top * high,
            self.box.left + box.right * wide,
            self.box.top + box.bottom * high,
        )

    def whole(self, box: Box) -> bool:
        """Whether a box, in fractions of the part, is not cut by an edge that is none of the picture's."""
        return (
            (box.left > _CUT_SHARE or self.box.left <= 0)
            and (box.top > _CUT_SHARE or self.box.top <= 0)
            and (box.right < 1 - _CUT_SHARE or self.box.right >= 1)
            and (box.bottom < 1 - _CUT_SHARE or self.box.bottom >= 1)
        )


class Scale(NamedTuple):
    """A picture and the input of a detector that looks at it, height and width in pixels."""

    picture_px: tuple[int, int]
    input_px: tuple[int, int]

    @property
    def whole(self) -> float:
        """Pixels of the input for a pixel of the picture, when the detector sees all of it."""
        return min(self.input_px[0] / self.picture_px[0], self.input_px[1] / self.picture_px[1])

    def small(self, box: Box) -> bool:
        """Whether something so large is better seen enlarged."""
        return self._size_px(box) * self.whole < _SMALL_PX

    def overlooked(self, box: Box, parts: Sequence[Part]) -> bool:
        """Whether that a look at the whole and these parts shows nothing there proves nothing."""
        return self._size_px(box) * self.whole < _TOO_SMALL_PX and not any(holds(part.box, box) for part in parts)

    def parts(self, things: Iterable[Box], most: int, turn: int) -> list[Part]:
        """Parts around all small things, the smallest first; when more than `most`, those whose turn it is."""
        small = sorted((thing for thing in things if self.small(thing)), key=self._size_px)
        boxes: list[Box] = []
        for thing in small:
            if not any(holds(box, thing) for box in boxes):
                box = self._around(thing, small)
                if box is not None:
                    boxes.append(box)
        if len(boxes) > most:
            boxes = [boxes[(turn + step) % len(boxes)] for step in range(most)]
        return [self._cut(box) for box in boxes]

    def _size_px(self, box: Box) -> float:
        return max(box.height * self.picture_px[0], box.width * self.picture_px[1])

    def _around(self, thing: Box, others: Sequence[Box]) -> Box | None:
        """A box of the input's shape about a thing and as many of its neighbours as fit; None when it gains nothing."""
        enlarged = min(_ENLARGED_MAX, _AIM_PX / max(self._size_px(thing), 1.0))
        if enlarged < _GAIN_MIN * self.whole:
            return None
        wide = min(1.0, self.input_px[1] / enlarged / self.picture_px[1])
        high = min(1.0, self.input_px[0] / enlarged / self.picture_px[0])
        group = thing
        for other in others:
            joint = Box(
                min(group.left, other.left),
                min(group.top, other.top),
                max(group.right, other.right),
                max(group.bottom, other.bottom),
            )
            if joint.width <= _FILLED_MAX * wide and joint.height <= _FILLED_MAX * high:
                group = joint
        left = min(max(group.centre.x - wide / 2, 0.0), 1 - wide)
        top = min(max(group.centre.y - high / 2, 0.0), 1 - high)
        return Box(left, top, left + wide, top + high)

    def _cut(self, box: Box) -> Part:
        """The part in whole pixels."""
        height, width = self.picture_px
        top, left = int(box.top * height), int(box.left * width)
        bottom = min(height, max(top + 1, round(box.bottom * height)))
        right = min(width, max(left + 1, round(box.right * width)))
        there = Box(left / width, top / height, right / width, bottom / height)
        return Part(there, slice(top, bottom), slice(left, right))


def holds(outer: Box, inner: Box) -> bool:
    """Whether the middle of a box lies well within another, and so does nearly all of the box itself."""
    return _within(outer, inner.centre) and outer.overlap(inner) >= 0.95 * inner.area


class Sight(NamedTuple):
    """What a detector said of one picture."""

    whole: Sequence[Detection] = ()
    """Of all of it."""
    parts: Sequence[tuple[Part, Sequence[Detection]]] = ()
    """Of each part, in fractions of the part."""
    scale: Scale | None = None
    """None of a detector that sees no parts."""

    def joined(self) -> list[Detection]:
        """All that was found, surest first, for who follows it; who was seen in both is one, as surely as in either."""
        found = list(self.whole)
        for closer in self._closer():
            doubled = {id(less) for one in closer for other in found if (less := _less(one, other)) is not None}
            found = [detection for detection in (*found, *closer) if id(detection) not in doubled]
        return sorted(found, key=lambda detection: -detection.score)

    def ranked(self) -> list[Detection]:
        """All that was found, in the order in which to believe it, for who judges the detector without a tracker.

        What the whole picture shows is as sure as there; what only a part shows is less sure than it says.
        """
        alone: list[Detection] = []
        for closer in self._closer():
            for one in closer:
                if not any(_are_one(one, other) for other in self.whole):
                    others = [other for other in alone if _less(one, other) is not other]
                    alone = others if any(_are_one(one, other) for other in others) else [*others, one]
        less_sure = (one._replace(score=_ALONE * one.score) for one in alone)
        return sorted((*self.whole, *less_sure), key=lambda detection: -detection.score)

    def _closer(self) -> Iterator[list[Detection]]:
        """What each part shows, in fractions of the picture, as far as it is for a part to show."""
        if self.scale is None:
            return
        for part, detections in self.parts:
            closer = (one._replace(box=part.in_picture(one.box)) for one in detections if part.whole(one.box))
            # An enlarged wheel may look like a car: what is large is the whole picture's to see.
            yield [one for one in closer if self.scale.small(one.box)]


def _less(one: Detection, other: Detection) -> Detection | None:
    """The less sure of two boxes of one object; None when they are two objects."""
    if not _are_one(one, other):
        return None
    return one if one.score < other.score else other


def _are_one(one: Detection, other: Detection) -> bool:
    return one.label == other.label and one.box.likeness(other.box) >= _LIKENESS_MIN


def _within(box: Box, point: Point) -> bool:
    return box.left <= point.x <= box.right and box.top <= point.y <= box.bottom
