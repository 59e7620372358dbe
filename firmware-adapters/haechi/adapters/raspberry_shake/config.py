"""Which Shake, and which of its channels, as a person writes it under ``[device.config]``."""

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from haechi.sdk import AdapterConfig
from haechi.sdk.errors import wrong
from haechi.text import _

Channel = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class RaspberryShakeConfig(AdapterConfig):
    """``[device.config]`` of one Shake."""

    host: str = Field(
        min_length=1, max_length=45, description="IP address of the Shake; datagrams of others are dropped."
    )
    listen: str = Field(
        default="127.0.0.1",
        min_length=1,
        max_length=45,
        description="Address of this gateway on the Shake's network; 0.0.0.0 for all.",
    )
    port: int = Field(default=8888, ge=1, le=65535, description="UDP port that the Shake's datacast is set to.")
    channels: tuple[Channel, ...] = Field(
        default=("EHZ",),
        min_length=1,
        max_length=8,
        description="Which channels are taken, such as EHZ (vertical geophone), ENZ, ENN, ENE (accelerometers).",
    )
    rate_hz: Literal[50, 100] = Field(default=100, description="Samples a second: 100, 50 with the oldest boards.")
    silence_s: float = Field(default=10.0, ge=0.1, le=3600, description="Without a packet for so long it is gone.")
    retry_s: float = Field(default=5.0, ge=0.1, le=3600, description="How long to wait before the port is tried again.")

    @model_validator(mode="after")
    def _is_addresses(self) -> Self:
        for key in ("host", "listen"):
            try:
                ipaddress.IPv4Address(getattr(self, key))
            except ValueError:
                raise wrong(key, getattr(self, key), _("an IP address such as 192.0.2.7")) from None
        if len(set(self.channels)) != len(self.channels):
            raise wrong("channels", list(self.channels), _("each channel once"))
        return self
