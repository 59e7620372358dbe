"""Which network server, and which of its end devices, as a person writes it under ``[device.config]``."""

from collections import Counter
from typing import Literal, Self

from pydantic import Field, model_validator

from haechi.adapters.lorawan.payloads import payload_named
from haechi.sdk import AdapterConfig
from haechi.sdk.errors import wrong
from haechi.sdk.transports.mqtt_in import MqttKeys
from haechi.text import _


class EndDevice(AdapterConfig):
    """``[[device.config.end_device]]``: one radio device."""

    dev_eui: str = Field(pattern=r"^[0-9A-Fa-f]{16}$", description="Its DevEUI, 16 hexadecimal digits.")
    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="Names its datastreams: `DEVICE.NAME.occupied`."
    )
    payload: str = Field(
        max_length=64, description="What its payloads are: `bosch_tps110`, or what a package announces."
    )

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        payload_named(self.payload)
        return self


class LorawanConfig(MqttKeys):
    """``[device.config]`` of the end devices of one place, behind one network server."""

    network_server: Literal["chirpstack", "the_things_stack"] = Field(
        description="ChirpStack 4, or The Things Stack 3 (which The Things Network runs)."
    )
    application: str = Field(
        pattern=r"^[A-Za-z0-9._@-]{1,128}$",
        description="chirpstack: the application's id. the_things_stack: `APPLICATION@TENANT`.",
    )
    end_devices: tuple[EndDevice, ...] = Field(
        alias="end_device", min_length=1, max_length=1000, description="The radio devices that are taken."
    )
    clock_tolerance_s: float = Field(
        default=10.0,
        ge=0,
        le=3600,
        description="A radio gateway that is further ahead of the server has a wrong clock.",
    )
    delay_max_s: float = Field(
        default=86_400.0, ge=1, le=2_592_000, description="A radio gateway keeps frames at most so long for the server."
    )
    server_time_is_good: bool = Field(
        default=False, description="True where radio gateways have no clock and hand frames on at once."
    )

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        for key, named in (("dev_eui", self.by_eui), ("name", {one.name for one in self.end_devices})):
            if len(named) < len(self.end_devices):
                written = Counter(getattr(one, key).lower() for one in self.end_devices)
                raise wrong(f"end_device.{key}", written.most_common(1)[0][0], _("each only once"))
        return self

    @property
    def by_eui(self) -> dict[str, EndDevice]:
        """The end devices by DevEUI in lower case."""
        return {one.dev_eui.lower(): one for one in self.end_devices}
