"""What the values of a sensor mean, as a person writes it under ``[device.config]``."""

from typing import Self

from pydantic import Field, model_validator

from haechi.contract.places import Step
from haechi.sdk import AdapterConfig
from haechi.sdk.errors import wrong
from haechi.sdk.transports.sdi12_poll import Sdi12Keys
from haechi.text import _

VALUES_MAX = 99
"""Most values of one measurement, which only a concurrent one has (SDI-12 1.4, aC!)."""


class SensorValue(AdapterConfig):
    """``[[device.config.value]]``: one value of the measurement."""

    place: int = Field(ge=1, le=VALUES_MAX, description="Which value of the measurement: 1 is the first.")
    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$",
        max_length=64,
        description="Second part of the datastream's id.",
    )
    unit: str = Field(min_length=1, max_length=32, description="UCUM code after scaling, such as m, Cel, mm.")
    observed_property: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9_-]*$",
        max_length=64,
        description="What is observed, such as water_level. Default: the last part of the name.",
    )
    scale: float = Field(default=1.0, description="Value in the unit = number × scale. Not zero.")
    step: float | None = Field(
        default=None, gt=0, description="The sensor's last decimal in the unit, such as 0.001; saves bytes on the way."
    )
    valid: tuple[float, float] | None = Field(
        default=None, description="Lowest and highest plausible value in the unit; others are marked bad."
    )
    invalid: tuple[float, ...] = Field(
        default=(), max_length=16, description="Numbers, before scaling, by which the sensor says: no value."
    )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.scale == 0:
            raise wrong("scale", self.scale, _("a number other than zero"))
        if self.valid and self.valid[0] > self.valid[1]:
            raise wrong("valid", list(self.valid), _("the lower bound first"))
        if self.step is not None:
            try:
                Step.of(self.step)
            except ValueError as error:
                raise wrong("step", self.step, str(error)) from None
        return self


class Sdi12Config(Sdi12Keys):
    """``[device.config]`` of one sensor."""

    measurement: int = Field(default=0, ge=0, le=9, description="Which measurement: 0 is aM!, 1 to 9 are aM1! to aM9!.")
    ready_s_max: int = Field(
        default=60, ge=0, le=999, description="Longest time to measure that is believed; the bus waits that long."
    )
    value: tuple[SensorValue, ...] = Field(
        min_length=1, max_length=VALUES_MAX, description="What the values of the measurement are."
    )

    @model_validator(mode="after")
    def _has_values_without_doubles(self) -> Self:
        for key in ("name", "place"):
            seen: set[object] = set()
            for index, one in enumerate(self.value):
                written = getattr(one, key)
                if written in seen:
                    raise wrong(f"value[{index}].{key}", written, _("one that no other value has"))
                seen.add(written)
        return self
