"""What a decoder of payloads is."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

from haechi.contract.observations import Value


class Property(NamedTuple):
    """One thing that a device tells."""

    name: str
    observed_property: str
    kind: Literal["number", "bool", "text"] = "number"
    unit: str = "1"
    """UCUM."""
    step: tuple[int, int] | None = None


class Payload(Protocol):
    """Knows the payloads of one kind of device. Does no I/O and remembers nothing."""

    @property
    def properties(self) -> tuple[Property, ...]:
        """Everything that :meth:`values` may return."""

    def values(self, port: int, payload: bytes) -> Mapping[str, Value]:
        """Return what a payload on ``port`` (1 to 223) says, by the name of a property; empty for no value.

        Raises:
            BadReading: this kind of device sends no such thing.
        """
