"""What an adapter may be told to do: declared with its bounds, or it is refused. Since SDK 1.1.

An adapter without actuators only reads; there is no other way to a device. What is declared here is checked by the
gateway before the adapter hears of it: the value is of the declared kind and within the bounds, the configuration names
the actuator, the command is not expired and was written into the journal first.
"""

from typing import Literal, Self

from msgspec import Struct

from haechi.contract.observations import Value
from haechi.text import _

ON_S_MAX = 86_400.0


class Actuator(Struct, frozen=True, kw_only=True):
    """One thing that a device can be told: a siren, a barrier, the text of a sign, the level of a light."""

    name: str
    """Unique within the device: ``siren``."""
    kind: Literal["switch", "level", "text"]
    """``switch``: true or false; ``level``: a number; ``text``."""
    fail_safe: Value
    """The state in which it harms nobody, and to which it goes by itself."""
    on_s_max: float
    """For so long it may be in another state; then the gateway sets it back. A device with a timer of its own is told,
    so that it goes back where the gateway has died."""
    minimum: float = 0.0
    maximum: float = 0.0
    """Bounds of a level, in ``unit``."""
    unit: str = "1"
    characters_max: int = 0
    """Of a text."""

    def fault(self, value: Value) -> str:
        """Return why it cannot take ``value``; empty where it can."""
        if self.kind == "switch":
            return "" if isinstance(value, bool) else _("expected true or false")
        if self.kind == "text":
            fits = isinstance(value, str) and len(value) <= self.characters_max and value.isprintable()
            return "" if fits else _("expected a text of at most {count} characters").format(count=self.characters_max)
        fits = not isinstance(value, bool | str) and self.minimum <= value <= self.maximum
        expected = _("expected {low:g} to {high:g} {unit}")
        return "" if fits else expected.format(low=self.minimum, high=self.maximum, unit=self.unit)

    def checked(self) -> Self:
        """Return itself, if it makes sense.

        Raises:
            ValueError: its fail-safe state is not one of its own states, or its time has no end.
        """
        if fault := self.fault(self.fail_safe):
            raise ValueError(f"{self.name}: fail_safe: {fault}")
        if not 0 < self.on_s_max <= ON_S_MAX:
            raise ValueError(f"{self.name}: on_s_max: expected 0 to {ON_S_MAX:g} s")
        return self
