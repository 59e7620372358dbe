"""Which of a gauge's four variables mean what, as a person writes it under ``[device.config]``."""

from typing import Literal, Self

from pydantic import Field, model_validator

from haechi.sdk.errors import wrong
from haechi.sdk.transports.modbus_poll import ModbusKeys
from haechi.text import _

Meaning = Literal["none", "distance", "water_level", "temperature", "volume"]


class Vegapuls61Config(ModbusKeys):
    """``[device.config]`` of one gauge."""

    unit_id: int = Field(default=246, ge=0, le=255, description="The device's address; 246 as delivered.")
    primary: Meaning = Field(
        default="distance", description="What the sensor's PV is set to (sensor DTM); none: not read."
    )
    secondary: Meaning = Field(default="none", description="What its SV is set to.")
    tertiary: Meaning = Field(default="none", description="What its TV is set to.")
    quaternary: Meaning = Field(default="none", description="What its QV is set to.")
    register_offset: Literal[0, -1] = Field(
        default=0, description="-1 where a gateway counts registers from 1 and the gauge's numbers do not fit."
    )

    @property
    def meanings(self) -> tuple[Meaning, Meaning, Meaning, Meaning]:
        """What PV, SV, TV and QV are."""
        return self.primary, self.secondary, self.tertiary, self.quaternary

    @model_validator(mode="after")
    def _has_each_meaning_once(self) -> Self:
        used = [meaning for meaning in self.meanings if meaning != "none"]
        if not used:
            raise wrong("primary", self.primary, _("something other than none for at least one variable"))
        for key in ("secondary", "tertiary", "quaternary"):
            if used.count(getattr(self, key)) > 1:
                raise wrong(key, getattr(self, key), _("a meaning that no other variable has"))
        return self
