"""The gate in front of the detector: is anything moving, so that a look is worth its milliseconds?

Promise: things that move open it, light does not. Three habits of street cameras are told apart from movement:

* **Light** multiplies: clouds, lightning, headlights on the asphalt and the camera's own exposure change a place and
  its neighbours by one factor. So logarithms of brightness are compared, each less the mean of its surroundings; what
  is left is texture, which a smooth light does not change and an object does.
* **Rain, insects and glitter** are elsewhere in the next picture, and make more noise where they are common. So a place
  must differ by more than it usually does, and what differs must be met again nearby; the more of it comes and goes,
  the more often, and then going on as it went or covering most of where it was: so does who walks or drives, a moth or
  a leaf seldom. What is small must also have gone somewhere: edges and puddles that a light brings out stay.
* **Switching to infrared**, or a lamp going on, changes nearly everything at once: what is usual is set anew and one
  look is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.geometry import Box

_DARK = 16  # grey levels that are added before the logarithm, or noise at night would be texture
_LOGARITHM = (100 * np.log((np.arange(256) + _DARK) / _DARK)).astype(np.float32)
"""Hundredths of a factor e: 10 is a tenth brighter, wherever the picture is not quite dark."""
_SURROUNDINGS_PX, _SURROUNDINGS_PX_LARGE = 15, 31
_LARGE_PX = 160  # a grey picture so high shows a thing twice as large
_DIFFERENCE_MIN, _DIFFERENCE_MAX = 11.0, 45.0
_USUAL_DIFFERENCES = 4.0  # a place must differ by so many times what it usually does
_DIFFERENCE_AT_FIRST = 2.0
_AREA_MIN_PX = 35  # margin included
_UPRIGHT_PX = (4, 3, 10, 8)  # in a large grey picture, of somebody far away: area, height from … to, width at most
_UPRIGHT_COME_AND_GO_MAX = 1.5  # where more does, as in rain, what is so small is anything
_SMALL_SHARE = 0.0024  # of the picture: what is smaller must have gone …
_WAY_PX = 2.5  # … so far from where it was met first
_RATE = 0.05  # share of each picture in what is usual
_RELIT_LEVELS, _RELIT_SHARE = 22, 0.8  # grey levels, and the share of the picture that changed by them
_RELIT_TEXTURE_SHARE = 0.4
_NEAR_PX = 2  # a thing is met again within this and half of its smaller side …
_SIZE_RATIO_MAX = 2.0  # … and with an area not further from its last one
_ERRING_PX, _ERRING_SHARE = 2.0, 1 / 5  # off a straight and even way in one picture: so far, and so much of its size
_MET_AGAIN = 2
_MET_AGAIN_MORE_MAX = 6
_YOUNG = 5  # things met so seldom are counted as coming and going
_OPENING, _MARGIN = np.ones((2, 2), np.uint8), np.ones((5, 5), np.uint8)


class Motion(NamedTuple):
    """What moved in one picture."""

    regions: tuple[Box, ...]
    relit: bool
    """True when nearly everything changed at once."""

    @property
    def any(self) -> bool:
        """Whether a look is worth it."""
        return self.relit or bool(self.regions)


class _Thing(NamedTuple):
    """Something that differs; pixels of the small grey picture."""

    left: int
    top: int
    right: int
    bottom: int
    met: int
    """In how many pictures in a row."""
    met_x: float
    met_y: float
    """Where its middle was when it was met first."""
    step_x: float = 0.0
    step_y: float = 0.0
    """How far its middle went from the picture before to this one."""

    @property
    def area(self) -> int:
        return (self.right - self.left) * (self.bottom - self.top)

    @property
    def way_px(self) -> float:
        """How far it is from where it was met first, along x or y."""
        return max(abs((self.left + self.right) / 2 - self.met_x), abs((self.top + self.bottom) / 2 - self.met_y))

    @property
    def middle(self) -> tuple[float, float]:
        """Of its box."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def shared(self, other: _Thing) -> int:
        """Pixels that both boxes cover."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0, wide) * max(0, high)

    def after(self, other: _Thing) -> _Thing:
        """This, met again after `other`: that counts for it when it goes on as it went, and against it when not."""
        step_x, step_y = self.middle[0] - other.middle[0], self.middle[1] - other.middle[1]
        erring = max(abs(step_x - other.step_x), abs(step_y - other.step_y))
        steady = erring <= _ERRING_PX + max(self.right - self.left, self.bottom - self.top) * _ERRING_SHARE
        # Rain tears at the outline of somebody who walks, who still covers most of where they were.
        steady = steady or 2 * self.shared(other) >= min(self.area, other.area)
        met = other.met + 1 if steady or other.met < _MET_AGAIN else max(_MET_AGAIN, other.met - 1)
        return self._replace(met=met, met_x=other.met_x, met_y=other.met_y, step_x=step_x, step_y=step_y)

    def continues(self, other: _Thing) -> bool:
        """Whether it may be what `other` was one picture earlier."""
        near = _NEAR_PX + min(self.right - self.left, self.bottom - self.top) // 2
        return (
            other.left - near < self.right
            and self.left - near < other.right
            and other.top - near < self.bottom
            and self.top - near < other.bottom
            and 1 / _SIZE_RATIO_MAX < self.area / other.area < _SIZE_RATIO_MAX
        )


class MotionGate:
    """Compares pictures of one camera with what it usually shows."""

    def __init__(self) -> None:
        self._size: tuple[int, ...] = ()
        self._texture = self._difference = self._level = np.zeros((1, 1), np.float32)
        self._things: list[_Thing] = []
        self._come_and_go = 0.0

    def watch(self, grey: NDArray[np.uint8]) -> Motion:
        """Compares one picture and learns from it; the first one and any of a new size count as relit.

        Args:
            grey: brightness, uint8[h, w], small (:func:`~haechi.edge.vision.picture.small_grey`); it is not changed.
        """
        texture = texture_of(grey)
        if self._size != grey.shape:
            self._size = grey.shape
            self._difference = np.full(grey.shape, _DIFFERENCE_AT_FIRST, np.float32)
            return self._begin_anew(grey, texture)
        changed = cv2.absdiff(texture, self._texture)
        enough = np.clip(_USUAL_DIFFERENCES * self._difference, _DIFFERENCE_MIN, _DIFFERENCE_MAX)
        mask = (changed > enough).astype(np.uint8)
        brightened = cv2.absdiff(grey, cv2.convertScaleAbs(self._level)) > _RELIT_LEVELS
        if np.count_nonzero(brightened) > _RELIT_SHARE * grey.size or mask.sum() > _RELIT_TEXTURE_SHARE * grey.size:
            return self._begin_anew(grey, texture)
        cv2.accumulateWeighted(grey, self._level, _RATE)
        cv2.accumulateWeighted(texture, self._texture, _RATE)
        cv2.accumulateWeighted(np.minimum(changed, _DIFFERENCE_MAX), self._difference, _RATE)
        if grey.shape[0] >= _LARGE_PX and self._come_and_go <= _UPRIGHT_COME_AND_GO_MAX:
            return Motion(self._moving(_differing(mask, _upright(mask))), False)
        return Motion(self._moving(_differing(mask)), False)

    def _begin_anew(self, grey: NDArray[np.uint8], texture: NDArray[np.float32]) -> Motion:
        self._level, self._texture, self._things = grey.astype(np.float32), texture, []
        return Motion((), True)

    def _moving(self, seen: Iterable[_Thing]) -> tuple[Box, ...]:
        before, self._things = self._things, []
        young = 0
        for thing in seen:
            known = max((other for other in before if thing.continues(other)), key=_met, default=None)
            if known is not None:
                thing = thing.after(known)
            young += thing.met < _YOUNG
            self._things.append(thing)
        self._come_and_go += (young - self._come_and_go) * _RATE
        needed = _MET_AGAIN + min(_MET_AGAIN_MORE_MAX, int(self._come_and_go))
        high, wide = self._size
        return tuple(
            Box(thing.left / wide, thing.top / high, thing.right / wide, thing.bottom / high)
            for thing in self._things
            if thing.met >= needed and (thing.area >= _SMALL_SHARE * high * wide or thing.way_px >= _WAY_PX)
        )


def texture_of(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What a smooth light does not change: the logarithm of brightness less the mean of its surroundings.

    Args:
        grey: brightness, uint8[h, w], small.
    """
    logarithm = cv2.LUT(grey, _LOGARITHM)
    side = _SURROUNDINGS_PX if grey.shape[0] < _LARGE_PX else _SURROUNDINGS_PX_LARGE
    around = cv2.boxFilter(logarithm, -1, (side, side), borderType=cv2.BORDER_REFLECT)
    return np.asarray(logarithm - around, np.float32)


def _upright(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is as large and as high as a person of some twenty pixels in the camera's picture."""
    _count, labels, found, _centres = cv2.connectedComponentsWithStats(mask)
    area, high, wide = found[:, cv2.CC_STAT_AREA], found[:, cv2.CC_STAT_HEIGHT], found[:, cv2.CC_STAT_WIDTH]
    area_min, high_min, high_max, wide_max = _UPRIGHT_PX
    fits = (area >= area_min) & (high >= high_min) & (high <= high_max) & (wide <= wide_max)
    fits[0] = False
    return np.asarray(fits.astype(np.uint8)[labels], np.uint8)


def _differing(mask: NDArray[np.uint8], besides: NDArray[np.uint8] | None = None) -> Iterable[_Thing]:
    """What hangs together in a mask and is not too small; lines and dots of a pixel only where `besides` has them."""
    if not mask.any():
        return
    solid = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _OPENING)
    solid = cv2.dilate(solid if besides is None else solid | besides, _MARGIN)
    _count, _labels, found, _centres = cv2.connectedComponentsWithStats(solid)
    for left, top, wide, high, _area in found[1:].tolist():
        if wide * high >= _AREA_MIN_PX:
            yield _Thing(left, top, left + wide, top + high, 1, left + wide / 2, top + high / 2)


def _met(thing: _Thing) -> int:
    return thing.met
