"""The gateway's durable, bounded queue of parcels.

Promise: what :meth:`~haechi.edge.outbox.queue.Outbox.commit` has returned for is on the disk, under a name that it
keeps for ever, until the cloud has settled it or a loss record says that it had to go. It survives ``kill -9`` and a
power cut at any moment; a damaged file is set aside, a new one opened, and what can still be read in the
old one is brought home.

==============  ======================================================================================
``queue``       Outbox: the asyncio face; one thread of its own does the disk's work
``store``       Store: the SQLite table, synchronous
``opening``     opening a file: lock, damage
``shelter``     memory instead of a disk that refuses, and the way back
``wreck``       reading a damaged file
``damage``      what of it belongs into the file that follows
``salvage``     bringing its parcels home while the agent works
``adoption``    taking in parcels that have names already
``eviction``    what must go when the outbox is full, and the loss record that it leaves
``epochs``      drawing epochs
``notes``       small numbers that outlive a restart
``figures``     looking at an outbox from another process
==============  ======================================================================================

::

    OutboxError
    ├── OutboxMoved    memory stands in for the disk, or the disk is back: commit again, for the new epoch
    ├── OutboxLocked   another agent has it: stop, tell the person
    ├── OutboxFailed   the disk refused: close it, open again
    └── OutboxDamaged  the file is damaged: close it, open again with a full check
"""

from dataclasses import dataclass, field
from enum import IntEnum

from haechi.contract.events import Event
from haechi.contract.parcel import LossRecord, ParcelName


class OutboxError(Exception):
    """Something is wrong with the outbox; one line for a person."""


class OutboxLocked(OutboxError):  # noqa: N818 - reads as what it is
    """Another process has the outbox open."""


class OutboxMoved(OutboxError):  # noqa: N818
    """What is committed goes elsewhere from now on, in a new epoch; nothing of this batch was written."""


class OutboxFailed(OutboxError):  # noqa: N818
    """The disk refused to read or write."""


class OutboxDamaged(OutboxFailed):
    """The file is not a sound database any more."""


class Rank(IntEnum):
    """What goes first when sending; what goes last when room is needed."""

    URGENT = 0
    """Descriptions, events, loss records."""
    LIVE = 1
    """Observations, of now or of hours ago."""
    EVIDENCE = 2
    """Pictures: after the alarm that they belong to."""
    CLIP = 3
    """Pieces of clips: after everything else, and the first to go."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A parcel without its name: what :meth:`commit` puts into the envelope."""

    rank: Rank
    body: bytes
    """Encoded for the current epoch."""
    observations: int = 0
    events: int = 0
    first_us: int | None = None
    last_us: int | None = None
    keeps: bool = False
    """True for loss records: never evicted."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is committed together, in one transaction, in this order."""

    drafts: tuple[Draft, ...]
    stated: tuple[Event, ...] = ()
    """Events with a condition: it is remembered as active while its phase is not ``cleared``."""
    losses_told: tuple[str, ...] = ()
    """Ids of loss records that now travel in one of the drafts."""
    cursors: tuple[tuple[str, str], ...] = ()
    """Device and where to read on in its memory, once this is committed."""


@dataclass(frozen=True, slots=True)
class Held:
    """A parcel in the outbox that is not settled."""

    id: int
    """Rises with every commit, over epochs."""
    name: ParcelName
    rank: Rank
    size: int
    """Bytes with its envelope."""
    committed_at_us: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """The epoch in which the outbox commits now."""

    epoch: bytes
    order: int
    number: int


@dataclass(frozen=True, slots=True)
class Figures:
    """How full the outbox is, and what has ever been committed to it."""

    parcels: int
    """Not settled."""
    bytes: int
    bytes_kept: int
    """Bytes of everything on the disk, settled parcels included."""
    bytes_max: int
    oldest_us: int | None
    observations_committed: int
    events_committed: int
    parcels_evicted: int = 0
    """Acknowledged parcels that ever made room."""
    parcels_lost: dict[str, int] = field(default_factory=dict)
    """Parcels ever lost, by cause; each is in a loss record."""
    observations_lost: dict[str, int] = field(default_factory=dict)
    """Observations that were in them, where that was still known."""
    gaps: int = 0
    """Times of which something may be missing that nobody can name, such as the last second before a kill."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What was found at the opening."""

    newest_us: int
    """The newest time that the outbox knows; the clock cannot stand before it."""
    unclean: LossRecord | None = None
    """The gap that an unclean stop left, already put down as a loss record."""
    set_aside: str = ""
    """The new name of a damaged file."""
    in_memory: str = ""
    """Why there is no file; empty when there is one."""
