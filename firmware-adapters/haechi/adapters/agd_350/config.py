"""How the radar's line is set up, as a person writes it under ``[device.config]``."""

from pydantic import Field

from haechi.sdk.talking import TalkKeys
from haechi.sdk.transports.serial_line import LineSettings, Parity


class Agd350Config(TalkKeys):
    """``[device.config]`` of one radar."""

    baud: int = Field(default=115200, ge=300, le=4_000_000, description="Bits per second (the radar's *BAUD).")
    parity: Parity = Field(default="odd", description="odd as delivered; none or even.")
    check_covers_star: bool = Field(
        default=True, description="Whether the check field covers the asterisk before it; see Limits."
    )
    period_s: float = Field(default=0.25, ge=0.01, le=3600, description="At most one sample in this time, the newest.")
    silence_s: float = Field(
        default=150.0, ge=0.1, le=3600, description="Without a sound message, heartbeats included, it is gone."
    )

    @property
    def line(self) -> LineSettings:
        """Port and character format."""
        return LineSettings(self.serial_port, self.baud, self.parity)
