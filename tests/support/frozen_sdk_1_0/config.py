"""How to reach one gauge, as a person writes it under ``[device.config]``."""

from pydantic import Field

from haechi.sdk import AdapterConfig


class FrozenGaugeConfig(AdapterConfig):
    """``[device.config]`` of one gauge."""

    port: str = Field(min_length=1, max_length=255, description="Serial port, such as /dev/ttyUSB0.")
    baud: int = Field(default=9600, ge=300, le=4_000_000, description="Bits per second; always 8N1.")
    period_s: float = Field(default=1.0, ge=0.05, le=3600, description="At most one level in this time, the newest.")
    silence_s: float = Field(default=5.0, ge=0.1, le=3600, description="Without a sound line for so long it is gone.")
    retry_s: float = Field(default=5.0, ge=0.1, le=3600, description="How long to wait before the port is tried again.")
