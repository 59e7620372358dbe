"""Batches: messages read, and cut so that neither memory nor a transaction grows without bound.

What a message becomes when it is read has little to do with its size: three hundred bytes can stand for a quarter of
a million values. So a batch is closed by what was read, and a stage that decodes ahead of the others waits while they
hold as much as :class:`Room` allows.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from haechi.cloud.event_broker.arrivals import Arrival, Delivery, Report, Unreadable, poison, read
from haechi.cloud.event_broker.lanes import Waiting
from haechi.cloud.store import RefusedPoint
from haechi.contract.parcel import DECODED_BYTES_MAX, OBSERVATIONS_MAX

log = logging.getLogger(__name__)

_RANGES_A_CONTENT = 10
CONTENTS_MAX = 200
"""A batch is closed with so many events and losses: each takes about a millisecond of its transaction, for which an
alarm may have to wait."""
WEIGHT_MAX = 200_000
"""A batch is closed at this weight. One observation weighs 1, which is about 40 bytes of memory when it is read."""
ALIVE_WEIGHT_MAX = 1_000_000
"""What all batches together may weigh that are decoded and not yet committed."""
_BYTES_OF_WEIGHT = 40
_BATCH_WEIGHT_MAX = WEIGHT_MAX + OBSERVATIONS_MAX + DECODED_BYTES_MAX // _BYTES_OF_WEIGHT
"""With the parcel that closed it."""


@dataclass(slots=True)
class Batch:
    """Messages after reading, and what became of their points."""

    waiting: list[Waiting] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    needy: list[Arrival] = field(default_factory=list)
    """Parcels that need the stores, where a lane has none."""
    refused: list[RefusedPoint] = field(default_factory=list)
    withdrawals: int | None = None
    """As it was before its points were written; None where it has none."""
    weight: int = 0
    contents: int = 0

    @property
    def full(self) -> bool:
        """Whether nothing more should be added."""
        return self.weight >= WEIGHT_MAX or self.contents >= CONTENTS_MAX

    def bury(self, one: Delivery, error: Exception) -> None:
        """Make a parcel that breaks something a dead letter."""
        self.deliveries.remove(one)
        self.unreadable.append(Unreadable(one.letter(unstorable(error)), "poison", one.name))

    def unwrite(self) -> None:
        """Take all its points for not written."""
        for one in self.deliveries:
            one.points_written, one.points_refused = False, 0
        self.refused.clear()


class Reader:
    """Reads messages into batches; whatever one of them breaks, the others go on. Safe to use from several threads."""

    def __init__(self, tenants: Collection[str], home: str) -> None:
        """``home`` is the city under which is filed what belongs to none of ``tenants``."""
        self._tenants = frozenset(tenants)
        self._home = home

    def batch(self, waiting: deque[Waiting], *, with_stores: bool) -> Batch:
        """Take messages from the left and read them, until there is none or the batch is full.

        Without stores, parcels that need them are not kept but named in :attr:`Batch.needy`.
        """
        batch = Batch()
        while waiting and not batch.full:
            batch.waiting.append(waiting.popleft())
            arrival = batch.waiting[-1].arrival
            came = self._read(arrival)
            if isinstance(came, Delivery):
                batch.weight += came.parcel.observation_count + came.unpacked_bytes // _BYTES_OF_WEIGHT
                if came.needs_stores and not with_stores:
                    batch.needy.append(arrival)
                else:
                    batch.contents += len(came.parcel.events) + len(came.parcel.losses)
                    batch.contents += sum(len(record.ranges) for record in came.parcel.losses) // _RANGES_A_CONTENT
                    batch.deliveries.append(came)
            elif isinstance(came, Report):
                batch.reports.append(came)
            else:
                batch.unreadable.append(came)
        return batch

    def _read(self, arrival: Arrival) -> Delivery | Report | Unreadable:
        try:
            return read(arrival, self._tenants, self._home)
        except Exception as error:
            log.exception("a message on %s cannot be read", arrival.topic[:200])
            return poison(arrival, self._tenants, self._home, error)


class Room:
    """Room for what is decoded and not yet committed. Belongs to one event loop."""

    def __init__(self) -> None:
        self._held = 0
        self._freed = asyncio.Event()

    async def wait(self) -> None:
        """Wait until one more batch fits in, however heavy it turns out to be."""
        while self._held > ALIVE_WEIGHT_MAX - _BATCH_WEIGHT_MAX:
            self._freed.clear()
            await self._freed.wait()

    def take(self, weight: int) -> None:
        """Hold a batch that was decoded."""
        self._held += weight

    def give_back(self, weight: int) -> None:
        """Let a batch go that was committed."""
        self._held -= weight
        self._freed.set()


def unstorable(error: Exception) -> str:
    """Return the reason of a dead letter whose content breaks a store."""
    return f"its content cannot be stored: {type(error).__name__}: {error}"
