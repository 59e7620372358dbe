"""Whether a camera still sees what it was set up to see. Pure; time is an argument.

Promise: a picture that is black, blinded, covered or of another view is told once when it has lasted, and once when it
is over; no light does that: lightning, headlights, clouds, dusk or the camera's change to infrared. What the view
should be is learned from what it shows in the first seconds and follows it slowly, as days and seasons do. A view
without texture, such as bare asphalt, can be black or blinded; that it is covered or moved nobody could tell.

Like the gate, this compares texture (logarithms of brightness less the mean of their surroundings), block by block, so
that a vehicle in front of a part of the view is no other view.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.faults import Fault
from haechi.edge.vision.motion import texture_of
from haechi.edge.vision.picture import GREY_HEIGHT_PX, resized, shrunk

_EVERY_S = 1.0
_LEARNING_LOOKS = 8
_FOLLOWING_RATE = 1 / 600  # of each second's picture in what is expected: ten minutes
_LASTING_S: dict[Fault, float] = {"black": 3, "blinded": 10, "covered": 5, "moved": 12}
_OVER_S = 3.0
_ASTRAY_S = 15.0

_BLACK_LEVEL = 28  # brightest twentieth of the picture, of 255; black itself is 16
_WHITE_LEVEL, _WHITE_SHARE = 228, 0.7
_BLOCKS_DOWN, _BLOCKS_ACROSS = 5, 8
_TEXTURED = 4.0  # mean texture of a block that can tell anything; noise is about 1
_TELLING_BLOCKS_MIN = 8
_COVERED_TEXTURE = 0.3  # share of its texture that a covered block keeps at most
_COVERED_SHARE = 0.8  # of the blocks
_UNLIKE = 0.35  # correlation with what is expected, of the median block; rain and infrared leave 0.8
_SHIFT_MIN = 0.02  # of the picture's width
_SHIFTED_LIKENESS, _SHIFTED_GAIN = 0.35, 0.3
_TEXTURE_MAX = 40.0


class FaultChange(NamedTuple):
    """A view became faulty or is well again."""

    fault: Fault
    raised: bool
    since_s: float
    """When it began."""


class _Bout:
    """How long one fault has lasted."""

    def __init__(self, *, active: bool) -> None:
        self.active = active
        self.since_s: float | None = None
        self.last_s = float("-inf")

    def update(self, there: bool, now_s: float, lasting_s: float, *, hidden: bool) -> bool | None:
        """True when it is to be raised, False when it is over, None when nothing changed.

        Args:
            there: whether the picture shows it.
            now_s: when it was taken.
            lasting_s: how long it must have been there to be raised.
            hidden: whether the picture could not show that it is over.
        """
        if self.active and hidden:
            self.last_s = now_s
            return None
        if there:
            self.since_s = now_s if self.since_s is None else self.since_s
            self.last_s = now_s
            if not self.active and now_s - self.since_s >= lasting_s:
                self.active = True
                return True
            return None
        if not self.active:
            self.since_s = None
        elif now_s - max(self.last_s, self.since_s or self.last_s) >= _OVER_S:
            self.active = False
            return False
        return None


class View:
    """The view of one camera over time."""

    def __init__(self, *, active: frozenset[Fault] = frozenset(), known: NDArray[np.float32] | None = None) -> None:
        """Begins to learn the view.

        Args:
            active: what was told before and is not known to be over.
            known: what the view should be, as :attr:`known` gave it once; None begins to learn it.
        """
        self._bouts = {fault: _Bout(active=fault in active) for fault in _LASTING_S}
        self._due_s = float("-inf")
        self._expected = known
        self._learned = 0 if known is None else _LEARNING_LOOKS
        self._astray_since_s: float | None = None
        """Since when no picture was well."""

    @property
    def faulty(self) -> bool:
        """Whether what is seen now proves nothing."""
        return any(bout.active for bout in self._bouts.values())

    @property
    def doubtful(self) -> bool:
        """Whether something has begun that is told of if it lasts: what is seen now may be of another view."""
        return any(bout.since_s is not None and not bout.active for bout in self._bouts.values())

    @property
    def known(self) -> NDArray[np.float32] | None:
        """What the view should be (texture, float32[h, w]), once it is learned; None before, or while it is faulty."""
        return None if self.faulty or self._learned < _LEARNING_LOOKS else self._expected

    def forget(self) -> None:
        """Begins after a time without pictures; what the view should be is kept."""
        self._astray_since_s = None
        for bout in self._bouts.values():
            if not bout.active:
                bout.since_s = None

    def judge(self, grey: NDArray[np.uint8], now_s: float) -> list[FaultChange]:
        """Takes one picture into account, once a second at most.

        Args:
            grey: brightness, uint8[h, w], small; it is not changed.
            now_s: when it was taken, of a clock that only rises.
        """
        if now_s < self._due_s:
            return []
        self._due_s = now_s + _EVERY_S
        found = self._found(shrunk(grey, GREY_HEIGHT_PX, 1))
        if found is None:
            self._astray_since_s = None
        elif self._astray_since_s is None:
            self._astray_since_s = now_s
        # A view may be lost now in this way, now in that.
        astray = self._astray_since_s is not None and now_s - self._astray_since_s >= _ASTRAY_S
        changes = []
        for fault, bout in self._bouts.items():
            since_s = bout.since_s
            lasting_s = 0.0 if astray and not self.faulty else _LASTING_S[fault]
            raised = bout.update(fault == found, now_s, lasting_s, hidden=_hides(found, fault))
            if raised is not None:
                began_s = bout.since_s if raised else since_s
                changes.append(FaultChange(fault, raised, now_s if began_s is None else began_s))
                if not raised:
                    bout.since_s = None
        return changes

    def _found(self, grey: NDArray[np.uint8]) -> Fault | None:
        if float(np.percentile(grey, 95)) < _BLACK_LEVEL:
            return "black"
        if np.count_nonzero(grey >= _WHITE_LEVEL) > _WHITE_SHARE * grey.size:
            return "blinded"
        # Brightest spots and the noise between them count like any other edge, no more.
        texture = np.clip(texture_of(grey), -_TEXTURE_MAX, _TEXTURE_MAX)
        if self._expected is not None and self._expected.shape != texture.shape:
            # While the view is another one it is not the one to learn, whatever its size.
            self._expected = resized(self._expected, texture.shape) if self.faulty else None
        if self._expected is None:
            self._expected, self._learned = texture, 1
            return None
        if self._learned < _LEARNING_LOOKS:
            self._learned += 1
            self._expected += (texture - self._expected) / self._learned
            return None
        found = _differs(texture, self._expected)
        if found is None:
            self._expected += (texture - self._expected) * _FOLLOWING_RATE
        return found


def _hides(found: Fault | None, fault: Fault) -> bool:
    """Whether nobody can tell if a fault is over: in the dark a camera that was turned looks like any other."""
    if fault == "moved":
        return found in {"black", "blinded", "covered"}
    return fault == "covered" and found in {"black", "blinded"}


def _differs(texture: NDArray[np.float32], expected: NDArray[np.float32]) -> Fault | None:
    now, usual = _blocks(texture), _blocks(expected)
    strength = np.abs(usual).mean(axis=1)
    telling = strength >= _TEXTURED
    if telling.sum() < _TELLING_BLOCKS_MIN:
        return None
    now, usual, strength = now[telling], usual[telling], strength[telling]
    if np.mean(np.abs(now).mean(axis=1) < _COVERED_TEXTURE * strength) >= _COVERED_SHARE:
        return "covered"
    if np.median(_correlation(now, usual)) >= _UNLIKE + _SHIFTED_GAIN:
        return None
    return "moved" if np.median(_correlation(now, usual)) < _UNLIKE or _shifted(texture, expected) else None


def _blocks(texture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The blocks of a picture, float32[blocks, pixels of one]; what does not fit at its edges is left out."""
    high, wide = texture.shape[0] // _BLOCKS_DOWN, texture.shape[1] // _BLOCKS_ACROSS
    inner = texture[: high * _BLOCKS_DOWN, : wide * _BLOCKS_ACROSS]
    apart = inner.reshape(_BLOCKS_DOWN, high, _BLOCKS_ACROSS, wide).transpose(0, 2, 1, 3)
    return apart.reshape(_BLOCKS_DOWN * _BLOCKS_ACROSS, -1)


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each row with each row, -1..1."""
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    scale = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.asarray((a * b).sum(axis=1) / np.maximum(scale, 1e-6), np.float32)


def _shifted(texture: NDArray[np.float32], expected: NDArray[np.float32]) -> bool:
    """Whether the same view lies elsewhere in the picture, clearly more alike there than where it should be."""
    (dx, dy), _response = cv2.phaseCorrelate(
        expected, texture, cv2.createHanningWindow(texture.shape[::-1], cv2.CV_32F)
    )
    x, y = round(dx), round(dy)
    high, wide = texture.shape
    if max(abs(x), abs(y)) < _SHIFT_MIN * wide or abs(x) > wide // 2 or abs(y) > high // 2:
        return False
    there = texture[max(0, y) : high + min(0, y), max(0, x) : wide + min(0, x)].reshape(1, -1)
    usual = expected[max(0, -y) : high + min(0, -y), max(0, -x) : wide + min(0, -x)].reshape(1, -1)
    alike = float(_correlation(there, usual)[0])
    in_place = float(_correlation(texture.reshape(1, -1), expected.reshape(1, -1))[0])
    return alike >= _SHIFTED_LIKENESS and alike - in_place >= _SHIFTED_GAIN
