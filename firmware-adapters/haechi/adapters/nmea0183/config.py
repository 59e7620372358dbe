"""Which sentence of the receiver is taken, as a person writes it under ``[device.config]``."""

from typing import Literal

from pydantic import Field

from haechi.sdk.talking import TalkKeys


class Nmea0183Config(TalkKeys):
    """``[device.config]`` of one receiver."""

    sentence: Literal["RMC", "GGA"] = Field(
        default="RMC",
        description="RMC: position, speed, course and time with date; GGA: position, altitude, satellites and hdop.",
    )
    baud: int = Field(default=4800, ge=300, le=4_000_000, description="Bits per second; many receivers use 9600.")
    period_s: float = Field(default=10.0, ge=0.01, le=3600, description="At most one sample in this time, the newest.")
    silence_s: float = Field(default=15.0, ge=0.1, le=3600, description="Without the sentence for so long it is gone.")
