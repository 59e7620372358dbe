"""What is wired to which input, as a person writes it under ``[device.config]``."""

from typing import Literal, Self

from pydantic import Field, model_validator

from haechi.sdk import AdapterConfig
from haechi.sdk.errors import wrong
from haechi.sdk.switched import Switched
from haechi.sdk.transports.modbus_poll import ModbusTcpKeys
from haechi.text import _

CHANNELS_MAX = 16
"""Digital inputs of the largest model, the E1210, and digital outputs of the E1211."""


class _Input(AdapterConfig):
    """What every input in use has."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="Second part of the datastream's id."
    )
    channel: int = Field(ge=0, lt=CHANNELS_MAX, description="Number of the input, DI0 is 0.")


class Contact(_Input):
    """``[[device.config.contact]]``: an input that is open or closed."""

    true_when: Literal["on", "off"] = Field(
        default="on", description="off where the contact opens to tell, such as a door loop that a cut cable opens too."
    )
    observed_property: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]*$",
        max_length=64,
        description="What it tells: emergency_call, door_open, float_switch …",
    )


class PulseCounter(_Input):
    """``[[device.config.counter]]``: an input whose mode is set to counter in the device."""

    unit: str = Field(default="{veh}", min_length=1, max_length=32, description="UCUM code of one pulse.")
    observed_property: str = Field(
        default="vehicle_count", pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="What is counted."
    )


class Output(Switched):
    """``[[device.config.output]]``: a relay or digital output that may be switched; no other ever is."""

    channel: int = Field(ge=0, lt=CHANNELS_MAX, description="Number of the relay or output, DO0 is 0.")
    true_when: Literal["on", "off"] = Field(
        default="on",
        description="off where the output is off while the actuator is true: a barrier that closes itself.",
    )
    observed_property: str = Field(
        default="output_state", pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="What its state tells."
    )


class IologikE1200Config(ModbusTcpKeys):
    """``[device.config]`` of one module."""

    period_s: float = Field(default=0.2, ge=0.01, le=3600, description="How often all inputs are read.")
    retry_s: float = Field(default=2.0, ge=0.1, le=3600, description="How long to wait before it is tried again.")
    contact: tuple[Contact, ...] = Field(default=(), max_length=CHANNELS_MAX, description="Contacts.")
    counter: tuple[PulseCounter, ...] = Field(default=(), max_length=CHANNELS_MAX, description="Counters.")
    output: tuple[Output, ...] = Field(default=(), max_length=CHANNELS_MAX, description="Relays and outputs.")

    @model_validator(mode="after")
    def _has_channels_without_doubles(self) -> Self:
        if not self.contact and not self.counter and not self.output:
            expected = _(
                "at least one [[device.config.contact]], [[device.config.counter]] or [[device.config.output]]"
            )
            raise wrong("contact", None, expected)
        if self.output and self.unit_id == 0:
            raise wrong("unit_id", 0, _("1 to 255 where there are outputs: a broadcast is never sent"))
        channels = [one.channel for one in self.output]
        for place, channel in enumerate(channels):
            if channel in channels[:place]:
                raise wrong(f"output[{place}].channel", channel, _("an output that is used once"))
        seen: set[str] = set()
        inputs = [(f"contact[{place}]", one.name) for place, one in enumerate(self.contact)]
        inputs += [(f"counter[{place}]", one.name) for place, one in enumerate(self.counter)]
        inputs += [(f"output[{place}]", one.name) for place, one in enumerate(self.output)]
        for key, name in inputs:
            if name in seen:
                raise wrong(f"{key}.name", name, _("a name that no other channel of this device has"))
            seen.add(name)
        return self
