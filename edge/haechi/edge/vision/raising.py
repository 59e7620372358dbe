"""When what is seen in a zone becomes a condition, and when it ends. Pure; time is an argument.

Promise: a condition is raised once and cleared once, however what is seen flickers. It is raised when N of the last M
pictures show it, cleared when none did for ``clear_after_s``, and taken back at once when, within ``retract_within_s``,
what it began with proves to be something else. Time that nobody watched proves nothing. What keeps a condition may be
less than what raises it: while it is :attr:`~Raising.active`, whoever calls need not see it last anew.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol

from haechi.edge.vision.geometry import Box
from haechi.edge.vision.labels import Label


class Change(NamedTuple):
    """A condition in a zone began or ended."""

    zone: str
    raised: bool
    label: Label | None
    """Of the object that it began with; None at the end."""
    box: Box | None
    number: int
    """Most objects at one time, so far."""
    since_s: float
    """When it began."""
    retracted: bool = False
    """At the end: there never was such a thing."""
    level_m: float | None = None
    """Of the water that it is about, where it is about that."""


class Seen(NamedTuple):
    """What one picture shows of a condition."""

    label: Label | None
    """Of the object that has done it for longest; None when no single one does."""
    box: Box | None
    number: int
    since_s: float
    """Since when that is so."""
    track: int | None = None
    """Who it is, where it is somebody."""


class Conditional(Protocol):
    """What a configuration says of a condition."""

    @property
    def name(self) -> str:
        """Of the zone, gauge or surface."""
        ...

    @property
    def confirm(self) -> tuple[int, int]:
        """N of the last M pictures must show it."""
        ...

    @property
    def clear_after_s(self) -> float:
        """It ends when nothing showed it for so long."""
        ...

    @property
    def retract_within_s(self) -> float:
        """It may be taken back for so long."""
        ...


class Raising:
    """One condition over time."""

    def __init__(self, config: Conditional, *, active: bool, absences_min: int = 1) -> None:
        """Begins with nothing seen.

        Args:
            config: the zone's, gauge's or surface's.
            active: whether it was raised earlier and not cleared yet.
            absences_min: so many pictures in a row must not show it before it ends, however slowly they come.
        """
        self._config, self._absences_min = config, absences_min
        self._shown: deque[bool] = deque(maxlen=config.confirm[1])
        self._since_s: float | None = None
        self._absent_since_s: float | None = None
        self._absences = 0
        self._raised_s: float | None = None
        self._count = 0
        self.active = active
        self.began_with: int | None = None
        """The object that a condition which may still be taken back began with."""

    @property
    def ending(self) -> bool:
        """Whether it is raised, and the last picture did not show it."""
        return self.active and self._absent_since_s is not None

    def update(
        self, seen: Seen | None, now_s: float, *, mistaken: bool = False, missed_since_s: float | None = None
    ) -> Change | None:
        """Takes one picture into account.

        Args:
            seen: what it shows; None when nothing.
            now_s: when it was taken, of a clock that only rises.
            mistaken: what the condition began with proves to be something else.
            missed_since_s: since when nothing was seen, where that was taken for a flicker until now.
        """
        if self.active and self._since_s is None:
            self._since_s = now_s  # raised before this process began
        self._shown.append(seen is not None)
        if self._raised_s is None or now_s - self._raised_s > self._config.retract_within_s:
            self.began_with = None
        if seen is not None:
            return self._meet(seen, now_s)
        # Not from when it was last seen: nobody may have watched in between.
        if self._absent_since_s is None:
            self._absent_since_s = now_s if missed_since_s is None else missed_since_s
        self._absences += 1
        if self.active and self.began_with is not None and mistaken:
            return self._end(now_s, retracted=True)
        if self.active and self._absences >= self._absences_min:
            return self._end(now_s) if now_s - self._absent_since_s >= self._config.clear_after_s else None
        return None

    def rest(self, now_s: float) -> Change | None:
        """Ends it, for nobody asks any more."""
        self._shown.clear()
        return self._end(now_s) if self.active else None

    def forget(self) -> None:
        """Begins anew after a time without pictures; what was raised stays so until it is seen to end."""
        self._shown.clear()
        self._absent_since_s = self._raised_s = self.began_with = None
        self._absences = 0

    def _meet(self, seen: Seen, now_s: float) -> Change | None:
        self._absent_since_s, self._absences = None, 0
        self._count = max(self._count, seen.number)
        if self.active or sum(self._shown) < self._config.confirm[0]:
            return None
        self.active, self._raised_s, self._since_s = True, now_s, seen.since_s
        self.began_with = seen.track
        return Change(self._config.name, True, seen.label, seen.box, self._count, seen.since_s)

    def _end(self, now_s: float, *, retracted: bool = False) -> Change:
        since_s = now_s if self._since_s is None else self._since_s
        change = Change(self._config.name, False, None, None, self._count, since_s, retracted)
        self.active, self._count, self.began_with, self._raised_s = False, 0, None, None
        return change
