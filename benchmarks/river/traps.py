"""What looks like a water line and is none, painted into real pictures.

What lies on the gauge is painted into its reflection as well, as dim as that is in the picture.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.geometry import Point

Picture = NDArray[np.uint8]
Line = tuple[Point, Point, float]
Trap = Callable[[Picture, Line, float], tuple[Picture, Line, float | None]]
_chance = np.random.default_rng(2)


def _clipped(picture: NDArray[np.floating]) -> Picture:
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _middle(line: Line, row: float) -> float:
    a, b, _width = line
    return a.x + (b.x - a.x) * (row - a.y) / (b.y - a.y)


def _reflected(picture: Picture, above: NDArray[np.floating], row: float) -> Picture:
    """What is above the water, with a reflection that is dimmed as the picture's own."""
    high = picture.shape[0]
    water = round(row * high)
    painted = picture.astype(np.float32)
    painted[:water] = above[:water]
    factor = above / np.maximum(picture, 1)
    for y in range(water, min(high, 2 * water)):
        painted[y] = picture[y] * factor[2 * water - 1 - y]
    return _clipped(painted)


def _darker_from(slope: float, *, mirrored: bool) -> Trap:
    def trap(picture: Picture, line: Line, row: float) -> tuple[Picture, Line, float]:
        high, wide = picture.shape
        y, x = np.mgrid[:high, :wide]
        edge = _chance.uniform(line[0].y + 0.02, row - 0.03) * high
        lower = y > edge + slope * _chance.choice([-1, 1]) * (x - _middle(line, row) * wide)
        above = picture.astype(np.float32) * np.where(lower, _chance.uniform(0.4, 0.8), 1.0)
        if mirrored:
            return _reflected(picture, above, row), line, row
        return _clipped(np.where(y < row * high, above, picture)), line, row

    return trap


def _dry(picture: Picture, line: Line, row: float) -> tuple[Picture, Line, None]:
    """The line ends above the water, and a stain lies on it."""
    a, _b, width = line
    end = max(row - 0.04, a.y + 0.06)
    edge = round(_chance.uniform(a.y, end) * picture.shape[0])
    stained = picture.astype(np.float32)
    stained[edge : round((row - 0.01) * picture.shape[0])] *= _chance.uniform(0.4, 0.8)
    return _clipped(stained), (a, Point(_middle(line, end), end), width), None


def _still(picture: Picture, line: Line, row: float) -> tuple[Picture, Line, float]:
    """Water that mirrors nearly everything."""
    water, factor = round(row * picture.shape[0]), _chance.uniform(0.5, 0.98)
    painted = picture.astype(np.float32)
    for y in range(water, min(picture.shape[0], 2 * water)):
        painted[y] = painted[2 * water - 1 - y] * factor
    return _clipped(painted), line, row


def _muddy(picture: Picture, line: Line, row: float) -> tuple[Picture, Line, float]:
    """Water that mirrors nothing."""
    painted = picture.astype(np.float32)
    ripples = cv2.GaussianBlur(_chance.uniform(-20, 20, picture.shape), (0, 0), 2)
    painted[round(row * picture.shape[0]) :] = (_chance.uniform(30, 130) + ripples)[round(row * picture.shape[0]) :]
    return _clipped(painted), line, row


def _branch(picture: Picture, line: Line, row: float) -> tuple[Picture, Line, float]:
    high, wide = picture.shape
    x, y = round(_middle(line, row) * wide), round(_chance.uniform(row - 0.1, row + 0.1) * high)
    painted = picture.copy()
    drop = int(_chance.integers(-15, 16))
    cv2.line(
        painted, (x - 150, y - drop), (x + 150, y + drop), int(_chance.integers(10, 70)), int(_chance.integers(3, 14))
    )
    return painted, line, row


def _covered(picture: Picture, line: Line, row: float) -> tuple[Picture, Line, float]:
    """Something dark before the water line."""
    high, wide = picture.shape
    x, half = _middle(line, row) * wide, 0.08 * wide
    top, bottom = row - _chance.uniform(0.04, 0.12), row + _chance.uniform(0.02, 0.1)
    painted = picture.copy()
    painted[round(top * high) : round(bottom * high), max(0, round(x - half)) : round(x + half)] = 40
    return painted, line, row


TRAPS: dict[str, Trap] = {
    "stain or level shadow, mirrored": _darker_from(0.0, mirrored=True),
    "stain or level shadow, not mirrored": _darker_from(0.0, mirrored=False),
    "slanting shadow, mirrored": _darker_from(0.3, mirrored=True),
    "slanting shadow, not mirrored": _darker_from(0.3, mirrored=False),
    "dry, stained": _dry,
    "still water": _still,
    "muddy water": _muddy,
    "branch": _branch,
    "line covered": _covered,
}
