"""Crossings gathered by period, so that a restart never turns a counter back. Pure; time is an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from haechi.edge.vision.scene import Crossing


class Period(NamedTuple):
    """One finished period: line → (forward, backward)."""

    end_us: int
    lines: dict[str, tuple[int, int]]


class CrossingCounter:
    """Counts the crossings of each period; periods lie on whole multiples of their length in UTC."""

    def __init__(
        self, lines: Iterable[str], *, period_s: float, in_force: Callable[[str, int], bool] = lambda _line, _us: True
    ) -> None:
        """Begins to count.

        Args:
            lines: their names.
            period_s: length of a period.
            in_force: whether a line counts at a time, microseconds since 1970 UTC; of one that did not at any look of a
                period nothing is said.
        """
        self._period_us = round(period_s * 1_000_000)
        self._lines = tuple(lines)
        self._in_force = in_force
        self._counting: set[str] = set()
        self._index: int | None = None
        self._counts: dict[str, list[int]] = {}

    def add(self, crossings: Iterable[Crossing], now_us: int) -> Period | None:
        """Takes one look into account; returns the period that it ends, if it does.

        A period without a single look gives nothing, for nothing is known of it. A clock that is set back a little
        ends no period twice; when it is set back further, the period that runs is given with the time it would have
        ended at, and the next begins at the new time.
        """
        finished = self.look_away(now_us)
        self._index = self._of(now_us)
        self._counting.update(
            line for line in self._lines if line not in self._counting and self._in_force(line, now_us)
        )
        for crossing in crossings:
            counts = self._counts.setdefault(crossing.line, [0, 0])
            counts[0 if crossing.direction == "forward" else 1] += 1
        return finished

    def look_away(self, now_us: int) -> Period | None:
        """Takes time without a look into account, as when the view is lost; returns the period that it ends."""
        return self._close(self._of(now_us))

    def rest(self) -> Period | None:
        """The period that runs, when no more looks come."""
        return self._close(None)

    def _of(self, now_us: int) -> int:
        """The period that a time lies in; a clock that was set back a little stays in the one that runs."""
        index = now_us // self._period_us
        return index + 1 if index + 1 == self._index else index

    def _close(self, index: int | None) -> Period | None:
        if self._index is None or self._index == index or not self._lines:
            return None
        counted, self._counts = self._counts, {}
        counting, self._counting = self._counting, set()
        end_us = (self._index + 1) * self._period_us
        self._index = None
        return Period(
            end_us,
            {
                line: (counted.get(line, [0, 0])[0], counted.get(line, [0, 0])[1])
                for line in self._lines
                if line in counting
            },
        )
