"""Sutron SDI-TB: emits the sums and the tips that the module keeps by the year and the day, rain in mm.

The first of its five values, the rain since the last measurement, is left out on purpose: the module sets it to zero
whenever it is asked to measure, so what an answer that is lost on the way had counted would be gone. The sum and the
tips of the year do not change by being read; whoever needs rain per interval subtracts two of them.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar

from haechi.adapters.sutron_tipping_bucket.config import SutronTippingBucketConfig
from haechi.contract.places import Datastream, Step
from haechi.sdk import BadReading, Sample
from haechi.sdk.transports.sdi12_poll import Sdi12Polled
from haechi.text import _

_VALUES = 5
_INCH_MM = Decimal("25.4")
_RAIN_STEP = Step(1, 10000)
"""Rain is said with two or three decimals; a thousandth of an inch is 0.0254 mm."""
_TIP_STEP = Step(1, 1)


class SutronTippingBucket(Sdi12Polled[SutronTippingBucketConfig]):
    """One rain gauge."""

    Config: ClassVar = SutronTippingBucketConfig

    @property
    def ready_s_max(self) -> int:
        """Its sums are there at once."""
        return 5

    @property
    def value_count(self) -> int:
        """Those that are emitted, and the one that is not."""
        return _VALUES

    def describe(self) -> list[Datastream]:
        """Return the sum and the tips of the year, and the sums of today and yesterday."""
        return [
            self._datastream("rain_year", "mm", _RAIN_STEP),
            self._datastream("tips_year", "{tip}", _TIP_STEP),
            self._datastream("rain_today", "mm", _RAIN_STEP),
            self._datastream("rain_yesterday", "mm", _RAIN_STEP),
        ]

    def sample_of(self, values: Sequence[Decimal]) -> Sample:
        """Return what stays true however often it is read."""
        if len(values) != _VALUES:
            raise BadReading(_("{count} values, where an SDI-TB gives five").format(count=len(values)))
        _since_last_read, tips, year, today, yesterday = values
        if any(value < 0 for value in values) or tips != tips.to_integral_value():
            raise BadReading(_("rain below zero, or half a tip"))
        datastreams = tuple(
            f"{self.device}.{name}" for name in ("rain_year", "tips_year", "rain_today", "rain_yesterday")
        )
        return Sample(datastreams, (self._rain_mm(year), float(tips), self._rain_mm(today), self._rain_mm(yesterday)))

    def _rain_mm(self, said: Decimal) -> float:
        rain_mm = said * _INCH_MM if self.config.unit == "in" else said
        return _RAIN_STEP.value(round(rain_mm * _RAIN_STEP.denominator))

    def _datastream(self, name: str, unit: str, step: Step) -> Datastream:
        return self.datastream(
            name,
            unit,
            observed_property=name.replace("rain_", "rain_sum_").replace("tips_", "tip_count_"),
            step=step,
            period_s=self.config.period_s,
            counter=None if name == "rain_yesterday" else "total",
        )
