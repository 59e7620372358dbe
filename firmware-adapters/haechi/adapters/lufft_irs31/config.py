"""Which values of the sensor are read, and how, as a person writes it under ``[device.config]``."""

from typing import Self

from pydantic import Field, model_validator

from haechi.adapters.lufft_irs31.channels import CHANNELS, Coding, Property
from haechi.sdk.errors import wrong
from haechi.sdk.polled import PollKeys
from haechi.sdk.transports.serial_line import Parity
from haechi.text import _


class LufftIrs31Config(PollKeys):
    """``[device.config]`` of one sensor."""

    serial_port: str = Field(
        min_length=1, max_length=255, description="Port of the RS-485 bus, such as /dev/serial/by-id/usb-…"
    )
    baud: int = Field(default=19200, ge=300, le=4_000_000, description="Bits per second; 19200 as delivered.")
    parity: Parity = Field(default="none", description="none, even or odd.")
    class_id: int = Field(default=9, ge=1, le=14, description="Class of the address: 9 for IRS31Pro-UMB.")
    device_id: int = Field(default=1, ge=1, le=255, description="Number of the sensor within its class.")
    coding: Coding = Field(
        default="umb", description="umb: channels in physical units; tls: the channels of the German TLS 2012."
    )
    values: tuple[Property, ...] = Field(
        default=("road_temperature", "freezing_temperature", "water_film", "road_condition"),
        min_length=1,
        max_length=8,
        description="What is read; friction and ice_share need coding tls.",
    )
    period_s: float = Field(
        default=10.0, ge=0.01, le=86400, description="How often it is read; it measures every 10 to 60 s."
    )

    @model_validator(mode="after")
    def _has_what_it_reads(self) -> Self:
        for place, name in enumerate(self.values):
            if name not in CHANNELS[self.coding]:
                allowed = ", ".join(CHANNELS[self.coding])
                raise wrong(
                    f"values[{place}]",
                    name,
                    _("with coding {coding} one of {names}").format(coding=self.coding, names=allowed),
                )
            if name in self.values[:place]:
                raise wrong(f"values[{place}]", name, _("each value once"))
        return self
