"""The channels of an IRS31Pro-UMB that are read here, what their numbers mean, and which number means: no value.

*IRS31Pro-UMB Operating Manual* V10 (01.2020): chapter 6.1 (channels in physical units), 18.1 (summary) and 18.2 (TLS
2012 FG3 channels, each with its own error code).
"""

from typing import Literal, NamedTuple

from haechi.contract.places import Step

Coding = Literal["umb", "tls"]
Property = Literal[
    "road_temperature",
    "freezing_temperature",
    "ground_temperature_1",
    "ground_temperature_2",
    "water_film",
    "road_condition",
    "friction",
    "ice_share",
]


class Channel(NamedTuple):
    """One channel."""

    number: int
    unit: str
    step: Step | None = None
    """What one count is in the unit, where the sensor gives integers."""
    factor: float = 1.0
    """What a float is multiplied by to be in the unit."""
    error: int | None = None
    """The number that means: no value."""


_TENTH, _HUNDREDTH, _ONE = Step(1, 10), Step(1, 100), Step(1, 1)

CHANNELS: dict[Coding, dict[Property, Channel]] = {
    "umb": {
        "road_temperature": Channel(101, "Cel"),
        "freezing_temperature": Channel(151, "Cel"),
        "ground_temperature_1": Channel(111, "Cel"),
        "ground_temperature_2": Channel(121, "Cel"),
        "water_film": Channel(601, "mm", factor=0.001),
        "road_condition": Channel(900, "1", _ONE),
    },
    "tls": {
        "road_temperature": Channel(1049, "Cel", _TENTH, error=0x7FFF),
        "freezing_temperature": Channel(1065, "Cel", _TENTH, error=0x7FFF),
        "ground_temperature_1": Channel(1067, "Cel", _TENTH, error=0x7FFF),
        "ground_temperature_2": Channel(1068, "Cel", _TENTH, error=0x7FFF),
        "water_film": Channel(1072, "mm", _HUNDREDTH, error=0xFFFF),
        "road_condition": Channel(1070, "1", _ONE, error=0xFF),
        "friction": Channel(1077, "1", _HUNDREDTH, error=0xFF),
        "ice_share": Channel(1129, "%", _ONE, error=0xFF),
    },
}
