"""What strikes when: drawn from a seed, before anything runs.

Promise: the same seed and length give the same plan; nothing strikes twice at the same time in one place; every strike
ends within the plan's length. What the processes do in between is their own affair, so a plan repeats, a run may not.
"""

import random
from dataclasses import dataclass

from support.fault_proxy import MODES

_GAP_S_MEAN = 1.6
_LEAD_S = 3.0
"""Undisturbed time at both ends of a plan."""
_WATER = "water"


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: where, what, from when on, how long (s)."""

    at_s: float
    target: str
    what: str
    length_s: float

    @property
    def name(self) -> str:
        """Its name in reports."""
        return f"{self.target}_{self.what}"

    def __str__(self) -> str:
        return f"{self.at_s:6.1f} s  {self.name} for {self.length_s:.1f} s"


FAULTS: dict[tuple[str, str], tuple[float, float]] = {
    ("gateway", "killed"): (0.1, 6.0),
    ("gateway", "restarted"): (0.1, 3.0),
    ("gateway", "frozen"): (0.5, 8.0),
    ("cloud", "killed"): (0.1, 8.0),
    ("cloud", "restarted"): (0.1, 3.0),
    ("cloud", "frozen"): (0.5, 12.0),
    ("broker", "killed"): (0.1, 10.0),
    ("broker", "frozen"): (0.5, 15.0),
    ("store", "killed"): (0.1, 10.0),
    ("store", "frozen"): (0.5, 15.0),
    **{(link, mode): (0.5, 12.0) for link in ("gateway_link", "cloud_link") for mode in MODES},
    (_WATER, "high"): (1.0, 6.0),
}
"""(target, what) → how long it lasts, from and to (s). High water is no fault: it makes events."""


def draw(seed: int, length_s: float) -> list[Strike]:
    """Return the strikes of a run of so many seconds, in the order in which they begin."""
    chance = random.Random(seed)
    free_at_s: dict[str, float] = {}
    plan: list[Strike] = []
    now_s = _LEAD_S
    while True:
        now_s += chance.expovariate(1 / _GAP_S_MEAN)
        target = chance.choice(sorted({target for target, _what in FAULTS}))
        what = chance.choice(sorted(what for where, what in FAULTS if where == target))
        shortest_s, longest_s = FAULTS[target, what]
        longest_s = min(longest_s, length_s - _LEAD_S - now_s)
        if longest_s < shortest_s:
            if now_s > length_s:
                return plan
            continue
        strike = Strike(now_s, target, what, chance.uniform(shortest_s, longest_s))
        if free_at_s.get(target, 0.0) <= now_s:
            plan.append(strike)
            free_at_s[target] = now_s + strike.length_s + 1.0
