"""OTT PLS: emits the water above the probe in metres, its lowest and highest where given, and its temperature.

The units are settings of the probe, so they are asked for before every measurement (``aOSU!``, ``aOST!``, which change
nothing): a technician who changes them does not change what the numbers mean here. Set to a unit of pressure, the
probe gives no depth: it is left out and counted.

*OTT PLS, Operating instructions*, chapters 6.1 (standard commands) and 6.2 (commands beginning with O).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar

from haechi.adapters.ott_pls.config import OttPlsConfig
from haechi.contract.observations import Value
from haechi.contract.places import Datastream, Step
from haechi.sdk import BadReading, Host, Sample
from haechi.sdk.transports.sdi12_poll import Sdi12Polled
from haechi.text import _

_METRES = {0: Decimal(1), 1: Decimal("0.01"), 2: Decimal("0.3048")}
"""aOSU!: 0 m, 1 cm, 2 ft; 3 and 4 are pressures."""
_CELSIUS, _FAHRENHEIT = 0, 1
_DEPTH_STEP = Step(1, 10**6)
"""A hundredth of a foot is 3.048 mm; a millionth of a metre holds that and millimetres exactly."""
_SHORT, _LONG = 2, 4
"""Values of a measurement: level and temperature, and from three seconds of measuring time on lowest and highest."""


class OttPls(Sdi12Polled[OttPlsConfig]):
    """One probe."""

    Config: ClassVar = OttPlsConfig

    def __init__(self, device: str, config: OttPlsConfig, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        self.level_unit = self.temperature_unit = -1
        """What the probe said last about its units; -1 is none."""

    @property
    def value_count(self) -> int:
        """Level, temperature, lowest and highest."""
        return _LONG

    @property
    def setting_count(self) -> int:
        """Both units."""
        return 2

    def describe(self) -> list[Datastream]:
        """Return the level, its lowest and highest while measuring, and the temperature."""
        level = self.config.observed_property
        names = {level: "m", f"{level}_min": "m", f"{level}_max": "m", "water_temperature": "Cel"}
        return [
            self.datastream(
                name,
                unit,
                observed_property=name.removesuffix("_min").removesuffix("_max"),
                step=_DEPTH_STEP if unit == "m" else None,
                period_s=self.config.period_s,
            )
            for name, unit in names.items()
        ]

    async def round(self) -> Sample | None:
        """Ask for the units, then measure once."""
        self.heed_units(await self.recorder.setting("OSU"), await self.recorder.setting("OST"))
        return await super().round()

    def heed_units(self, level: Sequence[Decimal], temperature: Sequence[Decimal]) -> None:
        """Take what the probe says about its units.

        Raises:
            BadReading: it is no unit that the document knows.
        """
        if len(level) != 1 or len(temperature) != 1 or level[0] not in range(5) or temperature[0] not in range(2):
            raise BadReading(_("the probe does not say its units"))
        self.level_unit, self.temperature_unit = int(level[0]), int(temperature[0])

    def sample_of(self, values: Sequence[Decimal]) -> Sample | None:
        """Return what one measurement says, in metres and degrees Celsius."""
        if len(values) not in (_SHORT, _LONG):
            raise BadReading(_("{count} values, where an OTT PLS gives two or four").format(count=len(values)))
        level = self.config.observed_property
        names: list[str] = []
        emitted: list[Value] = []
        factor = _METRES.get(self.level_unit)
        if factor is None:
            self.host.count("units_unexpected")
            self.say_once(_("the probe is set to a unit of pressure; set it to m, cm or ft"))
        else:
            self.say_once("")
            for name, value in zip((level, f"{level}_min", f"{level}_max"), (values[0], *values[2:]), strict=False):
                names.append(f"{self.device}.{name}")
                emitted.append(_DEPTH_STEP.value(round(value * factor * _DEPTH_STEP.denominator)))
        names.append(f"{self.device}.water_temperature")
        said = float(values[1])
        emitted.append((said - 32) / 1.8 if self.temperature_unit == _FAHRENHEIT else said)
        return Sample(tuple(names), tuple(emitted))
