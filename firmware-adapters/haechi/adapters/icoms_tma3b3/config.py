"""How the counter's line is set up, as a person writes it under ``[device.config]``."""

from pydantic import Field

from haechi.sdk.talking import LineKeys


class IcomsTma3b3Config(LineKeys):
    """``[device.config]`` of one counter."""

    baud: int = Field(default=115200, ge=300, le=4_000_000, description="Bits per second; always 8N1.")
    silence_s: float = Field(
        default=3600.0,
        ge=0.1,
        le=604800,
        description="Without a vehicle for so long the counter counts as gone: longer than the emptiest night.",
    )
