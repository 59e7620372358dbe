"""A measured figure with its floor, and how a list of them is written for people and for machines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

_WIDTH_NAME = 46


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure is compared with: the same work done bare, in the same run, or what the figure is a share of."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. ``floor`` is the worst value that is accepted; ``better`` says on which side of it good lies."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    better: Literal["more", "less"] = "less"
    compared_with: Limit | None = None

    @property
    def ok(self) -> bool:
        """False only where a floor is missed."""
        if self.floor is None:
            return True
        return self.value >= self.floor if self.better == "more" else self.value <= self.floor

    def record(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        limit = self.compared_with
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "floor": self.floor,
            "ok": self.ok,
            "compared_with": None if limit is None else {"name": limit.name, "value": limit.value, "unit": limit.unit},
        }


def lines(figures: Sequence[Figure]) -> list[str]:
    """Return the table, one line a figure."""
    table = [f"{'figure':<{_WIDTH_NAME}} {'value':>12} {'unit':<14} {'floor':>12}      compared with"]
    for figure in figures:
        floor, verdict = "", ""
        if figure.floor is not None:
            floor = f"{'≥' if figure.better == 'more' else '≤'} {number(figure.floor)}"
            verdict = "ok" if figure.ok else "MISS"
        limit = figure.compared_with
        compared = "" if limit is None else f"{limit.name}: {number(limit.value)} {limit.unit}"
        line = f"{figure.name:<{_WIDTH_NAME}} {number(figure.value):>12} {figure.unit:<14} {floor:>12} {verdict:<4} "
        table.append((line + compared).rstrip())
    return table


def number(value: float) -> str:
    """Return a number with three significant digits or more, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that ``share`` (0 to 1) of all do not exceed; nearest rank."""
    rank = math.ceil(round(share * len(values), 9))
    return sorted(values)[max(1, rank) - 1]
