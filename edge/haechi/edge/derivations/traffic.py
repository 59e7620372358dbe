"""Density and level of service out of flow, speed and occupancy. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from math import inf

HCM_2000_DENSITY = (7.0, 11.0, 16.0, 22.0, 28.0)
"""Most vehicles per km and lane for the levels A to E of a basic freeway segment (Highway Capacity Manual 2000,
exhibit 23-2, metric edition); beyond the last it is F. Other roads and countries have other limits."""

_LEVELS = "ABCDEF"


def density_by_flow(flow_per_h: float, speed_km_h: float, lanes: int = 1) -> float | None:
    """Return vehicles per km and lane: flow ÷ speed.

    Vehicles that were counted and stand now are a jam as dense as can be (infinity). A flow of nothing says nothing
    about density (None): an empty road and a standing queue look alike to a counter.
    """
    if flow_per_h <= 0:
        return None
    return inf if speed_km_h <= 0 else flow_per_h / speed_km_h / lanes


def density_by_occupancy(occupancy: float, vehicle_m: float, loop_m: float) -> float:
    """Return vehicles per km and lane out of the share of time (0 to 1) that a loop of ``loop_m`` is covered.

    ``vehicle_m`` is the mean length of a vehicle here; a vehicle covers the loop along its own length and the loop's.
    """
    return 1000 * occupancy / (vehicle_m + loop_m)


def level_of_service(density: float, limits: Sequence[float] = HCM_2000_DENSITY) -> str:
    """Return A to F for vehicles per km and lane; a limit itself still belongs to the better level."""
    return _LEVELS[bisect_left(limits, density)]
