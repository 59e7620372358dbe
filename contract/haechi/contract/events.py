"""Events: something that was detected. CloudEvents 1.0 attributes, OASIS CAP 1.2 weights.

A condition (a river above its alarm level, somebody inside a zone) has a beginning and an end: its events share
``condition`` and carry the phases ``raised``, ``updated``, ``cleared``. What merely happens (an emergency call) has no
condition and the phase ``occurred``.

A condition that proves to have been none ends as every other, with ``cleared``, and says so in its data: under
:data:`RETRACTS` stands the id of the event that it takes back.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from haechi.contract.observations import Value, utc
from haechi.contract.places import Identifier, Latitude, Longitude, Text

EventId = Annotated[str, Meta(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]
EventType = Annotated[str, Meta(max_length=64, pattern=r"^[a-z]+(\.[a-z0-9_]+)+$(?!\n)")]
ConditionId = Annotated[str, Meta(max_length=160, pattern=r"^[a-z0-9_.-]*$(?!\n)")]


RETRACTS = "retracts"
"""Key in :attr:`Event.data` of the end of a condition: the id of the event that never should have been."""


class Severity(StrEnum):
    """CAP 1.2 ``severity``, mildest first."""

    UNKNOWN = "unknown"
    MINOR = "minor"
    MODERATE = "moderate"
    SEVERE = "severe"
    EXTREME = "extreme"

    @property
    def rank(self) -> int:
        """0 (unknown) to 4 (extreme), for comparing."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Urgency(StrEnum):
    """CAP 1.2 ``urgency``."""

    UNKNOWN = "unknown"
    PAST = "past"
    FUTURE = "future"
    EXPECTED = "expected"
    IMMEDIATE = "immediate"


class Certainty(StrEnum):
    """CAP 1.2 ``certainty``."""

    UNKNOWN = "unknown"
    UNLIKELY = "unlikely"
    POSSIBLE = "possible"
    LIKELY = "likely"
    OBSERVED = "observed"


class Phase(StrEnum):
    """Where in its condition's life an event stands."""

    RAISED = "raised"
    UPDATED = "updated"
    CLEARED = "cleared"
    OCCURRED = "occurred"


class Event(Struct, frozen=True, kw_only=True):
    """Something that was detected at a place, by a thing."""

    id: EventId
    """Unique for ever; the same event sent again bears the same id."""
    type: EventType
    """Dotted, domain first, from the catalogue: ``flood.level_high``."""
    source: Identifier
    """The thing that detected it (a URI reference relative to its gateway, as CloudEvents wants)."""
    subject: Identifier
    """The place where it is so."""
    time_us: int
    """When it was detected, microseconds since 1970 UTC."""
    phase: Phase
    condition: ConditionId = ""
    """Stable name of the condition within its gateway, such as ``river-1.level.alarm``; empty for ``occurred``."""
    severity: Severity
    urgency: Urgency = Urgency.IMMEDIATE
    certainty: Certainty = Certainty.OBSERVED
    place_name: Text = ""
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    """Where it is, so that an alarm can be shown before any description of its thing has come."""
    restated: bool = False
    """True when a gateway states a condition again after a start; it raised it earlier."""
    datastream: Annotated[str, Meta(max_length=160)] = ""
    """The datastream that shows it best, for a chart beside the situation."""
    data: dict[Annotated[str, Meta(max_length=64)], Value] = {}
    """Facts to fill a sentence with: ``value``, ``threshold``, ``unit``, ``count``, ``zone`` … No prose."""
    evidence: tuple[EventId, ...] = ()
    """Ids of the pictures that follow in parcels of their own."""

    @property
    def time(self) -> datetime:
        """When it was detected, aware, UTC."""
        return utc(self.time_us)


PIECE_BYTES_MAX = 60 * 1024
PIECES_MAX = 128
"""A clip travels in at most so many pieces."""


class Evidence(Struct, frozen=True, kw_only=True):
    """A picture or a clip that shows why an event was raised. What is larger than a parcel travels in pieces."""

    id: EventId
    event: EventId
    source: Identifier
    time_us: int
    media_type: Annotated[str, Meta(max_length=64, pattern=r"^(image/(jpeg|png|webp)|video/mp4)$(?!\n)")] = "image/jpeg"
    width_px: Annotated[int, Meta(ge=1, le=16384)]
    height_px: Annotated[int, Meta(ge=1, le=16384)]
    content: Annotated[bytes, Meta(max_length=PIECE_BYTES_MAX)]
    piece: Annotated[int, Meta(ge=1, le=PIECES_MAX)] = 1
    """Which piece this is; the contents of all, in this order, are the whole. Everything else is the same in each."""
    pieces: Annotated[int, Meta(ge=1, le=PIECES_MAX)] = 1

    @property
    def is_clip(self) -> bool:
        """Whether it moves: large, and the first to go when room is short."""
        return self.media_type.startswith("video/")
