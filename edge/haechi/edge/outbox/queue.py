"""The asyncio face of the outbox: every method waits for the disk without holding up the event loop.

One thread of its own does the disk's work in the order of the calls. What a method has returned for is durable,
or in memory while the disk refuses, which :attr:`Outbox.trouble` says.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from haechi.contract.control import HeldEpoch
from haechi.contract.events import Event
from haechi.contract.parcel import LossRecord, ParcelName
from haechi.contract.ranges import RangeSet
from haechi.edge.outbox import Batch, Epoch, Figures, Held, Opened, Rank
from haechi.edge.outbox.opening import Opening, ShelteredOpening, open_sheltered
from haechi.edge.outbox.shelter import Shelter
from haechi.edge.outbox.store import Store

P = ParamSpec("P")
T = TypeVar("T")


class Outbox:
    """One open outbox."""

    def __init__(self, opening: Opening | ShelteredOpening, disk: ThreadPoolExecutor) -> None:
        """Use :meth:`open`."""
        self.on_move: Callable[[], None] = lambda: None
        """Called when memory begins or ceases to stand in for the disk."""
        self._moves = 0
        self._store: Store | Shelter = opening.store
        self._lock = opening.lock
        self._disk = disk
        self.opened: Opened = opening.opened

    @classmethod
    async def open(
        cls,
        folder: Path,
        bytes_max: int,
        now_us: Callable[[int], int],
        *,
        suspect: bool = False,
    ) -> "Outbox":
        """Open the outbox of a folder; see :func:`haechi.edge.outbox.opening.open_sheltered`.

        Raises:
            OutboxLocked: another agent has it open.
        """
        disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")
        try:
            opening = await asyncio.get_running_loop().run_in_executor(
                disk, lambda: open_sheltered(folder, bytes_max, now_us, suspect=suspect)
            )
        except BaseException:
            disk.shutdown(wait=False)
            raise
        return cls(opening, disk)

    @property
    def epoch(self) -> Epoch:
        """The epoch in which it commits now."""
        return self._store.epoch

    @property
    def trouble(self) -> str:
        """Why the disk is not written; empty while it is."""
        return self._store.trouble

    async def commit(self, batch: Batch, now_us: int) -> list[ParcelName]:
        """Name the drafts and write everything or nothing; durable when it returns.

        Raises:
            OutboxMoved: the disk refused, memory stands in for it: commit again, for the new epoch.
            OutboxFailed: the disk refused; nothing of the batch was written.
        """
        return await self._on_disk(self._store.commit, batch, now_us)

    async def tend(self, now_us: int) -> bool:
        """Return to the disk when it can be written again; True when it happened, and with it a new epoch."""
        return await self._on_disk(self._store.tend, now_us)

    async def new_epoch(self, now_us: int, above: int = 0) -> Epoch:
        """Draw an epoch for what is committed from here on, of an order higher than ``above``."""
        return await self._on_disk(self._store.new_epoch, now_us, above)

    async def within(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in one transaction of its own; the quota holds after it."""
        return await self._on_disk(self._store.within, work)

    async def waiting(self, rank: Rank, after: int, before: int | None, count_max: int) -> list[Held]:
        """Return parcels that are not settled, oldest first, with ``after < id < before``."""
        return await self._on_disk(self._store.waiting, rank, after, before, count_max)

    async def first_since(self, time_us: int) -> int:
        """Return the id from which on parcels were committed at ``time_us`` or later."""
        return await self._on_disk(self._store.first_since, time_us)

    async def read(self, parcel: int) -> bytes | None:
        """Return a parcel with its envelope, verified; None when it is gone or damaged."""
        return await self._on_disk(self._store.read, parcel)

    async def settle(self, epoch: bytes, settled: RangeSet) -> int:
        """Mark what the cloud has settled; return how many parcels that frees."""
        return await self._on_disk(self._store.settle, epoch, settled)

    async def unsettle(self, epoch: bytes, lacked: RangeSet) -> int:
        """Take back what the cloud has not any more; return how many parcels are still kept and wait again."""
        return await self._on_disk(self._store.unsettle, epoch, lacked)

    async def held_epochs(self) -> tuple[HeldEpoch, ...]:
        """Return the epochs that it still holds something of, oldest first, the current one last."""
        return await self._on_disk(self._store.held_epochs)

    async def conditions(self) -> list[Event]:
        """Return, for every active condition, the event that last stated it."""
        return await self._on_disk(self._store.conditions)

    async def cursors(self) -> dict[str, str]:
        """Return, by device, where to read on in its memory."""
        return await self._on_disk(self._store.cursors)

    async def losses(self) -> list[LossRecord]:
        """Return the loss records that do not travel yet."""
        return await self._on_disk(self._store.losses)

    async def figures(self) -> Figures:
        """Return how full it is."""
        return await self._on_disk(self._store.figures)

    async def close(self, *, clean: bool = True) -> None:
        """Close for good and let others open it; ``clean`` says that nothing that was read is missing in it.

        Raises:
            OutboxFailed: the disk refused the note; it is closed all the same.
        """
        try:
            await self._on_disk(self._store.close, clean=clean)
        finally:
            self._disk.shutdown(wait=False)
            self._lock.close()

    async def _on_disk(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._disk, lambda: work(*args, **kwargs))
        finally:
            if self._store.moves != self._moves:
                self._moves = self._store.moves
                self.on_move()
