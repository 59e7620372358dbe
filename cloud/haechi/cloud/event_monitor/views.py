"""The shapes of the answers. Times are UTC (RFC 3339), positions WGS 84 degrees, units UCUM, enumerations CAP 1.2."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from haechi.cloud.workflow_manager.audit import REASON_CHARACTERS_MAX
from haechi.cloud.workflow_manager.roles import Role
from haechi.contract.control import COMMAND_S_MAX
from haechi.contract.events import Certainty, Phase, Severity, Urgency

Item = TypeVar("Item")
Scalar = bool | int | float | str
SHELVED_S_MAX = 12 * 3600
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=REASON_CHARACTERS_MAX)]


class View(BaseModel):
    """An answer; never changed after it was built."""

    model_config = ConfigDict(frozen=True)


class Page(View, Generic[Item]):
    """A part of a long list, newest first."""

    items: list[Item]
    next: str | None = Field(None, description="Cursor of the next page; null on the last one.")


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


class Latest(View):
    """The newest value of a datastream."""

    time: datetime | None
    value: Scalar
    quality: str = Field(description="`good`, `uncertain` or `bad`.")


class Datastream(View):
    """One observed property of one thing."""

    gateway: str
    id: str
    thing: str
    observed_property: str
    unit: str = Field(description="UCUM code.")
    name: str
    kind: str = Field(description="`number`, `bool` or `text`.")
    period_s: float | None = Field(description="How often a value is due, in seconds; null where it is not regular.")
    device_time: bool = Field(description="Records bear the device's own time.")
    device_zone: str | None = Field(
        None, description="Zone in which the device keeps it; it is given in UTC all the same."
    )
    device_clock: str | None = Field(None, description="`synchronised` by a time source of its own, or `free`.")
    counter: str | None = Field(None, description="`total` since a reset, or `increment` since the last reading.")
    latest: Latest | None


class Observation(View):
    """One value, or one bucket of a down-sampled series: then minimum and maximum frame the mean."""

    time: datetime | None
    value: Scalar
    quality: str
    minimum: float | None = None
    maximum: float | None = None


class Observations(View):
    """A stretch of a series, oldest first."""

    gateway: str
    datastream: str
    unit: str | None = Field(description="UCUM code; null where the datastream is not described yet.")
    since: datetime = Field(serialization_alias="from")
    until: datetime = Field(serialization_alias="to")
    items: list[Observation]


class Event(View):
    """Something that was detected."""

    id: str
    gateway: str
    type: str = Field(description="From the catalogue: `flood.level_high`.")
    source: str = Field(description="The thing that detected it.")
    subject: str = Field(description="The place where it is so.")
    time: datetime | None
    phase: Phase
    condition: str
    severity: Severity
    urgency: Urgency
    certainty: Certainty
    place_name: str
    latitude: float | None
    longitude: float | None
    restated: bool = Field(description="Stated again after the gateway started; it was raised earlier.")
    datastream: str
    data: dict[str, Scalar] = Field(description="Facts: `value`, `threshold`, `unit`, `count` …")
    evidence: list[str] = Field(description="Ids of its pictures; a picture may still be on its way.")
    clip_missed: str = Field(description="Why a clip of it is not to come, where its gateway has said so; else empty.")
    late: bool = Field(description="It was held back while the gateway was offline.")
    stored_at: datetime | None
    situation: str | None


class Evidence(View):
    """A picture or a clip that shows why an event was raised."""

    id: str
    event: str
    situation: str | None
    gateway: str
    source: str
    time: datetime | None
    media_type: str
    width_px: int
    height_px: int
    pieces: int = Field(description="A clip comes in so many pieces; a picture in one.")
    pieces_here: int = Field(description="So many of them have come; it can be seen when all have.")
    stored_at: datetime | None = Field(description="When the first of it came.")
    url: str = Field(description="Where the picture or clip is, on this server.")


class CommandOrder(BaseModel):
    """What a device is to be told."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    device: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    actuator: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="`siren`, `barrier` …")
    value: Scalar = Field(description="True or false, a number, or a text, as the actuator takes it.")
    on_s: float | None = Field(
        None, gt=0, le=86_400, description="For so long; then the gateway sets it back. Absent: as long as it allows."
    )
    valid_s: float = Field(
        30, ge=1, le=COMMAND_S_MAX, description="Not begun later than so long after now, nor after it came."
    )
    reason: Reason = Field(description="Why; it stands in the audit.")


class Command(View):
    """What a gateway was told, by whom, and what became of it."""

    id: str
    gateway: str
    name: str = Field(description="`actuate`, or `clip`: then it tells a camera.")
    device: str
    actuator: str = Field(description="Empty for a clip.")
    value: Scalar | None = Field(description="null for a clip.")
    event: str | None = Field(description="Of which a clip is wanted; else null.")
    on_s: float | None
    given_by: str
    reason: str
    given_at: datetime | None
    expires_at: datetime | None
    state: str = Field(
        description="`sent`; `done`: the device confirmed, or the clip is here; `refused`, `expired`: nothing done; "
        "`unknown`: nobody knows what the device did, and it is not tried again."
    )
    detail: str
    settled_at: datetime | None


class Session(View):
    """Who is asking."""

    name: str | None = Field(description="Of the account; empty where there are no accounts, null: not signed in.")
    role: Role | None = Field(description="What they may; null: nothing.")


class Account(View):
    """Somebody, or a program, and what they may."""

    name: str
    role: Role
    tenants: list[str] | None = Field(description="The cities that they may look at; null: all.")
    gateways: list[str] | None = Field(description="The gateways that they may command; null: all.")
    program: bool = Field(description="It has a token instead of a password.")
    token: str | None = Field(None, description="Of a new program's account, told this once; nobody can read it again.")


class Audit(View):
    """Who did what, when and why."""

    id: int
    at: datetime | None
    who: str = Field(description="Of the account; empty where there were no accounts.")
    action: str = Field(
        description="`acknowledge`, `shelve`, `unshelve`, `close`, `command`, `clip`, `sign_in`, `sign_in_refused`, "
        "`account`."
    )
    key: str = Field(description="Id of the situation, command or event, or the name of the account.")
    reason: str = Field(description="Why, in their own words.")
    detail: str
    command: str | None = Field(description="Id of the command by which a gateway was told so.")
    outcome: str = Field(description="Of a command or clip: its state now; else empty.")
    outcome_detail: str = Field(description="One line: why.")


class Situation(View):
    """One place, one matter, many events, one icon."""

    id: str
    place: str
    place_name: str
    matter: str
    latitude: float | None
    longitude: float | None
    open: bool
    active: bool = Field(description="Something is out of order now.")
    acknowledged: bool
    shelved_until: datetime | None
    severity: Severity = Field(description="Of what is active now; after clearing, of what was last.")
    severity_max: Severity
    headline: str = Field(description="Type of the event that weighs most now.")
    gateway: str
    datastream: str = Field(description="Shows it best; empty where none does.")
    opened_at: datetime | None
    updated_at: datetime | None
    cleared_at: datetime | None
    event_count: int


class Shelving(BaseModel):
    """For how long nobody needs to be called, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    for_s: float = Field(ge=60, le=SHELVED_S_MAX, description="At most twelve hours.")
    reason: Reason


class Because(BaseModel):
    """Why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Reason


class SituationDetail(View):
    """A situation with its newest events and pictures."""

    situation: Situation
    events: list[Event] = Field(description="Newest first, at most 200.")
    evidence: list[Evidence] = Field(description="Newest first, at most 50.")


class LossRange(View):
    """Sequence numbers of one epoch, both ends inside; `last` null where the end is not known."""

    epoch: str
    first: int
    last: int | None


class Loss(View):
    """What was lost for ever, and why."""

    id: str
    gateway: str
    cause: str
    ranges: list[LossRange]
    first_at: datetime | None
    last_at: datetime | None
    datastreams: list[str]
    observations: int | None
    events: int | None
    reported_at: datetime | None


class DeadLetter(View):
    """What could not be read, kept whole."""

    id: int
    gateway: str
    topic: str
    kind: str = Field(description="`parcel`, `point`, `event` or `control`.")
    reason: str
    epoch: str | None
    seq: int | None
    bytes: int
    sha256: str
    received_at: datetime | None
    times: int = Field(description="How often it came.")


class EventKind(View):
    """What an event type means."""

    type: str
    domain: str
    matter: str
    severity: Severity
    icon: str
    cap_category: str
    ngsi_type: str
    procedure: str
    label: dict[str, str] = Field(description="What people read, by language.")


class Catalogue(View):
    """Every event type, and what people read for each matter."""

    types: list[EventKind]
    matters: dict[str, dict[str, str]]


class Part(View):
    """How one part of the cloud is doing."""

    name: str
    state: str = Field(description="`ok`, `degraded` or `down`.")
    detail: str


class Health(View):
    """How the cloud is doing."""

    state: str = Field(description="The worst of its parts.")
    at: datetime
    tenant: str = Field(description="The city that is asked about.")
    tenants: list[str] = Field(description="The cities that are served here.")
    parts: list[Part]


class Basemap(View):
    """What is drawn under the map."""

    kind: str = Field(description="`plain` (a graticule and place names) or `geojson`.")
    url: str | None
