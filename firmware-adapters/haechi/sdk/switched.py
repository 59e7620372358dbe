"""What a person writes about something that is switched: a relay, a siren. Adapters add how it is reached.

Nothing of it is switched before the gateway's own configuration names it as ``[[actuator]]``.
"""

from pydantic import Field

from haechi.contract.actuators import ON_S_MAX
from haechi.sdk.actuator import Actuator
from haechi.sdk.adapter import AdapterConfig


class Switched(AdapterConfig):
    """One thing that is on or off."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="The actuator, such as siren.")
    fail_safe: bool = Field(
        default=False, description="The state in which it harms nobody, and to which the gateway brings it back."
    )
    on_s_max: float = Field(
        default=60.0, gt=0, le=ON_S_MAX, description="For so long it may be away from its fail-safe state."
    )

    @property
    def actuator(self) -> Actuator:
        """Return its declaration."""
        return Actuator(name=self.name, kind="switch", fail_safe=self.fail_safe, on_s_max=self.on_s_max)
