"""Where the sensor is, as a person writes it under ``[device.config]``."""

from pydantic import Field

from haechi.sdk.transports.modbus_poll import ModbusKeys


class SenseairS8Config(ModbusKeys):
    """``[device.config]`` of one sensor."""

    unit_id: int = Field(
        default=254,
        ge=0,
        le=255,
        description="The device's address; 254 reaches whichever sensor is alone on the line.",
    )
    period_s: float = Field(
        default=4.0, ge=0.01, le=86400, description="How often it is read; it measures every 2 to 4 s, by model."
    )
