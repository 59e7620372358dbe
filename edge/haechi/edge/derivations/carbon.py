"""Energy → carbon dioxide, by the emission factor that held on the day. Pure; the factors come from the configuration.

A factor belongs to a grid and a year and is published afterwards, so it bears its source and the day from which it
holds. Before the first day there is no factor, and nothing is guessed.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple


class EmissionFactor(NamedTuple):
    """One published factor."""

    valid_from: date
    kg_per_kwh: float
    source: str
    """Who published it, and where: it is shown beside every figure made with it."""


class Carbon:
    """Factors in order of their days."""

    def __init__(self, factors: Iterable[EmissionFactor]) -> None:
        """Keep the factors.

        Raises:
            ValueError: two hold from the same day, or one is below zero.
        """
        self._factors = sorted(factors)
        self._days = [factor.valid_from for factor in self._factors]
        if len(set(self._days)) != len(self._days) or any(factor.kg_per_kwh < 0 for factor in self._factors):
            raise ValueError("expected one emission factor a day, none below zero")

    def factor_on(self, day: date) -> EmissionFactor | None:
        """Return the factor that held on ``day``."""
        place = bisect_right(self._days, day)
        return self._factors[place - 1] if place else None

    def kg_of(self, energy_kwh: float, day: date) -> float | None:
        """Return the carbon dioxide of energy used on ``day``; None where no factor holds yet."""
        factor = self.factor_on(day)
        return None if factor is None else energy_kwh * factor.kg_per_kwh
