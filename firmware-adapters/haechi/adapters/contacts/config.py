"""What is wired to which line, as a person writes it under ``[device.config]``."""

from collections import Counter
from typing import Literal, Self

from pydantic import Field, model_validator

from haechi.sdk import AdapterConfig
from haechi.sdk.errors import wrong
from haechi.sdk.switched import Switched
from haechi.sdk.transports.contacts import Pull
from haechi.text import _

_LINE_MAX = 1023


class _Wired(AdapterConfig):
    """What every line in use has."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="Second part of the datastream's id."
    )
    line: int = Field(
        ge=0, le=_LINE_MAX, description="Number of the line on its chip; on a Raspberry Pi, GPIO17 is 17."
    )
    wired_to: Literal["ground", "supply"] = Field(
        default="ground", description="What the closed contact connects the line to: ground (low) or 3.3 V (high)."
    )
    resistor: Literal["inside", "outside"] = Field(
        default="inside",
        description="Which resistor pulls the line the other way: the chip's own, or one on the board.",
    )
    observed_property: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]*$",
        max_length=64,
        description="What it tells: door_open, float_switch, emergency_call, rain_tips …",
    )

    @property
    def pull(self) -> Pull:
        """The resistor inside the chip."""
        if self.resistor == "outside":
            return "none"
        return "up" if self.wired_to == "ground" else "down"

    def is_closed(self, *, is_high: bool) -> bool:
        """Tell whether the contact is closed where the line is high or low."""
        return is_high == (self.wired_to == "supply")


class Contact(_Wired):
    """``[[device.config.contact]]``: a contact that is open or closed."""

    true_when: Literal["closed", "open"] = Field(
        default="closed",
        description="open where the contact opens to tell, such as an alarm loop that a cut cable opens too.",
    )
    debounce_ms: int = Field(default=30, ge=0, le=60_000, description="A state counts when it has lasted so long.")

    def value_of(self, *, is_high: bool) -> bool:
        """Return what the contact tells."""
        return self.is_closed(is_high=is_high) == (self.true_when == "closed")


class Pulses(_Wired):
    """``[[device.config.counter]]``: a contact that closes once for each thing it counts."""

    debounce_ms: int = Field(
        default=5, ge=0, le=60_000, description="For so long after it closed, closing again is bouncing."
    )
    unit: str = Field(default="1", min_length=1, max_length=32, description="UCUM code of one pulse, such as {tip}.")


class Output(Switched):
    """``[[device.config.output]]``: a line that may be driven; no other ever is."""

    line: int = Field(
        ge=0, le=_LINE_MAX, description="Number of the line on its chip; on a Raspberry Pi, GPIO17 is 17."
    )
    true_when: Literal["high", "low"] = Field(
        default="high", description="low where a low line switches on, as with most relay boards."
    )

    def is_high(self, state: bool) -> bool:
        """Return whether the line is high in ``state``."""
        return state == (self.true_when == "high")


class ContactsConfig(AdapterConfig):
    """``[device.config]`` of the lines of one chip."""

    chip: str = Field(
        default="/dev/gpiochip0", min_length=1, max_length=255, description="GPIO chip; a Raspberry Pi's is gpiochip0."
    )
    contacts: tuple[Contact, ...] = Field(
        default=(), alias="contact", max_length=64, description="Contacts that are open or closed."
    )
    counters: tuple[Pulses, ...] = Field(default=(), alias="counter", max_length=64, description="Contacts that count.")
    outputs: tuple[Output, ...] = Field(
        default=(), alias="output", max_length=64, description="What may be switched: a siren, a light."
    )
    output_chip: str | None = Field(
        default=None, min_length=1, max_length=255, description="GPIO chip of the outputs where it is another one."
    )
    repeat_s: float = Field(
        default=10.0,
        ge=0.02,
        le=3600,
        description="So often all is looked at and told again; changes are told at once, counts no sooner.",
    )
    timeout_s: float = Field(default=2.0, ge=0.05, le=60, description="How long an answer of the chip may take.")
    retry_s: float = Field(default=5.0, ge=0.1, le=3600, description="How long to wait before the chip is tried again.")

    @model_validator(mode="after")
    def _uses_each_line_once(self) -> Self:
        if not self.lines:
            raise wrong("contact", [], _("at least one contact or counter"))
        for key in ("line", "name"):
            value, times = Counter(getattr(one, key) for one in self.lines).most_common(1)[0]
            if times > 1:
                raise wrong(f"contact.{key}", value, _("each only once"))
        names = {one.name for one in self.lines}
        lines = {one.line for one in self.lines} if self.output_chip in (None, self.chip) else set()
        for place, output in enumerate(self.outputs):
            if output.name in names:
                raise wrong(f"output[{place}].name", output.name, _("a name that no other line of this device has"))
            if output.line in lines:
                raise wrong(f"output[{place}].line", output.line, _("a line that is used once"))
            names.add(output.name)
            lines.add(output.line)
        return self

    @property
    def lines(self) -> tuple[Contact | Pulses, ...]:
        """All lines that are read."""
        return self.contacts + self.counters
