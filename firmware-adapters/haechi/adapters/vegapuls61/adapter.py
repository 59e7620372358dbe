"""VEGAPULS radar gauges: emits the variables that the sensor is set to, in metres, degrees Celsius and cubic metres.

The unit of each variable is a setting of the sensor, so it is read along with the values, every time: a technician who
changes it does not change what the numbers mean here. A variable whose unit does not fit what it is said to be, or
that the sensor marks as invalid, is left out and counted.

Registers: *VEGAPULS 61, Modbus and Levelmaster protocol, Operating Instructions*, 41361-EN-121011, chapter 11.3.
"""

import math
import struct
from collections.abc import Sequence
from typing import ClassVar

from haechi.adapters.vegapuls61.config import Meaning, Vegapuls61Config
from haechi.contract.observations import Value
from haechi.contract.places import Datastream
from haechi.sdk import BadReading, Sample
from haechi.sdk.transports.modbus_frames import Read, Table
from haechi.sdk.transports.modbus_poll import ModbusPolled
from haechi.text import _

_UNITS_FIRST, _UNITS_COUNT = 104, 16
"""Unit and value of PV, SV, TV and QV in turn, each two registers; only the units are used."""
_VALUES_FIRST, _VALUES_COUNT = 2000, 10
"""Status and the four values as floats in order ABCD: one answer, so that status and values belong together."""
_VALUES = struct.Struct(">HHffff")

_LITRE, _US_GALLON, _IMPERIAL_GALLON = 0.001, 0.003785411784, 0.00454609
_METRES = {44: 0.3048, 45: 1.0, 47: 0.0254, 48: 0.01, 49: 0.001}
_CUBIC_METRES = {
    40: _US_GALLON,
    41: _LITRE,
    42: _IMPERIAL_GALLON,
    43: 1.0,
    46: 42 * _US_GALLON,
    111: 0.9144**3,
    112: 0.3048**3,
    113: 0.0254**3,
}
_CELSIUS, _FAHRENHEIT = 32, 33
_FACTORS: dict[Meaning, dict[int, float]] = {
    "distance": _METRES,
    "water_level": _METRES,
    "volume": _CUBIC_METRES,
    "temperature": {_CELSIUS: 1.0, _FAHRENHEIT: 1 / 1.8},
}
_UCUM: dict[Meaning, str] = {"distance": "m", "water_level": "m", "volume": "m3", "temperature": "Cel"}


class Vegapuls61(ModbusPolled[Vegapuls61Config]):
    """One gauge."""

    Config: ClassVar = Vegapuls61Config
    kind = "a VEGAPULS with Modbus"

    def describe(self) -> list[Datastream]:
        """Return one datastream for every variable that has a meaning."""
        return [
            self.datastream(meaning, _UCUM[meaning], period_s=self.config.period_s)
            for meaning in self.config.meanings
            if meaning != "none"
        ]

    def reads(self) -> Sequence[Read]:
        """Return the units, then status and values."""
        offset = self.config.register_offset
        return (
            Read(Table.INPUT, _UNITS_FIRST + offset, _UNITS_COUNT),
            Read(Table.INPUT, _VALUES_FIRST + offset, _VALUES_COUNT),
        )

    def sample_of(self, answers: Sequence[bytes]) -> Sample | None:
        """Return the valid variables in their SI units."""
        units = struct.unpack(f">{_UNITS_COUNT}H", answers[0])
        status_high, status_low, *numbers = _VALUES.unpack(answers[1])
        invalid = _whole(status_high, status_low)
        names: list[str] = []
        values: list[Value] = []
        trouble = ""
        for place, (meaning, number) in enumerate(zip(self.config.meanings, numbers, strict=True)):
            if meaning == "none":
                continue
            if invalid >> place & 1 or not math.isfinite(number):
                self.host.count("values_invalid")
                continue
            code = _whole(*units[4 * place : 4 * place + 2])
            factor = _FACTORS[meaning].get(code)
            if factor is None:
                self.host.count("units_unexpected")
                trouble = _("{meaning} is given in unit {code}, which is no unit of it; look at the sensor's settings")
                trouble = trouble.format(meaning=meaning, code=code)
                continue
            names.append(f"{self.device}.{meaning}")
            values.append((number - 32 if code == _FAHRENHEIT else number) * factor)
        self.say_once(trouble)
        return Sample(tuple(names), tuple(values)) if names else None


def _whole(high: int, low: int) -> int:
    """Return the small number in a double word; the document leaves the order of its two registers open.

    Raises:
        BadReading: both registers hold something, so that it is not small in either order.
    """
    if high and low:
        raise BadReading(_("{high:04x} {low:04x} is neither a status nor a unit").format(high=high, low=low))
    return high or low
