"""Parcels: what travels. A numbered batch of observations and events of one gateway.

A parcel is named by (tenant, gateway, epoch, seq). The topic says tenant and gateway; epoch and seq stand in the
envelope. ``seq`` runs from 1 without holes within an epoch; an epoch is 128 random bits.
"""

from enum import StrEnum
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from haechi.contract.events import Event, EventId, Evidence
from haechi.contract.observations import Table
from haechi.contract.places import Datastream, DatastreamId, Place, Thing
from haechi.contract.ranges import SEQ_MAX

Seq = Annotated[int, Meta(ge=1, le=SEQ_MAX)]
EpochHex = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]

PARCEL_BYTES_MAX = 64 * 1024
"""A parcel with its envelope is sealed at this size, or at the broker's Maximum Packet Size where that is smaller."""
DECODED_BYTES_MAX = 4 * 1024 * 1024
"""A body may not unpack to more than this."""
OBSERVATIONS_MAX = 250_000
"""Nor may a parcel hold more observations: a few bytes can stand for one, and each becomes an object when read."""
EVENTS_MAX = 500
"""Nor more events: all of them are applied in one transaction, and the next alarm waits for it."""
LOSSES_MAX = 2_000
"""Nor more losses and lost ranges, counted together; for the same reason."""
PICTURES_MAX = 50
"""Nor more pictures: each becomes a file, which is waited for until it is on the disk."""


class ParcelName(NamedTuple):
    """What makes a parcel unique within its gateway."""

    epoch: bytes
    """16 bytes."""
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch.hex()[:8]}/{self.seq}"


class ClockQuality(StrEnum):
    """How far the gateway's wall clock can be trusted."""

    SYNCHRONISED = "synchronised"
    FREE = "free"
    """Running, but not disciplined by a time source."""
    LIFTED = "lifted"
    """It stood before the build date or the newest time known and was set there; the true time is unknown."""


class LossCause(StrEnum):
    """Why something committed can never be stored."""

    QUOTA = "quota"
    CORRUPT = "corrupt"
    DISK = "disk"
    CLOSED_EPOCH = "closed_epoch"
    RESTORED = "restored"
    UNREADABLE = "unreadable"
    UNCLEAN_STOP = "unclean_stop"


class LossRange(Struct, frozen=True, kw_only=True):
    """Sequence numbers of one epoch, both ends inside; ``last`` None where the end is not known (a lost card)."""

    epoch: EpochHex
    first: Seq
    last: Seq | None


class LossRecord(Struct, frozen=True, kw_only=True):
    """What was lost, and why. It travels like any content, so that an operator sees it.

    For ``unclean_stop`` there are no ranges: nothing committed is missing, but between the two times what was read
    may not have been committed yet.
    """

    id: EventId
    cause: LossCause
    ranges: tuple[LossRange, ...]
    first_us: int | None
    last_us: int | None
    datastreams: tuple[DatastreamId, ...] = ()
    observations: Annotated[int, Meta(ge=0)] | None = None
    events: Annotated[int, Meta(ge=0)] | None = None


class Parcel(Struct, kw_only=True):
    """The content of one parcel. Lists are in the order in which they must be applied."""

    epoch_order: Annotated[int, Meta(ge=0, le=SEQ_MAX)]
    """Rises from epoch to epoch of a gateway; with ``seq`` it says which of two states is newer."""
    epoch_number: Annotated[int, Meta(ge=0, le=999)]
    """Fills the nanosecond digits of the points' times."""
    clock: ClockQuality = ClockQuality.FREE
    places: list[Place] = []
    things: list[Thing] = []
    datastreams: list[Datastream] = []
    tables: list[Table] = []
    events: list[Event] = []
    evidence: list[Evidence] = []
    losses: list[LossRecord] = []

    @property
    def observation_count(self) -> int:
        """How many observations the parcel holds."""
        return sum(table.size for table in self.tables)
