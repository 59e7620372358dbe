"""Whether a piece of road is under water, and how wet it looks. Pure; time is an argument.

Promise: both are evidence, not proof, were never tried on pictures with a known truth, and say so. What stands on the
road is left out of account.

* **Under water**: what made the surface known (markings, cracks, kerbs) is no longer seen there, while the rest of the
  view is what it was, and it did not turn white as under snow. While that stands nothing is learned: what is there then
  is the water. Where nobody knows any more what it looked like before, it stands until somebody says so.
* **Wet**: water darkens what is porous (J. Lekner, M. C. Dorf, *Why some things are darker when wet*, Applied Optics
  27, 1988). So the surface's brightness is compared with that of the rest of the view, and that with the driest it has
  been. Shade darkens as well: the value is always uncertain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from haechi.contract.observations import Quality
from haechi.edge.vision import geometry
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.measures import Measure
from haechi.edge.vision.picture import resized
from haechi.edge.vision.raising import Change, Raising, Seen
from haechi.edge.vision.scene_config import SurfaceConfig

_EVERY_S = 1.0
_LEARNING = 20
_FOLLOWING_RATE = 1 / 3600  # of each second's picture in what is expected: an hour
_TEXTURED = 2.0  # mean texture of a surface that can be known again
_PIXELS_MIN, _FREE_SHARE_MIN = 40, 0.5
_LOST_LIKENESS, _REST_LIKENESS = 0.25, 0.5
_WHITER_MAX = 0.5  # of the logarithm, against the rest of the view: more is snow
_DARKENED = 0.5  # share of its brightness that a soaked surface has lost
_DRYING_RATE, _FADING_RATE = 1 / 60, 1 / 86_400  # a second
_DARK = 16


class Dry(NamedTuple):
    """What a surface looks like when it is dry."""

    texture: NDArray[np.float32] | None
    """Of the whole picture (:func:`~haechi.edge.vision.motion.texture_of`), float32[h, w], where that is asked."""
    whiteness: float
    """Logarithm of its brightness against that of the rest of the view."""


class Surface:
    """One surface over time."""

    def __init__(self, config: SurfaceConfig, *, period_s: float, active: bool, known: Dry | None = None) -> None:
        """Begins to learn what it looks like, which should be dry.

        Args:
            config: the surface's.
            period_s: how wet it is is told so often.
            active: whether its condition was raised earlier and not cleared yet.
            known: what it looked like, as :attr:`known` gave it once.
        """
        self._config, self._period_s = config, period_s
        self._polygon = [Point(*corner) for corner in config.polygon]
        self._inside: NDArray[np.bool_] | None = None
        self._expected = None if known is None else known.texture
        self._learned = 0 if self._expected is None else _LEARNING
        self._whiteness = 0.0 if known is None else known.whiteness
        self._driest = None if known is None else known.whiteness
        self._due_s = float("-inf")
        self._told_s: float | None = None
        self._lost_since_s: float | None = None
        self._raising = Raising(config, active=active)

    @property
    def known(self) -> Dry | None:
        """What it looks like when it is dry, once that is learned."""
        if self._config.kind == "wetness":
            return None if self._driest is None else Dry(None, self._driest)
        return None if self._learned < _LEARNING else Dry(self._expected, self._whiteness)

    def asks(self, now_s: float) -> bool:
        """Whether a picture taken now is to be looked at."""
        return now_s >= self._due_s

    def take(
        self, grey: NDArray[np.uint8], texture: NDArray[np.float32], objects: Sequence[Box], now_s: float
    ) -> tuple[list[Measure], Change | None]:
        """Takes one picture into account.

        Args:
            grey: brightness, uint8[h, w], small.
            texture: of the same picture, float32[h, w].
            objects: what stands in it.
            now_s: when it was taken, of a clock that only rises.
        """
        self._due_s = now_s + _EVERY_S
        if self._inside is None or self._inside.shape != grey.shape:
            self._inside = _mask(self._polygon, grey.shape)
        if self._expected is not None and self._expected.shape != grey.shape:
            self._become(grey.shape)
        free = _without(objects, grey.shape)
        here, rest = self._inside & free, ~self._inside & free
        if here.sum() < max(_PIXELS_MIN, _FREE_SHARE_MIN * self._inside.sum()) or rest.sum() < _PIXELS_MIN:
            return [], None
        light = np.log(grey.astype(np.float32) + _DARK)
        whiteness = float(light[here].mean() - light[rest].mean())
        if self._config.kind == "wetness":
            return self._wetness(whiteness, now_s), None
        return [], self._flood(texture, here, rest, whiteness, now_s)

    def _become(self, shape: tuple[int, ...]) -> None:
        """Follows the stream to another size: learns anew, but not while it may be water that is seen."""
        if self._expected is not None and self._raising.active:
            self._expected = resized(self._expected, shape)
        else:
            self._expected, self._learned = None, 0

    def rest(self, now_s: float) -> Change | None:
        """Watches nothing for now; what was raised ends."""
        self.forget()
        return self._raising.rest(now_s)

    def forget(self) -> None:
        """Begins anew after a time without pictures; what it looks like is kept."""
        self._lost_since_s = None
        self._raising.forget()

    def _wetness(self, whiteness: float, now_s: float) -> list[Measure]:
        self._driest = whiteness if self._driest is None else self._driest
        self._told_s = now_s if self._told_s is None else self._told_s
        rate = _DRYING_RATE if whiteness > self._driest else _FADING_RATE
        self._driest += (whiteness - self._driest) * rate
        if now_s - self._told_s < self._period_s:
            return []
        self._told_s = now_s
        lost = 1 - float(np.exp(whiteness - self._driest))
        value = round(min(max(lost / _DARKENED, 0.0), 1.0), 2)
        return [Measure(self._config.name, "wetness", value, Quality.UNCERTAIN)]

    def _flood(
        self,
        texture: NDArray[np.float32],
        here: NDArray[np.bool_],
        rest: NDArray[np.bool_],
        whiteness: float,
        now_s: float,
    ) -> Change | None:
        if self._expected is None or self._learned < _LEARNING:
            if not self._raising.active:
                self._learn(texture, here | rest, whiteness)
            return None
        if float(np.abs(self._expected[here]).mean()) < _TEXTURED:
            return None
        lost = _likeness(texture[here], self._expected[here]) < _LOST_LIKENESS
        known = _likeness(texture[rest], self._expected[rest]) >= _REST_LIKENESS
        if lost and not known:
            return None  # night, fog or another view: it proves nothing
        if not lost:
            self._expected += np.where(here | rest, texture - self._expected, 0) * _FOLLOWING_RATE
            self._whiteness += (whiteness - self._whiteness) * _FOLLOWING_RATE
        if not lost or whiteness - self._whiteness > _WHITER_MAX:
            self._lost_since_s = None
            return self._raising.update(None, now_s)
        self._lost_since_s = now_s if self._lost_since_s is None else self._lost_since_s
        lasts = now_s - self._lost_since_s >= self._config.min_duration_s or self._raising.active
        return self._raising.update(Seen(None, None, 1, self._lost_since_s) if lasts else None, now_s)

    def _learn(self, texture: NDArray[np.float32], free: NDArray[np.bool_], whiteness: float) -> None:
        # Whoever stands there is no part of it.
        seen = np.where(free, texture, 0)
        if self._expected is None:
            self._expected, self._learned, self._whiteness = seen, 1, whiteness
            return
        self._learned += 1
        self._expected += np.where(free, texture - self._expected, 0) / self._learned
        self._whiteness += (whiteness - self._whiteness) / self._learned


def _mask(polygon: Sequence[Point], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    high, wide = shape[0], shape[1]
    rows = [
        [geometry.inside(polygon, Point((x + 0.5) / wide, (y + 0.5) / high)) for x in range(wide)] for y in range(high)
    ]
    return np.array(rows, np.bool_)


def _without(objects: Sequence[Box], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    high, wide = shape[0], shape[1]
    free = np.ones((high, wide), np.bool_)
    for box in objects:
        top, bottom = max(0, int(box.top * high)), max(0, int(box.bottom * high) + 1)
        left, right = max(0, int(box.left * wide)), max(0, int(box.right * wide) + 1)
        free[top:bottom, left:right] = False
    return free


def _likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Correlation, -1..1."""
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-6))
