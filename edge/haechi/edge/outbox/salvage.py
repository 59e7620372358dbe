"""Bringing home what a damaged file still holds, while the new one is already at work.

Promise: a parcel whose bytes are whole is committed to the new file under its old name, unless the old one still says
that it is settled; what was committed and cannot be read becomes a loss record of cause ``corrupt``. It goes on in
small steps beside everything else, a page in memory at a time, and after a stop where it was. What cannot be told for
certain is sent once more: the cloud knows what it has.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from haechi.contract.envelope import unwrap
from haechi.edge.outbox.adoption import Named, described
from haechi.edge.outbox.damage import DAMAGED, DONE, finish, give_up, marks, may_wait, remove, take
from haechi.edge.outbox.queue import Outbox
from haechi.edge.outbox.wreck import Remains, Wreck, read_tables

_STEP_BYTES = 256 * 1024
_STEP_PAGES = 2_000
_OLD_US = 60_000_000
_KEPT_BYTES_MAX = 16 * 1024 * 1024
"""A larger file goes when it has been emptied: its room is worth more than what nobody can read."""


@dataclass(frozen=True, slots=True)
class _Step:
    page: int
    """Where to go on."""
    found: list[Named]


class Salvage:
    """Empties damaged files into an outbox."""

    def __init__(self, outbox: Outbox, folder: Path, now_us: Callable[[], int], on_found: Callable[[], None]) -> None:
        """``on_found`` is called after every step that brought something, to wake who sends."""
        self._outbox, self._folder = outbox, folder
        self._now_us, self._on_found = now_us, on_found
        self.parcels_saved = 0

    async def run(self) -> None:
        """Bring everything home; returns when nothing is left to do.

        Raises:
            OutboxFailed: the disk refused; what is missing is looked for after the next opening.
        """
        known = await self._outbox.within(marks)
        there = {path.name for path in await asyncio.to_thread(_damaged, self._folder)}
        for name in sorted(there | set(known)):
            page = known.get(name, 1)
            if page != DONE and name in there:
                await self._empty(self._folder / name, page)
            elif page != DONE:
                await self._outbox.within(partial(give_up, name, self._now_us()))

    async def _empty(self, path: Path, page: int) -> None:
        remains = await asyncio.to_thread(read_tables, path)
        wreck = await asyncio.to_thread(Wreck, path)
        try:
            steps = self._steps(wreck, remains, page)
            while (step := await asyncio.to_thread(next, steps, None)) is not None:
                taken = await self._outbox.within(partial(take, step.found, step.page, path.name, remains))
                self.parcels_saved += taken
                if taken:
                    self._on_found()
        finally:
            wreck.close()
        await self._outbox.within(partial(finish, path.name, remains, self._now_us()))
        self._on_found()
        await asyncio.to_thread(_remove_if_large, path)

    def _steps(self, wreck: Wreck, remains: Remains, page: int) -> Iterator[_Step]:
        before_us = self._now_us() - _OLD_US
        found: list[Named] = []
        size = pages = 0
        for number, parcels in wreck.parcels(page):
            for parcel in parcels:
                each = described(parcel, before_us) if may_wait(unwrap(parcel)[0], remains) else None
                if each is not None:
                    found.append(each)
                    size += len(parcel)
            pages += 1
            page = number or page
            if size >= _STEP_BYTES or pages >= _STEP_PAGES:
                yield _Step(page, found)
                found, size, pages = [], 0, 0
        yield _Step(page, found)


def _damaged(folder: Path) -> list[Path]:
    return list(folder.glob(f"{DAMAGED}*[0-9]"))


def _remove_if_large(path: Path) -> None:
    if path.stat().st_size > _KEPT_BYTES_MAX:
        remove(path)
