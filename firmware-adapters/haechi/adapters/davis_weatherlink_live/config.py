"""Which station, as a person writes it under ``[device.config]``."""

from pydantic import Field

from haechi.sdk.polled import PollKeys
from haechi.sdk.transports.http_poll import HttpKeys


class WeatherlinkLiveConfig(HttpKeys, PollKeys):
    """``[device.config]`` of one station."""

    transmitter: int = Field(default=1, ge=1, le=8, description="Which of the stations that it receives: its txid.")
    barometer: bool = Field(default=True, description="true: also the pressure that it measures itself, indoors.")
    period_s: float = Field(
        default=30.0, ge=0.01, le=86400, description="How often it is asked; it allows every 10 s, and no more often."
    )

    @property
    def shares_a_bus(self) -> bool:
        """False: it is on the network."""
        return False
