"""Where the radar is and what it was set up for, as a person writes it under ``[device.config]``."""

from pydantic import Field

from haechi.sdk.transports.sdi12_poll import Sdi12Keys


class CampbellCs475Config(Sdi12Keys):
    """``[device.config]`` of one radar."""

    stage: bool = Field(
        default=False, description="true: also the stage as water_level; the water stage must be set in the radar."
    )
