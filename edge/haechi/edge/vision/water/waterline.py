"""Where the water meets a gauge in one picture: a row of a narrow strip along the gauge, or doubt. Pure.

Promise: never a guess. What is told as sure passed two tests of different kinds; else a :class:`Doubt` says why not.

* **A step**: above the water line the gauge is brighter than below, where it is seen reflected or not at all: by a
  factor that holds in the middle of the strip and in most columns, and for the brightest parts too, so that a dark
  mark is none. Stains, shadows, whatever covers the gauge and the end of its reflection are such steps as well.
* **A proof** that it is water that begins there: :mod:`haechi.edge.vision.water.proof`.

Too little light on the gauge, glare on it, or a step at the very end of the drawn line is doubt.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.geometry import Point
from haechi.edge.vision.water.proof import DARK, Place, Surroundings, proven

HEIGHT_PX = 600
"""Pictures that are higher are made so high first: nothing is gained by more."""

_STEP_SHARE = 0.012  # of the picture's height: means of so many rows are compared
_STEP_PX_MIN = 3
_ENVELOPE_STEPS = 4
_BRIGHTEST = 85.0  # percentile that stands for the gauge's bright parts
_IN_MOST_COLUMNS = 30.0
_STEP_MIN, _CANDIDATE_MIN, _DROP_MIN = 0.20, 0.10, 0.10  # of the logarithm: a factor of 1.22, 1.11, 1.11
_LEVEL_SHARE = 0.6  # of the columns' weight must step within `_STEP_SHARE`
_SLOPE_MIN, _SLANT_PX_MIN = 0.5, 3  # cameras hang straighter than that, and marks slant more
_LIGHT_MIN = 30.0  # grey levels, of the gauge's bright parts
_WHITE, _WHITE_SHARE = 250, 0.3
_WHITE_RUN_SHARE = 0.06  # of the picture's height
_MARGIN_SHARE = 0.1  # of the drawn line, beyond both ends
_COLUMNS_MIN = 9


class Doubt(StrEnum):
    """Why a picture tells no level."""

    DARK = "dark"
    """Too little light on the gauge."""
    GLARE = "glare"
    """The gauge is washed out, or the water below the line as white as it."""
    NO_STEP = "no_step"
    """Nothing that could be a water line: dry, flooded over, hidden."""
    UNLIKE_WATER = "unlike_water"
    """Something darkens, but nothing proves that it is water."""
    AT_THE_END = "at_the_end"
    """At the end of the drawn line: the water may be beyond it."""
    UNSEEN = "unseen"
    """The camera's view is lost."""
    OUTSIDE = "outside"
    """The picture has too few pixels along the line."""


class Waterline(NamedTuple):
    """What one picture tells."""

    at: float | None
    """0 where the line begins, 1 where it ends; None when there is doubt."""
    doubt: Doubt | None
    likely_at: float | None = None
    """Where the doubtful step is, for whoever looks into it."""


class _Strip(NamedTuple):
    grey: NDArray[np.float32]
    at: NDArray[np.float64]
    """Where each row lies on the line."""
    a: tuple[float, float]
    """Where the line begins, column and row of the picture."""
    b: tuple[float, float]

    @property
    def reach(self) -> tuple[float, float]:
        """The columns that the line keeps to, the first and the last."""
        return min(self.a[0], self.b[0]), max(self.a[0], self.b[0])

    def place(self, row: int) -> Place:
        """Where a row of the strip is in the picture."""
        at = float(self.at[row])
        return Place(round(self.a[1] + at * (self.b[1] - self.a[1])), self.a[0] + at * (self.b[0] - self.a[0]))


class _Step(NamedTuple):
    row: int
    strength: float


def find(grey: NDArray[np.uint8], a: Point, b: Point, width: float) -> Waterline:
    """Looks for the water line.

    Args:
        grey: brightness, uint8[H, W], at most about :data:`HEIGHT_PX` high.
        a: where the gauge's line begins, fractions of the picture.
        b: where it ends.
        width: of the strip that is looked at, a fraction of the picture's width.
    """
    height = grey.shape[0]
    step_px = max(_STEP_PX_MIN, round(_STEP_SHARE * height))
    strip = _strip(grey, a, b, width)
    if strip is None or strip.grey.shape[0] < 4 * step_px:
        return Waterline(None, Doubt.OUTSIDE)
    if float(np.percentile(strip.grey, _BRIGHTEST)) < _LIGHT_MIN:
        return Waterline(None, Doubt.DARK)
    logarithm = np.log(strip.grey + DARK)
    columns = _steps(logarithm, step_px)
    steps = _darkening(logarithm, columns, step_px)
    if not steps:
        return Waterline(None, Doubt.NO_STEP)
    place = {step.row: strip.place(step.row) for step in steps}
    sure = [place[step.row] for step in steps if step.strength >= _STEP_MIN and _is_level(columns, step.row, step_px)]
    found = proven(Surroundings(grey, *strip.reach), list(place.values()), sure)
    if found is None:
        return Waterline(None, Doubt.UNLIKE_WATER, float(strip.at[max(steps, key=lambda step: step.strength).row]))
    row = next(row for row in place if place[row] == found)
    at = float(strip.at[row])
    doubt = _doubt(strip, row, step_px, height)
    return Waterline(None, doubt, at) if doubt else Waterline(min(max(at, 0.0), 1.0), None)


def _doubt(strip: _Strip, row: int, step_px: int, height: int) -> Doubt | None:
    near_px = _ENVELOPE_STEPS * step_px
    above, below = strip.grey[max(0, row - near_px) : row], strip.grey[row + 2 : row + 2 + near_px]
    if float(np.percentile(above, _BRIGHTEST)) < _LIGHT_MIN:
        return Doubt.DARK
    # Where the gauge is washed out, the line may hide in the white, and the step be the end of its reflection.
    if np.mean(below >= _WHITE) > _WHITE_SHARE or _white_run(strip.grey[:row]) > _WHITE_RUN_SHARE * height:
        return Doubt.GLARE
    end = step_px * float(strip.at[1] - strip.at[0])
    return None if end <= float(strip.at[row]) <= 1 - end else Doubt.AT_THE_END


def _strip(grey: NDArray[np.uint8], a: Point, b: Point, width: float) -> _Strip | None:
    """The strip along the line, its first row where the line begins; None when hardly any of it is in the picture."""
    high, wide = grey.shape
    ax, ay, bx, by = a.x * (wide - 1), a.y * (high - 1), b.x * (wide - 1), b.y * (high - 1)
    length = float(np.hypot(bx - ax, by - ay))
    if length < 1:
        return None
    ux, uy = (bx - ax) / length, (by - ay) / length
    half = width * wide / 2
    rows = np.arange(-int(_MARGIN_SHARE * length), int((1 + _MARGIN_SHARE) * length) + 1, dtype=np.float64)
    columns = np.linspace(-half, half, max(_COLUMNS_MIN, int(2 * half) + 1))
    middle_x, middle_y = ax + rows * ux, ay + rows * uy
    rows = rows[(middle_x >= 0) & (middle_x <= wide - 1) & (middle_y >= 0) & (middle_y <= high - 1)]
    if not rows.size:
        return None
    x = np.clip(ax + rows[:, None] * ux - columns[None] * uy, 0, wide - 1)
    y = np.clip(ay + rows[:, None] * uy + columns[None] * ux, 0, high - 1)
    return _Strip(_between_pixels(grey, x, y), rows / length, (ax, ay), (bx, by))


def _between_pixels(grey: NDArray[np.uint8], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    right, bottom = np.minimum(left + 1, grey.shape[1] - 1), np.minimum(top + 1, grey.shape[0] - 1)
    dx, dy = x - left, y - top
    upper = grey[top, left] * (1 - dx) + grey[top, right] * dx
    lower = grey[bottom, left] * (1 - dx) + grey[bottom, right] * dx
    return np.asarray(upper * (1 - dy) + lower * dy, np.float32)


def _steps(logarithm: NDArray[np.float32], step_px: int) -> NDArray[np.float32]:
    """By how much each column is brighter above each row than below it; 0 at both ends."""
    rows, columns = logarithm.shape
    summed = np.vstack([np.zeros((1, columns)), np.cumsum(logarithm, axis=0, dtype=np.float64)])
    steps = np.zeros((rows, columns), np.float32)
    at = np.arange(step_px, rows - step_px - 1)
    above, below = summed[at] - summed[at - step_px], summed[at + 1 + step_px] - summed[at + 1]
    steps[at] = (above - below) / step_px
    return steps


def _darkening(logarithm: NDArray[np.float32], columns: NDArray[np.float32], step_px: int) -> list[_Step]:
    """The rows at which the strip darkens, from above to below."""
    middle = np.maximum(np.median(columns, axis=1), 0)
    strength = (middle + np.percentile(np.abs(columns), _IN_MOST_COLUMNS, axis=1)) / 2
    near_px = _ENVELOPE_STEPS * step_px
    for row in np.flatnonzero(strength >= _CANDIDATE_MIN):
        above, below = logarithm[max(0, row - near_px) : row - 1], logarithm[row + 2 : row + 2 + near_px]
        drop = np.percentile(above, _BRIGHTEST) - np.percentile(below, _BRIGHTEST) if row > 1 else 0.0
        if drop < _DROP_MIN:
            strength[row] = 0
    found: list[_Step] = []
    while (strongest := float(strength[best := int(strength.argmax())])) >= _CANDIDATE_MIN:
        found.append(_Step(best, strongest))
        strength[max(0, best - 2 * step_px) : best + 2 * step_px + 1] = 0
    return sorted(found)


def _white_run(grey: NDArray[np.float32]) -> int:
    """The longest run of rows that are mostly white."""
    longest = run = 0
    for is_white in np.mean(grey >= _WHITE, axis=1) > 1 / 2:
        run = run + 1 if is_white else 0
        longest = max(longest, run)
    return longest


def _spread_px(steps: NDArray[np.float32], row: int, step_px: int) -> int:
    """Over how many rows most columns step, those that step most counting most: 0 where the edge is level."""
    near = np.abs(steps[max(0, row - 2 * step_px) : row + 2 * step_px + 1])
    at, weight = near.argmax(axis=0), near.max(axis=0)
    order = np.argsort(at)
    share = np.cumsum(weight[order]) / max(float(weight.sum()), 1e-9)
    first, last = np.searchsorted(share, [(1 - _LEVEL_SHARE) / 2, (1 + _LEVEL_SHARE) / 2])
    return int(at[order][min(int(last), at.size - 1)] - at[order][int(first)])


def _is_level(steps: NDArray[np.float32], row: int, step_px: int) -> bool:
    return _spread_px(steps, row, step_px) <= step_px and not _slants(steps, row, step_px)


def _slants(steps: NDArray[np.float32], row: int, step_px: int) -> bool:
    """Whether the step falls or rises from side to side; a gauge's marks make it odd on one side only."""
    near = steps[max(0, row - 3 * step_px) : row + 3 * step_px + 1]
    thirds = [int(part.mean(axis=1).argmax()) for part in np.array_split(near, 3, axis=1)]
    first, second = thirds[1] - thirds[0], thirds[2] - thirds[1]
    slope = abs(first + second) / (near.shape[1] * 2 / 3)
    return first * second > 0 and slope >= _SLOPE_MIN and abs(first + second) >= _SLANT_PX_MIN
