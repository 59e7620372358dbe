"""Intake: points first, then the transaction, then the acknowledgement. Nothing is acknowledged before it is durable.

Three lanes, each with an MQTT connection of its own, so that none waits for another:

* ``urgent``  alarms; needs the state database only
* ``status``  how gateways are, and their questions; needs the state database only
* ``bulk``    everything else; needs the time-series store and the object store as well

A lane takes what has come, up to a batch. While a store or the state is down, the batch waits and is tried again;
messages that come meanwhile wait unacknowledged, and the broker's window (Receive Maximum) holds back the rest: that
is the whole back-pressure. A parcel whose content breaks a transaction is found by trying its batch one by one, goes
to the dead letters, and blocks nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from haechi.cloud.event_broker.acknowledge import Acknowledger
from haechi.cloud.event_broker.apply import Applied, apply
from haechi.cloud.event_broker.arrivals import Arrival, Delivery, Report, Unreadable, read
from haechi.cloud.event_broker.lanes import Lane, Waiting
from haechi.cloud.event_broker.meters import Meters
from haechi.cloud.objects import ObjectStore, ObjectUnavailable
from haechi.cloud.state import descriptions, markers, ranges
from haechi.cloud.state.changes import ChangeBell
from haechi.cloud.state.engine import reading, reason
from haechi.cloud.state.letters import Letter
from haechi.cloud.state.ranges import EpochName
from haechi.cloud.state.writer import StateUnavailable, StateWriter, Turn
from haechi.cloud.store import Batch, PointStore, RefusedPoint, StoreError
from haechi.contract.ranges import RangeSet

log = logging.getLogger(__name__)

HANDED_OVER_MAX = 512
RETRY_S_FIRST, RETRY_S_MAX = 0.1, 3.0


@dataclass(slots=True)
class _Read:
    """A batch after reading, and what became of its points."""

    waiting: list[Waiting]
    deliveries: list[Delivery] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    refused: list[RefusedPoint] = field(default_factory=list)
    withdrawals: int | None = None
    """As it was before its points were written; None where it has none."""


class Intake:
    """From a message to what is durable."""

    def __init__(
        self,
        *,
        tenants: Collection[str],
        home: str,
        state: Engine,
        writer: StateWriter,
        points: PointStore,
        objects: ObjectStore,
        bell: ChangeBell,
        acknowledger: Acknowledger,
        meters: Meters,
        clock_us: Callable[[], int],
    ) -> None:
        self._tenants = frozenset(tenants)
        self._home = home
        self._state = state
        self._writer = writer
        self._points = points
        self._objects = objects
        self._bell = bell
        self._acknowledger = acknowledger
        self._meters = meters
        self._clock_us = clock_us
        self._lanes = {"urgent": Lane(), "status": Lane(), "bulk": Lane()}
        # Bulk goes through three stages, so that one batch is decoded and one is committed while one is written.
        self._decoded: asyncio.Queue[_Read] = asyncio.Queue(maxsize=1)
        self._stored: asyncio.Queue[_Read] = asyncio.Queue(maxsize=1)
        self._decoding = ThreadPoolExecutor(max_workers=1, thread_name_prefix="parcels")
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="points")
        self.trouble: dict[str, str] = {}
        """What is down now, ``points`` or ``state``, each with one line for the operator."""
        for name, lane in self._lanes.items():
            meters.watch(name, lane.__len__)

    async def take(self, lane: str, arrival: Arrival) -> None:
        """Return when the message is durable (or durably a dead letter), and not before."""
        done = asyncio.get_running_loop().create_future()
        self._lanes[lane].put(Waiting(arrival, done))
        await done
        self._meters.latency.labels(lane).observe((self._clock_us() - arrival.received_us) / 1_000_000)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._run_state_only("urgent", Turn.URGENT))
                tasks.create_task(self._run_state_only("status", Turn.STATUS))
                tasks.create_task(self._run_decoding())
                tasks.create_task(self._run_points())
                tasks.create_task(self._run_bulk())
        finally:
            for threads in (self._decoding, self._threads):
                threads.shutdown(wait=False, cancel_futures=True)

    async def _run_state_only(self, lane: str, turn: Turn) -> None:
        while True:
            batch = self._sort(await self._lanes[lane].batch())
            self._hand_over(batch)
            await self._commit(turn, batch)

    def _hand_over(self, batch: _Read) -> None:
        """Give parcels with observations, which do not belong into this lane, to the one that has the stores.

        They are let go here at once, so that they never fill the window of the alarms; their gateway hears of them when
        they are stored, or sends them again.
        """
        needy = [one for one in batch.deliveries if one.needs_stores]
        batch.deliveries = [one for one in batch.deliveries if not one.needs_stores]
        for one in needy:
            if len(self._lanes["bulk"]) < HANDED_OVER_MAX:
                self._lanes["bulk"].put(Waiting(one.arrival, asyncio.get_running_loop().create_future()))

    async def _run_decoding(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            waiting = await self._lanes["bulk"].batch()
            await self._decoded.put(await loop.run_in_executor(self._decoding, self._sort, waiting))

    async def _run_points(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = await self._decoded.get()
            retry_s = RETRY_S_FIRST
            while True:
                try:
                    await loop.run_in_executor(self._threads, self._store, batch)
                    break
                except (StoreError, ObjectUnavailable) as error:
                    self._meters.retries.labels("points").inc()
                    self._complain("points", str(error))
                except StateUnavailable as error:
                    self._complain("state", str(error))
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, RETRY_S_MAX)
            self._recover("points")
            await self._stored.put(batch)

    async def _run_bulk(self) -> None:
        while True:
            await self._commit(Turn.BULK, await self._stored.get())

    def _sort(self, waiting: list[Waiting]) -> _Read:
        batch = _Read(waiting)
        for one in waiting:
            came = self._read(one.arrival)
            if isinstance(came, Delivery):
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
            reason = f"reading it failed: {type(error).__name__}: {error}"
            return Unreadable(Letter(self._home, "", arrival.topic, "parcel", reason, arrival.payload), "poison")

    def _store(self, batch: _Read) -> None:
        """Write pictures and points of the parcels that are not stored yet. Runs in the thread of the points."""
        needy = [one for one in batch.deliveries if one.needs_stores and not one.points_written]
        if not needy:
            return
        fresh, device_time = self._look_up(needy, batch)
        batches = {id(one): self._points_of(one, device_time[one.address[:2]]) for one in fresh}
        for one in fresh:
            for picture in one.parcel.evidence:
                one.pictures[picture.id, picture.piece] = self._objects.put(picture.content)
        try:
            self._write(fresh, [batches[id(one)] for one in fresh], batch)
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - supervises parcels: whatever one breaks, the others go on
            for one in fresh:
                try:
                    self._write([one], [batches[id(one)]], batch)
                except StoreError:
                    raise
                except Exception as error:
                    log.exception("points of parcel %s of %s cannot be written", one.name, one.address.gateway)
                    self._bury(batch, one, error)

    def _look_up(
        self, deliveries: Sequence[Delivery], batch: _Read
    ) -> tuple[list[Delivery], dict[tuple[str, ...], frozenset[str]]]:
        """Return the parcels that are not stored yet, and the datastreams with device time of each gateway."""
        numbers: dict[EpochName, list[tuple[int, int]]] = {}
        device_time: dict[tuple[str, ...], frozenset[str]] = {}
        for one in deliveries:
            name = EpochName(one.address.tenant, one.address.gateway, one.name.epoch)
            numbers.setdefault(name, []).append((one.name.seq, one.name.seq))
        try:
            with reading(self._state) as connection:
                batch.withdrawals = markers.withdrawals(connection)
                stored = {name: ranges.stored_among(connection, name, RangeSet(some)) for name, some in numbers.items()}
                for gateway in {name[:2] for name in numbers}:
                    device_time[gateway] = descriptions.with_device_time(connection, *gateway)
        except DBAPIError as error:
            raise StateUnavailable(reason(error)) from error
        fresh = []
        for one in deliveries:
            device_time[one.address[:2]] |= one.device_time
            name = EpochName(*one.address[:2], one.name.epoch)
            if one.name.seq not in stored[name]:
                fresh.append(one)
                stored[name] = stored[name].add(one.name.seq)  # once more in this batch, it is a repeat
        return fresh, device_time

    def _points_of(self, one: Delivery, device_time: frozenset[str]) -> Batch:
        return Batch(one.address.tenant, one.address.gateway, one.parcel.epoch_number, one.parcel.tables, device_time)

    def _write(self, deliveries: Sequence[Delivery], batches: Sequence[Batch], batch: _Read) -> None:
        refused = self._points.write([one for one in batches if one.tables])
        batch.refused.extend(refused)
        for one in deliveries:
            one.points_written = True
        for point in refused:
            owner = next(
                one for one in deliveries if one.address[:2] == (point.tenant, point.gateway) and one.parcel.tables
            )
            owner.points_refused += 1

    def _bury(self, batch: _Read, one: Delivery, error: Exception) -> None:
        batch.deliveries.remove(one)
        batch.unreadable.append(Unreadable(one.letter(_unstorable(error)), "poison", one.name))

    async def _commit(self, turn: Turn, batch: _Read) -> None:
        """Commit a batch, however long it takes, then acknowledge."""
        try:
            await self._transact(turn, partial(self._apply, batch))
        except Exception:  # noqa: BLE001 - supervises parcels: whatever one breaks, the others go on
            await self._commit_singly(turn, batch)
        for waiting in batch.waiting:
            if not waiting.done.done():
                waiting.done.set_result(None)

    async def _commit_singly(self, turn: Turn, batch: _Read) -> None:
        for one in list(batch.deliveries):
            try:
                await self._transact(turn, partial(self._apply, _Read([], [one], withdrawals=batch.withdrawals)))
            except Exception as error:
                log.exception("parcel %s of gateway %s cannot be applied", one.name, one.address.gateway)
                self._bury(batch, one, error)
        for report in batch.reports:
            try:
                await self._transact(turn, partial(self._apply, _Read([], reports=[report])))
            except Exception as error:
                log.exception("status of gateway %s cannot be applied", report.address.gateway)
                batch.unreadable.append(Unreadable(report.letter(_unstorable(error)), "poison"))
        await self._transact(turn, partial(self._apply, _Read([], unreadable=batch.unreadable, refused=batch.refused)))

    def _apply(self, batch: _Read, connection: Connection) -> Applied:
        now_us = self._clock_us()
        if batch.withdrawals is not None and markers.withdrawals(connection) != batch.withdrawals:
            for one in batch.deliveries:
                one.points_written = False  # perhaps to a store that is no more; its gateway sends it again
        return apply(connection, batch.deliveries, batch.unreadable, batch.refused, now_us, batch.reports)

    async def _transact(self, turn: Turn, work: Callable[[Connection], Applied]) -> None:
        retry_s = RETRY_S_FIRST
        while True:
            try:
                applied = await self._writer.run(turn, work)
                break
            except StateUnavailable as error:
                self._meters.retries.labels("state").inc()
                self._complain("state", str(error))
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, RETRY_S_MAX)
        self._recover("state")
        self._acknowledger.settled(applied.settled)
        for gateway, answer in applied.answers:
            self._acknowledger.answer(gateway, answer)
        self._bell.ring(applied.observed)
        self._count(applied)

    def _count(self, applied: Applied) -> None:
        self._meters.parcels.inc(applied.parcels)
        self._meters.repeats.inc(applied.repeats)
        self._meters.observations.inc(applied.observations)
        self._meters.events.inc(applied.events)
        for cause in applied.letters:
            self._meters.dead_letters.labels(cause).inc()

    def _complain(self, part: str, text: str) -> None:
        if part not in self.trouble:
            log.warning("%s: %s; trying again, nothing is acknowledged meanwhile", part, text)
        self.trouble[part] = text

    def _recover(self, part: str) -> None:
        if self.trouble.pop(part, None) is not None:
            log.warning("%s: works again", part)


def _unstorable(error: Exception) -> str:
    return f"its content cannot be stored: {type(error).__name__}: {error}"
