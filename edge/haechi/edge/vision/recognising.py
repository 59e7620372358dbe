"""Whether the detector recognises what moves: seen from straight above, nothing looks like what it was taught.

A camera that counts nothing looks like a quiet street. So large movements and what was recognised there are told
apart, and who sets a camera up is told when they have nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from haechi.edge.vision.geometry import Box

_AREA_MIN = 0.01  # share of the picture; what is smaller may well be leaves
_LOOKS_MIN = 20
_SHARE_MIN = 0.3


class Recognising:
    """Counts looks at large movements, and those of them in which something was recognised there."""

    def __init__(self) -> None:
        """Begins with nothing seen."""
        self.looks = 0
        """At something large that moved."""
        self.recognised = 0
        """Those that found any object where it moved."""

    def note(self, moved: Iterable[Box], found: Sequence[Box]) -> None:
        """Takes one look into account: what moved, and the objects that were found; fractions of the picture."""
        large = [box for box in moved if box.area >= _AREA_MIN]
        if large:
            self.looks += 1
            self.recognised += any(box.overlap(there) > 0 for box in found for there in large)

    @property
    def in_vain(self) -> bool:
        """True when large things move and the detector knows hardly any of them."""
        return self.looks >= _LOOKS_MIN and self.recognised < _SHARE_MIN * self.looks
