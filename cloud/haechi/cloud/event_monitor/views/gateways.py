"""Gateways, how they are doing, and what they have described."""

from datetime import datetime

from pydantic import Field

from haechi.cloud.event_monitor.views.answers import Scalar, View


class Place(View):
    """A place that operators know by name."""

    id: str
    name: str
    latitude: float
    longitude: float


class Thing(View):
    """A device at a place."""

    gateway: str
    id: str
    name: str
    kind: str = Field(description="The field's term: `river_gauge`, `camera`, `traffic_counter` …")
    place: str
    latitude: float
    longitude: float
    adapter: str


class Outbox(View):
    """What a gateway still holds."""

    parcels: int = Field(description="Parcels that the cloud has not acknowledged.")
    bytes: int
    bytes_max: int = Field(description="0 where the gateway has not said.")
    oldest_at: datetime | None = Field(description="When the oldest of them was committed.")


class Component(View):
    """One adapter or camera of a gateway."""

    id: str
    kind: str
    state: str = Field(description="`starting`, `running`, `retrying`, `failed` or `stopped`.")
    detail: str = Field(description="What is wrong, in one line; empty when nothing is.")
    counters: dict[str, int | float]


class Actuator(View):
    """Something that a device may be told, within which bounds, and how it stands."""

    device: str = Field(description="The thing; its name and place are those of the thing.")
    name: str
    kind: str = Field(description="`switch` (true or false), `level` (a number) or `text`.")
    fail_safe: Scalar = Field(description="The state in which it harms nobody, and to which it goes by itself.")
    on_s_max: float = Field(description="For so long it may be in another.")
    minimum: float = Field(description="Of a level.")
    maximum: float = Field(description="Of a level.")
    unit: str = Field(description="UCUM code.")
    characters_max: int = Field(description="Of a text.")
    state: Scalar | None = Field(description="What the device has confirmed last; null where nobody knows.")
    back_at: datetime | None = Field(description="When its gateway sets it back; null while it need not.")


class Gateway(View):
    """A street computer and how it is doing."""

    id: str
    online: bool
    last_seen_at: datetime | None = Field(description="When anything last came from it.")
    status_at: datetime | None = Field(description="When it last said how it is doing, by the cloud's clock.")
    software: str
    clock: str = Field(description="`synchronised`, `free`, `lifted`, or `unknown` before its first status.")
    outbox: Outbox | None = Field(description="null before its first status.")
    components: list[Component]
    problems: list[str] = Field(description="What is wrong with the gateway itself, one line each.")
    actuators: list[Actuator] = Field(description="What its devices may be told, the first hundred.")
    observations: int = Field(description="Observations stored, ever.")
    repeats: int = Field(description="Parcels that came again and were not applied again.")
    fenced: str | None = Field(description="Why nothing is taken from it; null when it is served.")


class Described(View):
    """A gateway has described its places, things or datastreams: ask for them again."""

    gateway: str
