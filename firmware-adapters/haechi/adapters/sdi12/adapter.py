"""Any SDI-12 sensor: emits the values of one measurement, each as the configuration says what it is.

A value that the sensor does not give is damage, not a gap: a measurement with fewer values than the configuration
names is no reading. A number that is listed as invalid is left out; one outside ``valid`` is marked bad.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar

from haechi.adapters.sdi12.config import Sdi12Config, SensorValue
from haechi.contract.observations import Quality, Value
from haechi.contract.places import Datastream, Step
from haechi.sdk import BadReading, Host, Sample
from haechi.sdk.transports.sdi12_poll import Sdi12Polled
from haechi.text import _


class Sdi12Sensor(Sdi12Polled[Sdi12Config]):
    """One sensor."""

    Config: ClassVar = Sdi12Config

    def __init__(self, device: str, config: Sdi12Config, host: Host) -> None:
        """Prepare what does not depend on the answers; open nothing."""
        super().__init__(device, config, host)
        self._places_max = max(one.place for one in config.value)
        self._steps = {one.name: Step.of(one.step) for one in config.value if one.step is not None}

    @property
    def measurement(self) -> int:
        """Which measurement is asked for."""
        return self.config.measurement

    @property
    def ready_s_max(self) -> int:
        """Longest time to measure that is believed."""
        return self.config.ready_s_max

    @property
    def value_count(self) -> int:
        """As far as the configuration names them."""
        return self._places_max

    def describe(self) -> list[Datastream]:
        """Return one datastream for each value, in the order written."""
        return [
            Datastream(
                id=f"{self.device}.{one.name}",
                thing=self.device,
                observed_property=one.observed_property or one.name.rpartition(".")[2],
                unit=one.unit,
                step=self._steps.get(one.name),
                period_s=self.config.period_s,
            )
            for one in self.config.value
        ]

    def sample_of(self, values: Sequence[Decimal]) -> Sample | None:
        """Return the values that the configuration names."""
        if len(values) < self._places_max:
            what = _("{count} values, where the configuration names value {place}")
            raise BadReading(what.format(count=len(values), place=self._places_max))
        names: list[str] = []
        emitted: list[Value] = []
        qualities: list[Quality] = []
        for one in self.config.value:
            said = values[one.place - 1]
            if float(said) in one.invalid:
                self.host.count("values_missing")
                continue
            value = self._in_unit(one, said)
            plausible = one.valid is None or one.valid[0] <= value <= one.valid[1]
            if not plausible:
                self.host.count("values_implausible")
            names.append(f"{self.device}.{one.name}")
            emitted.append(value)
            qualities.append(Quality.GOOD if plausible else Quality.BAD)
        if not names:
            return None
        return Sample(tuple(names), tuple(emitted), tuple(qualities) if any(qualities) else None)

    def _in_unit(self, one: SensorValue, said: Decimal) -> float:
        exact = said * Decimal(str(one.scale))
        step = self._steps.get(one.name)
        if step is None:
            return float(exact)
        count = exact * step.denominator / step.numerator
        # Finer than the step that was written: what the sensor said counts, not what was expected of it.
        return step.value(int(count)) if count == count.to_integral_value() else float(exact)
