"""What an adapter may be told to do: declared with its bounds, or it is refused. Since SDK 1.1.

An adapter without actuators only reads; there is no other way to a device. What is declared here is checked by the
gateway before the adapter hears of it: the value is of the declared kind and within the bounds, the configuration names
the actuator, the command is not expired and was written into the journal first.
"""

from math import isfinite
from typing import Self

from haechi.contract.actuators import ON_S_MAX, TEXT_CHARACTERS_MAX, UNIT_CHARACTERS_MAX, Bounds
from haechi.text import _


class Actuator(Bounds, frozen=True, kw_only=True):
    """One thing that a device can be told: a siren, a barrier, the text of a sign, the level of a light."""

    name: str
    """Unique within the device: ``siren``."""

    def fault_of_time(self, on_s: float) -> str:
        """Return why it cannot be away from its fail-safe state for ``on_s``; empty where it can."""
        return "" if 0 < on_s <= self.on_s_max else _("expected 0 to {most:g} s").format(most=self.on_s_max)

    def checked(self) -> Self:
        """Return itself, if it makes sense.

        Raises:
            ValueError: its fail-safe state is not one of its own states, its time has no end, or it cannot be told of.
        """
        if fault := self.fault(self.fail_safe):
            raise ValueError(f"{self.name}: fail_safe: {fault}")
        if not 0 < self.on_s_max <= ON_S_MAX:
            raise ValueError(f"{self.name}: on_s_max: expected 0 to {ON_S_MAX:g} s")
        if not (isfinite(self.minimum) and isfinite(self.maximum)):
            raise ValueError(f"{self.name}: minimum, maximum: expected finite numbers")
        if len(self.unit) > UNIT_CHARACTERS_MAX or not 0 <= self.characters_max <= TEXT_CHARACTERS_MAX:
            raise ValueError(
                f"{self.name}: expected a unit of at most {UNIT_CHARACTERS_MAX} characters, "
                f"and characters_max of 0 to {TEXT_CHARACTERS_MAX}"
            )
        return self
