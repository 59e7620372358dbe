"""What so many false alarms in so much time prove, and which crossings were counted at their time. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

TIME_TOLERANCE_S = 2.0
"""A crossing counted within this of its true time is that crossing."""


def upper_bound_per_hour(events: int, hours: float, *, confidence: float = 0.95) -> float | None:
    """The rate that is not exceeded with such confidence (exact one-sided bound of a Poisson count).

    None when nothing was watched. For no event in T hours it is 3.0 / T.
    """
    if hours <= 0:
        return None
    low, high = 0.0, 10.0 + 4.0 * events
    for _step in range(60):
        mean = (low + high) / 2
        at_most = sum(math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in range(events + 1))
        if at_most > 1 - confidence:
            low = mean
        else:
            high = mean
    return high / hours


def matched(truth_s: Iterable[float], counted_s: Iterable[float]) -> int:
    """How many true times have a counted one of their own within :data:`TIME_TOLERANCE_S`; earliest first."""
    todo = sorted(counted_s)
    number = 0
    for time_s in sorted(truth_s):
        while todo and todo[0] < time_s - TIME_TOLERANCE_S:
            todo.pop(0)
        if todo and todo[0] <= time_s + TIME_TOLERANCE_S:
            todo.pop(0)
            number += 1
    return number
