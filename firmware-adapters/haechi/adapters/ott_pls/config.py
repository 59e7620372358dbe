"""Where the probe is, as a person writes it under ``[device.config]``."""

from typing import Literal

from pydantic import Field

from haechi.sdk.transports.sdi12_poll import Sdi12Keys


class OttPlsConfig(Sdi12Keys):
    """``[device.config]`` of one probe."""

    observed_property: Literal["water_depth", "water_level"] = Field(
        default="water_depth",
        description="water_depth: above the probe; water_level: offset or reference value is set in the probe.",
    )
    measuring_s: float = Field(
        default=3.0, ge=0, le=999, description="How long it measures; from 3 s on it gives lowest and highest as well."
    )
