"""Which meter it is, as a person writes it under ``[device.config]``."""

from typing import Literal

from pydantic import Field

from haechi.sdk.transports.modbus_poll import ModbusKeys


class EastronSdmConfig(ModbusKeys):
    """``[device.config]`` of one meter."""

    model: Literal["sdm630", "sdm72"] = Field(
        description="sdm630: three phases, all values; sdm72: total power and energies."
    )
    period_s: float = Field(default=5.0, ge=0.01, le=86400, description="How often it is read.")
