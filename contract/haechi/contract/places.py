"""Where and what: places, things and their datastreams (OGC SensorThings 1.1 words, UCUM units).

These descriptions are durable content: they travel in parcels ahead of the observations that need them.
"""

from fractions import Fraction
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

Identifier = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9_-]*$(?!\n)")]
"""Tenant, gateway, place and thing: lower case, digits, ``_`` and ``-``; safe in a topic, a URL and a file name."""

DATASTREAM_PATTERN = r"^[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)+$(?!\n)"
DATASTREAM_CHARACTERS_MAX = 160
DatastreamId = Annotated[str, Meta(min_length=3, max_length=DATASTREAM_CHARACTERS_MAX, pattern=DATASTREAM_PATTERN)]
"""``thing.property`` or ``thing.part.property``; unique within its gateway."""

Text = Annotated[str, Meta(max_length=512)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]


class Step(NamedTuple):
    """The step of a device's integers, an exact fraction of the unit: a value is ``count × numerator ÷ denominator``.

    Adapter and codec share :meth:`value`, so a value that came from a device's integer goes over the wire as that
    integer and comes out as the very same float.
    """

    numerator: int
    denominator: int

    @classmethod
    def of(cls, scale: float | str) -> "Step":
        """Return the step that ``scale`` (such as ``0.001``) writes in decimal.

        Raises:
            ValueError: it is zero, negative, not finite, or finer than 1e-9.
        """
        fraction = Fraction(str(scale))
        if fraction <= 0 or fraction.denominator > 10**9 or fraction.numerator > 10**9:
            raise ValueError(f"a step lies between 1e-9 and 1e9, not {scale}")
        return cls(fraction.numerator, fraction.denominator)

    def value(self, count: int) -> float:
        """Return the value in the datastream's unit for a device's integer."""
        return count * self.numerator / self.denominator

    def count_of(self, value: float) -> int | None:
        """Return the integer that :meth:`value` turns into exactly ``value``, or None where there is none."""
        try:
            count = round(value * self.denominator / self.numerator)
            return count if self.value(count) == value else None
        except OverflowError:  # so large that no integer of a device can be behind it
            return None


class Place(Struct, frozen=True, kw_only=True):
    """A place that operators know by name: a bridge, an underpass, a crossing. Degrees, WGS 84."""

    id: Identifier
    name: Text
    latitude: Latitude
    longitude: Longitude


class Thing(Struct, frozen=True, kw_only=True):
    """A device at a place. ``kind`` is the field's term: ``river_gauge``, ``camera``, ``traffic_counter`` …"""

    id: Identifier
    name: Text
    kind: Identifier
    place: Identifier
    latitude: Latitude
    longitude: Longitude
    adapter: Text = ""


class DeviceClock(Struct, frozen=True, kw_only=True):
    """Whose time the records of a datastream bear, as far as its adapter knows."""

    zone: Annotated[str, Meta(min_length=1, max_length=64)]
    """In which the device keeps it, and out of which it was reckoned to UTC: an IANA name, or ``+09:00``."""
    quality: Literal["synchronised", "free"] = "free"
    """``synchronised``: the device is disciplined by a time source of its own (GNSS, NTP)."""


class Datastream(Struct, frozen=True, kw_only=True):
    """One observed property of one thing over time."""

    id: DatastreamId
    thing: Identifier
    observed_property: Identifier
    """What is observed: ``water_level``, ``rain_intensity``, ``vehicle_count`` …"""
    unit: Annotated[str, Meta(max_length=32)]
    """UCUM code, case sensitive: ``m``, ``mm/h``, ``km/h``, ``Cel``, ``{veh}``, ``1``."""
    name: Text = ""
    step: tuple[int, int] | None = None
    """Numerator and denominator of a :class:`Step`, where the device gives integers."""
    kind: Literal["number", "bool", "text"] = "number"
    period_s: Annotated[float, Meta(gt=0)] | None = None
    """How often a value is due; None where values come when something happens."""
    device_time: bool = False
    """True where records are read back from the device's own memory and bear its record time (no epoch digits)."""
    device_clock: DeviceClock | None = None
    """With ``device_time``: the clock behind that time; None where its adapter says nothing about it."""
    counter: Literal["total", "increment"] | None = None
    """What a count means: ``total``, what the device has counted since it was last reset; ``increment``, what came
    since it was last read, because reading sets it to zero. None where it is no count."""
    rolls_over_at: Annotated[float, Meta(gt=0)] | None = None
    """The number after a total's largest, after which it begins at zero again; None where it never does."""
