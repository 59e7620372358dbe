"""Whether pictures still come, and new ones. Pure; time is an argument.

Promise: a camera without pictures is told after :func:`~.faults.blind_after_s`, one that repeats itself after
:data:`FROZEN_S`, each once, and once when it is over. Frozen is judged by the stream's own time, which stands still
while pictures come: an empty street may well look the same for hours.
"""

from __future__ import annotations

from haechi.edge.vision.faults import Fault, blind_after_s
from haechi.edge.vision.view import FaultChange

FROZEN_S = 10.0
_COMING_S = 5.0  # pictures come while the last one is no older


class Flow:
    """The pictures of one camera as they come."""

    def __init__(self, since_s: float, *, active: frozenset[Fault] = frozenset(), every_s: float = 0.0) -> None:
        """Goes on waiting for a picture.

        Args:
            since_s: since when none has come, of a clock that only rises.
            active: what was told before and is not known to be over.
            every_s: how far single pictures are apart; they may be late by as much again.
        """
        self._coming_s, self._blind_s = _COMING_S + 2 * every_s, blind_after_s(every_s)
        self._picture_s = since_s
        self._standing_s = 0.0
        self._seen = False
        self._active: set[Fault] = set(active & {"no_picture", "frozen"})

    @property
    def frozen(self) -> bool:
        """Whether pictures come that show what was, not what is."""
        return "frozen" in self._active

    def take(self, now_s: float, standing_s: float) -> None:
        """Takes note of a picture that came now, and of how long the stream's own time has stood still."""
        self._picture_s, self._standing_s, self._seen = now_s, standing_s, True

    def judge(self, now_s: float) -> list[FaultChange]:
        """What began or ended."""
        coming = self._seen and now_s - self._picture_s <= self._coming_s
        changes: list[FaultChange] = []
        self._become("no_picture", now_s - self._picture_s >= self._blind_s, coming, self._picture_s, changes)
        standing = self._standing_s >= FROZEN_S
        self._become("frozen", coming and standing, coming and not standing, now_s - self._standing_s, changes)
        return changes

    def _become(self, fault: Fault, begins: bool, ends: bool, since_s: float, changes: list[FaultChange]) -> None:
        if begins and fault not in self._active:
            self._active.add(fault)
            changes.append(FaultChange(fault, True, since_s))
        elif ends and fault in self._active:
            self._active.discard(fault)
            changes.append(FaultChange(fault, False, since_s))
