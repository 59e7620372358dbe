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
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from sqlalchemy import Connection, Engine

from haechi.cloud.event_broker.acknowledge import Acknowledger
from haechi.cloud.event_broker.apply import Applied, apply
from haechi.cloud.event_broker.arrivals import Arrival, Unreadable
from haechi.cloud.event_broker.batches import Batch, Reader, Room, unstorable
from haechi.cloud.event_broker.lanes import Lane, Waiting
from haechi.cloud.event_broker.meters import Meters
from haechi.cloud.event_broker.storing import Storing
from haechi.cloud.objects import ObjectStore, ObjectUnavailable
from haechi.cloud.state import markers
from haechi.cloud.state.changes import ChangeBell
from haechi.cloud.state.writer import StateUnavailable, StateWriter, Turn
from haechi.cloud.store import PointStore, StoreError

log = logging.getLogger(__name__)

HANDED_OVER_MAX = 512
RETRY_S_FIRST, RETRY_S_MAX = 0.1, 3.0


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
        self._reader = Reader(tenants, home)
        self._storing = Storing(state, points, objects)
        self._writer = writer
        self._bell = bell
        self._acknowledger = acknowledger
        self._meters = meters
        self._clock_us = clock_us
        self._lanes = {"urgent": Lane(), "status": Lane(), "bulk": Lane()}
        # Bulk goes through three stages, so that one batch is decoded and one is committed while one is written.
        self._decoded: asyncio.Queue[Batch] = asyncio.Queue(maxsize=1)
        self._stored: asyncio.Queue[Batch] = asyncio.Queue(maxsize=1)
        self._room = Room()
        # No parcel is read on the event loop, and none of one lane waits for those of another.
        self._decoding = {lane: ThreadPoolExecutor(1, thread_name_prefix=f"read-{lane}") for lane in self._lanes}
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="points")
        self.trouble: dict[str, str] = {}
        """What is down now, ``points`` or ``state``, each with one line for the operator."""
        for name, lane in self._lanes.items():
            meters.watch(name, lane.__len__)

    async def take(self, lane: str, arrival: Arrival) -> None:
        """Return when the message is durable (or durably a dead letter), and not before.

        Cancelled, it lets the message go, unless that has been taken from its lane already.
        """
        waiting = Waiting(arrival, asyncio.get_running_loop().create_future())
        self._lanes[lane].put(waiting)
        try:
            await waiting.done
        except asyncio.CancelledError:
            self._lanes[lane].let_go(waiting)
            raise
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
            for threads in (*self._decoding.values(), self._threads):
                threads.shutdown(wait=False, cancel_futures=True)

    async def _run_state_only(self, lane: str, turn: Turn) -> None:
        while True:
            waiting = await self._lanes[lane].batch()
            while waiting:
                batch = await self._decode(lane, waiting)
                self._hand_over(batch)
                await self._commit(turn, batch)

    async def _decode(self, lane: str, waiting: deque[Waiting]) -> Batch:
        read = partial(self._reader.batch, waiting, with_stores=lane == "bulk")
        return await asyncio.get_running_loop().run_in_executor(self._decoding[lane], read)

    def _hand_over(self, batch: Batch) -> None:
        """Give parcels with observations, which do not belong into this lane, to the one that has the stores.

        They are let go here at once, so that they never fill the window of the alarms; their gateway hears of them when
        they are stored, or sends them again.
        """
        for arrival in batch.needy:
            if len(self._lanes["bulk"]) < HANDED_OVER_MAX:
                self._lanes["bulk"].put(Waiting(arrival, asyncio.get_running_loop().create_future()))

    async def _run_decoding(self) -> None:
        while True:
            waiting = await self._lanes["bulk"].batch()
            while waiting:
                await self._room.wait()
                batch = await self._decode("bulk", waiting)
                self._room.take(batch.weight)
                await self._decoded.put(batch)

    async def _run_points(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = await self._decoded.get()
            retry_s = RETRY_S_FIRST
            while True:
                try:
                    await loop.run_in_executor(self._threads, self._storing.store, batch)
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
            batch = await self._stored.get()
            await self._commit(Turn.BULK, batch)
            self._room.give_back(batch.weight)

    async def _commit(self, turn: Turn, batch: Batch) -> None:
        """Commit a batch, however long it takes, then acknowledge."""
        try:
            await self._transact(turn, partial(self._apply, batch))
        except Exception:  # noqa: BLE001 - supervises parcels: whatever one breaks, the others go on
            await self._commit_singly(turn, batch)
        for waiting in batch.waiting:
            if not waiting.done.done():
                waiting.done.set_result(None)

    async def _commit_singly(self, turn: Turn, batch: Batch) -> None:
        for one in list(batch.deliveries):
            try:
                await self._transact(turn, partial(self._apply, Batch(deliveries=[one], withdrawals=batch.withdrawals)))
            except Exception as error:
                log.exception("parcel %s of gateway %s cannot be applied", one.name, one.address.gateway)
                batch.bury(one, error)
        for report in batch.reports:
            try:
                await self._transact(turn, partial(self._apply, Batch(reports=[report])))
            except Exception as error:
                log.exception("status of gateway %s cannot be applied", report.address.gateway)
                batch.unreadable.append(Unreadable(report.letter(unstorable(error)), "poison"))
        await self._transact(turn, partial(self._apply, Batch(unreadable=batch.unreadable, refused=batch.refused)))

    def _apply(self, batch: Batch, connection: Connection) -> Applied:
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
