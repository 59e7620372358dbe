"""Decoders of payloads: what the few bytes of a radio device mean, apart from how they reach the gateway.

The adapter ``lorawan`` has its own, and takes those of partners, found by entry point and loaded when a configuration
names one::

    [project.entry-points."haechi.payloads"]
    acme_bin = "acme_bin.payload:AcmeBin"
"""

import importlib.metadata
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from haechi.contract.observations import Value
from haechi.text import _

GROUP = "haechi.payloads"


class Property(NamedTuple):
    """One thing that a device tells."""

    name: str
    observed_property: str
    kind: Literal["number", "bool", "text"] = "number"
    unit: str = "1"
    """UCUM."""
    step: tuple[int, int] | None = None


@runtime_checkable
class Payload(Protocol):
    """Knows the payloads of one kind of device; made without arguments. Does no I/O and remembers nothing."""

    @property
    def properties(self) -> tuple[Property, ...]:
        """Everything that :meth:`values` may return."""

    def values(self, port: int, payload: bytes) -> Mapping[str, Value]:
        """Return what a payload on ``port`` (1 to 223) says, by the name of a property; empty for no value.

        Raises:
            BadReading: this kind of device sends no such thing.
        """


def find_payloads() -> dict[str, EntryPoint]:
    """Return the decoders that packages announce, by name, none of them imported yet."""
    return {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}


def load_payload(point: EntryPoint) -> Payload:
    """Import and return a decoder.

    Raises:
        ImportError: it cannot be imported, or is none; the text says why.
    """
    try:
        made = point.load()()
    except (AttributeError, TypeError) as error:
        raise ImportError(str(error)) from error
    if isinstance(made, Payload):
        return made
    raise ImportError(_("{name} has no properties and values").format(name=point.value))
