"""What a camera measures beside its counts. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple

from haechi.contract.observations import Quality

Quantity = Literal["speed", "occupancy", "congestion", "queue", "queue_length", "occupied", "level", "wetness"]


class Measure(NamedTuple):
    """One value of a part (a line, zone or gauge) of the scene."""

    part: str
    quantity: Quantity
    value: float
    quality: Quality = Quality.GOOD
