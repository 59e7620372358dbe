"""Where the gauge is and what it counts in, as a person writes it under ``[device.config]``."""

from typing import Literal

from pydantic import Field

from haechi.sdk.transports.sdi12_poll import Sdi12Keys


class SutronTippingBucketConfig(Sdi12Keys):
    """``[device.config]`` of one rain gauge."""

    unit: Literal["in", "mm"] = Field(
        description="What its bucket size is set in; the module says numbers without a unit. in as delivered."
    )
    measuring_s: float = Field(
        default=0.0, ge=0, le=999, description="How long it measures: its sums are there at once."
    )
