"""What was detected, the pictures that show it, and the situations that people handle."""

from datetime import datetime

from pydantic import Field

from haechi.cloud.event_monitor.views.answers import Scalar, View
from haechi.contract.events import Certainty, Phase, Severity, Urgency


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


class SituationDetail(View):
    """A situation with its newest events and pictures."""

    situation: Situation
    events: list[Event] = Field(description="Newest first, at most 200.")
    evidence: list[Evidence] = Field(description="Newest first, at most 50.")


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
