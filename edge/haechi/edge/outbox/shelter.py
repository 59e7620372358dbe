"""A store that goes on in memory while its disk refuses to write, and brings everything back when the disk takes it.

Promise: a full, read-only or failing disk stops neither measuring nor alarms. What the disk holds is still sent as far
as it can be read; what is committed meanwhile is held in memory under an epoch of its own, goes out like anything
else, and moves to the disk under its names once that takes it. Memory is small: what does not fit leaves a loss record
of cause ``disk``. Whoever commits is told of every move (:class:`OutboxMoved`), as it wrote for the old epoch.
"""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from haechi.contract.control import EPOCHS_MAX, HeldEpoch
from haechi.contract.events import Event, Phase
from haechi.contract.parcel import LossCause, LossRecord, ParcelName
from haechi.contract.ranges import RangeSet
from haechi.edge.outbox import (
    Batch,
    Epoch,
    Figures,
    Held,
    Opened,
    OutboxDamaged,
    OutboxError,
    OutboxFailed,
    OutboxMoved,
    Rank,
)
from haechi.edge.outbox.adoption import add_epoch, adopt
from haechi.edge.outbox.eviction import put_down
from haechi.edge.outbox.schema import connect
from haechi.edge.outbox.store import Store, put_cursors

MEMORY_IDS = 2**50
"""Ids of parcels in memory begin here, so that no id ever means two parcels."""
_REFUSED = -1
_IDS_A_MOVE = 2**40
_LOOK_AT_DISK_S = 10.0
_ADOPT_AT_ONCE = 100_000
Answer = TypeVar("Answer")


class Shelter:
    """Wears the face of a :class:`Store`; one thread at a time."""

    def __init__(
        self,
        disk: Store | None,
        open_disk: Callable[[], Store],
        bytes_max: int,
        *,
        random_bytes: Callable[[int], bytes],
        now_s: Callable[[], float],
    ) -> None:
        """Begin on the disk; where there is none, :meth:`begin` must follow.

        Args:
            disk: an open store that has begun.
            open_disk: opens one (again); raises OutboxFailed while that cannot be.
            bytes_max: what memory may hold.
            random_bytes: where epochs come from.
            now_s: monotonic.
        """
        self._disk, self._open_disk, self._bytes_max = disk, open_disk, bytes_max
        self._random_bytes, self._now_s = random_bytes, now_s
        self._memory: Store | None = None
        self._held_on_disk: tuple[HeldEpoch, ...] = ()
        self._figures_on_disk: Figures | None = None
        self._next_look_s = 0.0
        self._knows_conditions = True
        self._cleared: set[str] = set()
        """Conditions that ended while memory stood in."""
        self._owed: dict[bytes, RangeSet] = {}
        """What was settled while the disk did not take it."""
        self.moves = 0
        """Rises with every move to memory and back, and when a disk that refused something is well again: who was told
        that there is nothing must ask anew."""
        self.trouble = ""
        """Why the disk is not written; empty while it is."""

    def begin(self, now_us: int, reason: str) -> Opened:
        """Begin in memory, as no disk could be opened."""
        self._take_shelter(reason, now_us)
        return Opened(0, in_memory=reason)

    @property
    def epoch(self) -> Epoch:
        """The epoch in which it commits now."""
        return self._writing.epoch

    @property
    def _writing(self) -> Store:
        store = self._memory or self._disk
        if store is None:
            raise OutboxFailed(self.trouble)
        return store

    def commit(self, batch: Batch, now_us: int) -> list[ParcelName]:
        """Name the drafts and write everything, or nothing.

        Raises:
            OutboxMoved: nothing was written; commit again, for the new epoch.
            OutboxDamaged: the file must be opened again.
        """
        if self._memory is not None:
            in_memory = self._memory.commit(batch, now_us)
            for event in batch.stated:
                (self._cleared.add if event.phase is Phase.CLEARED else self._cleared.discard)(event.condition)
            return in_memory
        try:
            names = self._writing.commit(batch, now_us)
        except OutboxDamaged:
            raise
        except OutboxFailed as error:
            self._take_shelter(str(error), now_us)
            raise OutboxMoved(str(error)) from error
        self._is_well()
        return names

    def new_epoch(self, now_us: int, above: int = 0) -> Epoch:
        """Draw an epoch for what is committed from here on, of an order higher than ``above``."""
        try:
            return self._writing.new_epoch(now_us, above)
        except OutboxDamaged:
            raise
        except OutboxFailed as error:
            self._take_shelter(str(error), now_us)
            return self.epoch

    def tend(self, now_us: int) -> bool:
        """Return to the disk if that is possible; True when it happened, and with it a new epoch."""
        if not self.trouble or self._now_s() < self._next_look_s:
            return False
        self._next_look_s = self._now_s() + _LOOK_AT_DISK_S
        if self._memory is None:
            self._try_disk()
            return False
        try:
            self._return(self._memory, now_us)
        except OutboxDamaged:
            # The next look opens the file anew, which sets it aside.
            self._let_go_of_disk()
            return False
        except OutboxFailed as error:
            self.trouble = str(error)
            return False
        self.trouble = ""
        self.moves += 1
        self._settle_owed()
        return True

    def within(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Do something in one transaction on the disk.

        Raises:
            OutboxFailed: the disk is not written now.
        """
        if self._memory is not None or self._disk is None:
            raise OutboxFailed(self.trouble)
        return self._disk.within(work)

    def waiting(self, rank: Rank, after: int, before: int | None, count_max: int) -> list[Held]:
        """Return parcels that are not settled, oldest first, with ``after < id < before``."""
        none: list[Held] = []
        rows = self._ask_disk(lambda disk: disk.waiting(rank, after, before, count_max), none)
        if self._memory is not None and len(rows) < count_max:
            rows = rows + self._memory.waiting(rank, after, before, count_max - len(rows))
        return rows

    def first_since(self, time_us: int) -> int:
        """Return the id from which on parcels were committed at ``time_us`` or later; a little low is possible."""
        if self._memory is not None:
            return max(MEMORY_IDS, self._memory.first_since(time_us))
        return self._ask_disk(lambda disk: disk.first_since(time_us), 0)

    def read(self, parcel: int) -> bytes | None:
        """Return a parcel with its envelope; None when it is gone or cannot be read."""
        if parcel >= MEMORY_IDS:
            return None if self._memory is None else self._memory.read(parcel)
        return self._ask_disk(lambda disk: disk.read(parcel), None)

    def settle(self, epoch: bytes, settled: RangeSet) -> int:
        """Mark what the cloud has settled; return how many parcels that frees.

        What the disk does not take now is kept for the moment when it does.
        """
        freed = self._ask_disk(lambda disk: disk.settle(epoch, settled), _REFUSED)
        if freed == _REFUSED:
            self._owed[epoch] = self._owed.get(epoch, RangeSet()) | settled
            freed = 0
        return freed + (self._memory.settle(epoch, settled) if self._memory is not None else 0)

    def unsettle(self, epoch: bytes, lacked: RangeSet) -> int:
        """Take back what the cloud has not any more; return how many parcels are still kept and wait again."""
        if epoch in self._owed:
            self._owed[epoch] -= lacked
        kept = self._ask_disk(lambda disk: disk.unsettle(epoch, lacked), 0)
        return kept + (self._memory.unsettle(epoch, lacked) if self._memory is not None else 0)

    def held_epochs(self) -> tuple[HeldEpoch, ...]:
        """Return the epochs that something is held of, oldest first, the current one last."""
        self._held_on_disk = self._ask_disk(lambda disk: disk.held_epochs(), self._held_on_disk)
        if self._memory is None:
            return self._held_on_disk
        return (*self._held_on_disk, *self._memory.held_epochs())[-EPOCHS_MAX:]

    def conditions(self) -> list[Event]:
        """Return, for every condition that is active, the event that last stated it.

        Raises:
            OutboxFailed: the disk does not tell.
        """
        try:
            return self._writing.conditions()
        except OutboxFailed as error:
            self.trouble = self.trouble or str(error)
            raise

    def cursors(self) -> dict[str, str]:
        """Return, by device, where to read on in its memory: what memory knows is newer than what the disk knows."""
        none: dict[str, str] = {}
        known = self._ask_disk(lambda disk: disk.cursors(), none)
        return known if self._memory is None else {**known, **self._memory.cursors()}

    def losses(self) -> list[LossRecord]:
        """Return the loss records that do not travel yet and can be told now."""
        none: list[LossRecord] = []
        return self._memory.losses() if self._memory is not None else self._ask_disk(lambda disk: disk.losses(), none)

    def figures(self) -> Figures:
        """Return how full it is; of a disk that does not tell, how full it was.

        Raises:
            OutboxFailed: it has never told.
        """
        disk = self._figures_on_disk = self._ask_disk(lambda disk: disk.figures(), self._figures_on_disk)
        if self._memory is None:
            if disk is None:
                raise OutboxFailed(self.trouble)
            return disk
        held = [part for part in (disk, self._memory.figures()) if part is not None]
        return Figures(
            parcels=sum(part.parcels for part in held),
            bytes=sum(part.bytes for part in held),
            bytes_kept=sum(part.bytes_kept for part in held),
            bytes_max=max(part.bytes_max for part in held),
            oldest_us=min((part.oldest_us for part in held if part.oldest_us is not None), default=None),
            observations_committed=sum(part.observations_committed for part in held),
            events_committed=sum(part.events_committed for part in held),
            parcels_evicted=sum(part.parcels_evicted for part in held),
            parcels_lost=dict(sum((Counter(part.parcels_lost) for part in held), Counter())),
            observations_lost=dict(sum((Counter(part.observations_lost) for part in held), Counter())),
            gaps=sum(part.gaps for part in held),
        )

    def close(self, *, clean: bool = True) -> None:
        """Close for good, with a last try to bring memory to the disk.

        Raises:
            OutboxFailed: the disk refused; everything is closed all the same, and the next opening reports a gap.
        """
        memory = self._memory
        if memory is not None:
            self._next_look_s = 0.0
            self.tend(0)
            if self._memory is not None:
                clean = clean and not memory.figures().parcels
                memory.close()
        if self._disk is not None:
            self._disk.close(clean=clean)

    def _ask_disk(self, ask: Callable[[Store], Answer], otherwise: Answer) -> Answer:
        """Ask the disk; while memory stands in for it, its failures are no news.

        Raises:
            OutboxFailed: it failed, and nobody knew.
        """
        if self._disk is None:
            return otherwise
        try:
            return ask(self._disk)
        except OutboxDamaged:
            if self._memory is None:
                raise
            return otherwise
        except OutboxFailed as error:
            self.trouble = self.trouble or str(error)
            return otherwise

    def _try_disk(self) -> None:
        """See whether a disk that refused something smaller than a commit takes it now; the next may be hours away."""
        before, self.trouble = self.trouble, ""
        self._ask_disk(lambda disk: disk.within(_touch), None)
        if not self.trouble:
            self.trouble = before
            self._is_well()

    def _is_well(self) -> None:
        """The disk takes what is written: whatever smaller it had refused meanwhile can be had again."""
        if self.trouble:
            self.trouble = ""
            self.moves += 1
        self._settle_owed()

    def _settle_owed(self) -> None:
        owed, self._owed = self._owed, {}
        for epoch, settled in owed.items():
            self.settle(epoch, settled)

    def _take_shelter(self, reason: str, now_us: int) -> None:
        database = connect(None)
        first = MEMORY_IDS + self.moves * _IDS_A_MOVE
        memory = Store(database, self._bytes_max, self._random_bytes, LossCause.DISK)
        conditions: list[Event] = []
        self._knows_conditions = False
        self._cleared.clear()
        if self._disk is not None:
            # The disk's epoch, so that the one drawn here comes after it.
            before = self._disk.epoch
            memory.within(lambda into: add_epoch(into, before.epoch, before.order, before.number, 1, 0, old=False))
            with contextlib.suppress(OutboxError):
                conditions = self._disk.conditions()
                self._knows_conditions = True
        memory.within(lambda into: _begin_at(into, first, conditions))
        memory.begin(now_us)
        self._memory, self.trouble = memory, reason
        self._next_look_s = self._now_s() + _LOOK_AT_DISK_S
        self.moves += 1

    def _return(self, memory: Store, now_us: int) -> None:
        if self._disk is None:
            self._disk = self._open_disk()
        parcels = list(memory.named(_ADOPT_AT_ONCE))
        conditions, losses, figures = memory.conditions(), memory.losses(), memory.figures()
        cursors = memory.cursors()

        knows_conditions = self._knows_conditions
        last, now = memory.epoch, memory.held_epochs()[-1]

        def move(disk: sqlite3.Connection) -> None:
            adopt(disk, parcels, old=False)
            # Even when nothing of it waits: what is drawn next comes after it.
            add_epoch(disk, last.epoch, last.order, last.number, now.next, now_us, old=False)
            # Where memory did not know them, those of the disk still stand: whoever looks at them now judges them.
            _put_conditions(disk, conditions, instead=knows_conditions)
            disk.executemany("DELETE FROM conditions WHERE condition = ?", [(name,) for name in self._cleared])
            for record in losses:
                put_down(disk, record)
            put_cursors(disk, cursors.items())
            for key, count in (
                ("observations_committed", figures.observations_committed),
                ("events_committed", figures.events_committed),
            ):
                disk.execute("UPDATE meta SET value = value + ? WHERE key = ?", (count, key))

        self._disk.within(move, new_epoch_at_us=now_us)
        self._memory = None
        memory.close()

    def _let_go_of_disk(self) -> None:
        if self._disk is not None:
            with contextlib.suppress(OutboxError):
                self._disk.close(clean=False)
            self._disk = None


def _touch(database: sqlite3.Connection) -> None:
    database.execute("UPDATE meta SET value = value WHERE key = 'running'")


def _begin_at(database: sqlite3.Connection, first: int, conditions: Iterable[Event]) -> None:
    database.execute("DELETE FROM sqlite_sequence WHERE name = 'parcels'")
    database.execute("INSERT INTO sqlite_sequence VALUES ('parcels', ?)", (first,))
    _put_conditions(database, conditions, instead=True)


def _put_conditions(database: sqlite3.Connection, conditions: Iterable[Event], *, instead: bool) -> None:
    if instead:
        database.execute("DELETE FROM conditions")
    for event in conditions:
        database.execute(
            "INSERT OR REPLACE INTO conditions VALUES (?, ?)", (event.condition, msgspec.msgpack.encode(event))
        )
