"""Watches the time-series store: whether it answers, and whether it went back to an older day.

A marker, a number that rises, is written into the store at the start and once a minute, and remembered in the state
once the store has it. A store whose newest marker is lower than the one remembered, or that has none, was restored from
a backup (or is another one): whatever came since that marker is withdrawn, so that gateways send it again, and
operators are told.

A store that is down or silent proves nothing, nor does an empty one before its first marker, nor one whose retention is
shorter than the absence of this cloud. It must show the same twice, some seconds apart: a cluster may answer from a
machine that lags behind. Several workers may watch one store: what counts is remembered in the state they share.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from haechi.cloud.clock import DAY_US
from haechi.cloud.event_broker.meters import Meters
from haechi.cloud.state import markers, receipts
from haechi.cloud.state.engine import UNREADABLE, reading, reason
from haechi.cloud.state.markers import Known
from haechi.cloud.state.writer import StateUnavailable, StateWriter, Turn
from haechi.cloud.store import Marker, PointStore, StoreError
from haechi.contract.observations import utc
from haechi.text import _

log = logging.getLogger(__name__)

SHOWN_US = 3_600_000_000
"""How long operators are shown that the store went back."""


@dataclass(frozen=True)
class Pace:
    """How often a store is looked at."""

    look_s: float = 5.0
    confirm_s: float = 2.0
    mark_us: int = 60_000_000
    """A marker is left this often: an older day is noticed when it is older than the newest one."""
    apart_us: int = 600_000_000
    """What is stored is withdrawn at most this often: workers that were given two stores for one state would never
    end."""


class StoreWatch:
    """Looks at the store every few seconds; :meth:`run` until cancelled."""

    def __init__(
        self,
        points: PointStore,
        state: Engine,
        writer: StateWriter,
        meters: Meters,
        clock_us: Callable[[], int],
        retention_days: float | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Make a watch; nothing happens before :meth:`run`."""
        self._points = points
        self._state = state
        self._writer = writer
        self._meters = meters
        self._clock_us = clock_us
        self._retention_us = None if retention_days is None else round(retention_days * DAY_US)
        self._pace = pace or Pace()
        self._name = secrets.token_hex(8)
        self._begins = True
        self._known: Known | None = None
        self._suspected: tuple[Known, Marker | None] | None = None
        self.trouble: str | None = None
        """Why the store cannot be used, one line; None when it can."""

    @property
    def notice(self) -> str | None:
        """That the store went back lately, one line for the operator; None when it did not."""
        restored = None if self._known is None else self._known.restored
        if restored is None or abs(self._clock_us() - restored.at_us) > SHOWN_US:
            return None
        to = _("a time unknown") if restored.to_us is None else f"{utc(restored.to_us):%Y-%m-%d %H:%M:%SZ}"
        return _(
            "the time-series store went back to {to}, seen at {at}; {parcels} parcels are asked for again, "
            "what gateways keep no more becomes a loss"
        ).format(to=to, at=f"{utc(restored.at_us):%H:%M:%SZ}", parcels=restored.asked_again)

    async def run(self) -> None:
        """Look, mark, and look again, until cancelled."""
        while True:
            try:
                await self.look()
                self.trouble = None
            except StoreError as error:
                if self.trouble is None:
                    log.warning("points: %s", error)
                self.trouble = str(error)
            except (StateUnavailable, *UNREADABLE) as error:
                log.info("points: not compared with the state: %s", _said(error))
            await asyncio.sleep(self._pace.look_s if self._suspected is None else self._pace.confirm_s)

    async def look(self) -> None:
        """Look once; when it is time, leave a marker.

        Raises:
            StoreError: the store cannot be used now.
            StateUnavailable: the state cannot be written now; nothing is lost by looking again later.
            SQLAlchemyError: the state cannot be read now; the same.
        """
        await asyncio.to_thread(self._points.check)
        # First the state, then the store: what the state remembers, the store had before.
        known = await asyncio.to_thread(self._read)
        self._known = known
        newest = None if known is None else known.newest
        due = self._begins or newest is None or abs(self._clock_us() - newest.at_us) >= self._pace.mark_us
        found = await asyncio.to_thread(self._points.newest_mark, self._name if known is None else known.name)
        if known is None or newest is None or self._explains(found, newest):
            self._suspected = None
            if due:
                await self._mark(found)
        elif self._suspected != (known, found):
            self._suspected = (known, found)
        elif known.restored is None or abs(self._clock_us() - known.restored.at_us) >= self._pace.apart_us:
            await self._fill_again(newest, found)

    def _read(self) -> Known | None:
        with reading(self._state) as connection:
            return markers.known(connection)

    def _explains(self, found: Marker | None, newest: Marker) -> bool:
        """Whether what was found is what a store shows that never went back."""
        if found is not None:
            return found.number >= newest.number
        # The store may have dropped it by itself while no cloud ran that would have renewed it.
        return self._retention_us is not None and self._clock_us() - newest.at_us >= self._retention_us

    async def _mark(self, found: Marker | None) -> None:
        above = 0 if found is None else found.number
        name, number = await self._writer.run(
            Turn.KEEPING, lambda connection: markers.issue(connection, self._name, above)
        )
        marker = Marker(number, self._clock_us())
        await asyncio.to_thread(self._points.mark, name, marker)
        await self._writer.run(Turn.KEEPING, lambda connection: markers.remember(connection, marker))
        self._begins = False

    async def _fill_again(self, newest: Marker, found: Marker | None) -> None:
        """Have gateways send what came since; each gateway in a transaction of its own, which alarms overtake."""
        log.warning(
            "points: the store was restored: its newest marker is %s, and was %d", found and found.number, newest.number
        )
        await self._writer.run(Turn.KEEPING, markers.begin_withdrawal)
        since = receipts.since_marker(0 if found is None else found.number)
        gateways = await self._writer.run(Turn.KEEPING, lambda connection: receipts.concerned(connection, since))
        parcels = 0
        for tenant, gateway in gateways:
            withdrawn = await self._writer.run(
                Turn.KEEPING, partial(receipts.rewind, tenant=tenant, gateway=gateway, since=since)
            )
            parcels += sum(numbers.size for numbers in withdrawn.values())
        # Last: whoever is killed before this finds the same again, and does what is left.
        forgotten = await self._writer.run(
            Turn.KEEPING, lambda connection: markers.forget(connection, newest, found, parcels, self._clock_us())
        )
        self._suspected = None
        self._meters.restores.inc(int(forgotten))
        self._meters.asked_again.inc(parcels)
        log.warning("points: %d parcels of %d gateways are asked for again", parcels, len(gateways))
        await self._mark(found)
        self._known = await asyncio.to_thread(self._read)


def _said(error: StateUnavailable | SQLAlchemyError) -> str:
    return reason(error) if isinstance(error, SQLAlchemyError) else str(error)
