"""Whether water begins at a row of a gauge, or only something darker: a stain, a shadow, a board before it. Pure.

Promise: two proofs, neither of which a mark on the gauge or the light on it gives.

* **A mirror**: what is below the row is what is above it upside down, in whatever varies from above to below. What only
  varies from side to side, as the gauge's own edges do, is its own mirror at every row and proves nothing.
* **The gauge is gone**: what set it off from what is beside it is not there below. Below a stain and in a shadow
  it still stands out; in water that mirrors nothing it does not.

Both look further to the sides than the strip in which the row was found, near by and far: a plain part of a wide board
shows neither in itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

SIDES = (0.07, 0.2)
"""So far to both sides is looked at, near by and far, fractions of the picture's width."""
DARK = 16
"""Grey levels that are added before the logarithm, or noise at night would be steps."""

_COLUMNS = 40  # to each side tell enough
_BLUR = 0.007  # of the picture's height, as all that follow
_STEEP = 100.0  # of the logarithm, a height: steeper counts hardly more
_GAP = 0.012  # beside the row, where the step itself is
_MIRROR_GAP = 0.025  # a branch that floats is its own mirror
_REACH, _REACH_MIN = 0.2, 0.06  # is compared
_TILTS = (-0.05, -0.025, 0.025, 0.05)  # cameras hang straighter than that
_OFF = 0.006  # by so much the step may lie beside the axis
_BESIDE = 0.08  # is averaged, above and below
_LEAN = 0.1  # of the gauge against the picture
_STANDS_OUT_MIN = 0.5  # of the logarithm, all edges from side to side
_MIRROR_MIN = 0.65
_TILTED_MIN = 0.2
_MIRROR_BETTER = 0.15
_OFTEN, _PEAK_PX = 6, 2  # so many mirrors, so far apart, are a pattern's
_STILL_MIN = 0.85  # water that mirrors everything does not darken
_GONE_MAX, _STANDS_OUT_MAX = 0.35, 1.15  # of what set it off is left
_GONE_FOR = 0.24


class Place(NamedTuple):
    """A point of the gauge's line, in pixels."""

    row: int
    column: float


class _Change(NamedTuple):
    """How brightness changes from row to row; any stretch of it lies in one piece, as comparing is most of the work."""

    down: NDArray[np.float32]
    up: NDArray[np.float32]
    """The same upside down."""

    @classmethod
    def of(cls, change: NDArray[np.float32]) -> _Change:
        return cls(np.ascontiguousarray(change), np.ascontiguousarray(change[::-1]))


class Surroundings:
    """What is beside a gauge."""

    def __init__(self, grey: NDArray[np.uint8], first: float, last: float) -> None:
        """Smooths what is there.

        Args:
            grey: brightness of the whole picture, uint8[H, W].
            first: the gauge's line keeps to these columns …
            last: … and those between them.
        """
        self._height, self._wide = int(grey.shape[0]), int(grey.shape[1])
        side_px = max(SIDES) * self._wide
        self._first = max(0, int(first - side_px))
        seen = grey[:, self._first : int(last + side_px) + 1].astype(np.float32)
        self._every = max(1, round(max(SIDES) * self._wide / _COLUMNS))
        smooth = cv2.GaussianBlur(np.log(seen + DARK), (0, 0), max(0.5, _BLUR * self._height))
        self._light = np.asarray(smooth[:, :: self._every], np.float32)
        self._edges = np.gradient(smooth, axis=1) if seen.shape[1] > 1 else np.zeros_like(smooth)
        # One branch before the gauge shall not outweigh everything else.
        steepness = np.gradient(self._light, axis=0) if self._height > 1 else np.zeros_like(self._light)
        self._change = np.asarray(np.tanh(steepness / (_STEEP / self._height)), np.float32)

    def mirror(self, at: Place) -> float:
        """How much what is below a place mirrors what is above it, -1..1; 0 where there is too little to compare."""
        off_px = max(1, round(_OFF * self._height))
        axes = range(at.row - off_px, at.row + off_px + 1)
        best = 0.0
        for side in SIDES:
            columns = self._beside(at.column, side)
            for tilt in (0.0, *_TILTS):
                if tilt and best < _TILTED_MIN:
                    break  # nothing that a camera which hangs a little askew would make a mirror
                change = _Change.of(self._level(self._change[:, columns], tilt))
                best = max(best, *(self._mirror_at(change, axis) for axis in axes))
        return best

    def mirrors_elsewhere(self, at: Place) -> dict[int, float]:
        """How much each row that is not near a place is a mirror's axis."""
        near_px = round(3 * _GAP * self._height)
        changes = [_Change.of(self._change[:, self._beside(at.column, side)]) for side in SIDES]
        rows = (row for row in range(self._height) if abs(row - at.row) >= near_px)
        return {row: max(self._mirror_at(change, row) for change in changes) for row in rows}

    def left_below(self, at: Place, within: float) -> float | None:
        """What is left below a place, so far down, of what sets the gauge off above it: 1 all, 0 nothing.

        None when nothing sets it off.
        """
        left = [share for side in SIDES if (share := self._left_below(at, side, within)) is not None]
        return max(left, default=None)

    def _left_below(self, at: Place, side: float, within: float) -> float | None:
        gap_px, beside_px = self._gap_px, round(_BESIDE * self._height)
        middle, side_px = at.column - self._first, side * self._wide
        edges = self._edges[:, max(0, int(middle - side_px)) : int(middle + side_px) + 1]
        lean_px = max(1, round(_LEAN * beside_px))
        above = edges[max(0, at.row - beside_px) : max(0, at.row - gap_px)]
        if not above.shape[0] or edges.shape[1] < 4 * lean_px:
            return None
        upper = above.mean(axis=0)
        if float(np.abs(upper).sum()) < _STANDS_OUT_MIN:
            return None
        inner = upper[lean_px:-lean_px]
        left = []
        for first in range(at.row + gap_px, at.row + round(within * self._height), beside_px - gap_px):
            below = edges[first : first + beside_px - gap_px]
            if 2 * below.shape[0] >= beside_px - gap_px:
                lower = below.mean(axis=0)
                left += [float(np.vdot(inner, lower[shift : shift + inner.size])) for shift in range(2 * lean_px + 1)]
        return max(left) / max(float(np.vdot(inner, inner)), 1e-9) if left else None

    @property
    def _gap_px(self) -> int:
        return max(2, round(_GAP * self._height))

    def _beside(self, column: float, side: float) -> slice:
        middle, side_px = column - self._first, side * self._wide
        return slice(max(0, int((middle - side_px) / self._every)), int((middle + side_px) / self._every) + 1)

    def _level(self, change: NDArray[np.float32], tilt: float) -> NDArray[np.float32]:
        """Shears what leans by so much back to the level."""
        if not tilt:
            return change
        rows, columns = change.shape
        column = np.arange(columns)
        down = np.round(tilt * self._every * (column - (columns - 1) / 2)).astype(np.intp)
        return np.asarray(change[np.clip(np.arange(rows)[:, None] + down[None], 0, rows - 1), column[None]])

    def _mirror_at(self, change: _Change, row: int) -> float:
        gap_px = max(2, round(_MIRROR_GAP * self._height))
        reach_px = min(row, self._height - 1 - row, round(_REACH * self._height))
        if reach_px - gap_px < _REACH_MIN * self._height:
            return 0.0
        last = self._height - 1 - row
        above, below = change.up[last + gap_px : last + reach_px], change.down[row + gap_px : row + reach_px]
        scale = float(np.sqrt(np.vdot(above, above) * np.vdot(below, below)))
        return -float(np.vdot(above, below)) / max(scale, 1e-6)


def proven(around: Surroundings, places: Sequence[Place], sure: Sequence[Place]) -> Place | None:
    """Where water begins, if that is proven.

    Args:
        around: what is beside the gauge.
        places: where it darkens, however little, from above to below.
        sure: those of them at which it darkens much and is level.
    """
    likeness = {at: around.mirror(at) for at in places}
    mirrors = sorted((at for at in places if likeness[at] >= _MIRROR_MIN), key=lambda at: -likeness[at])
    mirrors = [at for at in mirrors if (around.left_below(at, _BESIDE) or 0.0) <= _STANDS_OUT_MAX]
    if mirrors:
        return _by_mirror(around, mirrors, likeness)
    # What darkens above it may be the water, and this the end of what it mirrors.
    return places[0] if places and places[0] in sure and _is_gone(around, places[0]) else None


def _by_mirror(around: Surroundings, mirrors: Sequence[Place], likeness: Mapping[Place, float]) -> Place | None:
    best = mirrors[0]
    if len(mirrors) > 1 and likeness[best] - likeness[mirrors[1]] < _MIRROR_BETTER:
        return None
    # A painting may be its own mirror, mark by mark: then it proves nothing.
    return best if _peaks(around.mirrors_elsewhere(best)) < _OFTEN else None


def _is_gone(around: Surroundings, at: Place) -> bool:
    # Between two figures of a painting nothing stands out either: it must not come again.
    left = around.left_below(at, _GONE_FOR)
    if left is None or left > _GONE_MAX:
        return False
    elsewhere = around.mirrors_elsewhere(at)
    hidden = any(one >= _MIRROR_MIN for row, one in elsewhere.items() if row > at.row)
    still = any(one >= _STILL_MIN for row, one in elsewhere.items() if row < at.row)
    return not hidden and not still


def _peaks(mirrors: Mapping[int, float]) -> int:
    rows = [row for row, one in mirrors.items() if one >= _MIRROR_MIN]
    return len([row for before, row in pairwise([-_PEAK_PX - 1, *rows]) if row - before > _PEAK_PX])
