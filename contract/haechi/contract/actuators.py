"""Within which bounds something may be told to a device: one rule for the adapter, the gateway and the cloud."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from haechi.contract.observations import Value
from haechi.text import _

ON_S_MAX = 86_400.0
UNIT_CHARACTERS_MAX = 32
TEXT_CHARACTERS_MAX = 512

Seconds = Annotated[float, Meta(gt=0, le=ON_S_MAX)]


class Bounds(Struct, frozen=True, kw_only=True):
    """What something that can be told takes, where it is safe, and for how long it may be elsewhere."""

    kind: Literal["switch", "level", "text"]
    """``switch``: true or false; ``level``: a number; ``text``."""
    fail_safe: Value
    """The state in which it harms nobody, and to which it goes by itself."""
    on_s_max: Seconds
    """For so long it may be in another state; then the gateway sets it back. A device with a timer of its own is told,
    so that it goes back where the gateway has died."""
    minimum: float = 0.0
    maximum: float = 0.0
    """Bounds of a level, in ``unit``."""
    unit: Annotated[str, Meta(max_length=UNIT_CHARACTERS_MAX)] = "1"
    """UCUM code."""
    characters_max: Annotated[int, Meta(ge=0, le=TEXT_CHARACTERS_MAX)] = 0
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

    def fault_in(self, value: Value, on_s: float | None) -> str:
        """Return why it cannot be ``value`` for so long (None: for as long as it may); empty where it can."""
        if on_s is not None and on_s > self.on_s_max:
            return _("on_s: expected at most {most:g}").format(most=self.on_s_max)
        return self.fault(value)
