"""What of the sensor's frame is emitted, as a person writes it under ``[device.config]``."""

from pydantic import Field

from haechi.sdk.talking import TalkKeys


class PlantowerPms5003Config(TalkKeys):
    """``[device.config]`` of one sensor."""

    particle_counts: bool = Field(
        default=False, description="true: also how many particles above 0.3, 0.5, 1, 2.5, 5 and 10 µm are in 0.1 L."
    )
    period_s: float = Field(default=10.0, ge=0.01, le=3600, description="At most one sample in this time, the newest.")
    silence_s: float = Field(default=15.0, ge=0.1, le=3600, description="Without a sound frame for so long it is gone.")
