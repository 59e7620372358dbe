"""What the intake does where the stores and the state do not change together. (That it works, real servers show.)"""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, select

from haechi.cloud.event_broker import batches
from haechi.cloud.event_broker.acknowledge import Acknowledger
from haechi.cloud.event_broker.apply import apply
from haechi.cloud.event_broker.arrivals import Arrival, Delivery, Report, Unreadable, read
from haechi.cloud.event_broker.intake import Intake
from haechi.cloud.event_broker.meters import Meters
from haechi.cloud.objects import FolderObjects
from haechi.cloud.state import markers, ranges, receipts, schema
from haechi.cloud.state.changes import ChangeBell
from haechi.cloud.state.engine import open_state, reading, writing
from haechi.cloud.state.ranges import EpochName
from haechi.cloud.state.writer import StateWriter
from haechi.cloud.store import Batch, RefusedPoint
from haechi.cloud.store.points import Limits
from haechi.cloud.store.sqlite import SqlitePoints
from haechi.contract import codec
from haechi.contract.control import GatewayStatus, HeldEpoch
from haechi.contract.envelope import wrap
from haechi.contract.observations import Reading
from haechi.contract.parcel import ClockQuality, ParcelName
from haechi.contract.places import Datastream, DeviceClock
from haechi.contract.topics import Address
from haechi.edge.builder import Builder
from haechi.edge.outbox import Epoch
from support.sender import EPOCH, alarm, flood, level

NOW_US = 1_790_000_000_000_000


class Store(SqlitePoints):
    """Something happens right after its next write, before anybody commits what was written."""

    then: Callable[[], None] | None = None

    def write(self, batches: Sequence[Batch]) -> list[RefusedPoint]:
        refused = super().write(batches)
        if self.then is not None:
            then, self.then = self.then, None
            then()
        return refused


@contextlib.asynccontextmanager
async def intake_of(folder: Path) -> AsyncIterator[tuple[Intake, Engine, Store]]:
    """Run an intake over a state and a store of its own."""
    state, store = open_state(f"sqlite:///{folder}/state.db"), Store(folder / "points.db", Limits(lambda: NOW_US))
    writer = StateWriter(state)

    async def publish(_topic: str, _payload: bytes) -> None:
        pass

    intake = Intake(
        tenants=["city"],
        home="city",
        state=state,
        writer=writer,
        points=store,
        objects=FolderObjects(folder / "objects"),
        bell=ChangeBell(),
        acknowledger=Acknowledger(publish, lambda: NOW_US),
        meters=Meters(CollectorRegistry()),
        clock_us=lambda: NOW_US,
    )
    running = asyncio.create_task(intake.run())
    yield intake, state, store
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    writer.close()
    state.dispose()
    store.close()


async def test_points_that_went_to_a_store_put_back_since_are_not_taken_for_stored(tmp_path: Path) -> None:
    async with intake_of(tmp_path) as (intake, state, store):
        await check_that_points_put_back_are_missed(intake, state, store)


async def check_that_points_put_back_are_missed(intake: Intake, state: Engine, store: Store) -> None:
    def put_back() -> None:
        """The store loses what it has, which is noticed; the receipt of what is in between does not exist yet."""
        store._writer.execute("DELETE FROM points")
        with writing(state) as connection:
            markers.begin_withdrawal(connection)
            assert receipts.concerned(connection, receipts.since_marker(0)) == []

    def stored() -> tuple[tuple[int, int], ...]:
        with reading(state) as connection:
            return ranges.settled_from(connection, EpochName("city", "cabinet-1", EPOCH), 1, 10).ranges

    with writing(state) as connection:
        markers.issue(connection, "this-cloud", 0)
    payload = codec.encode(ParcelName(EPOCH, 1), level(NOW_US, 1.0))
    arrival = Arrival("haechi/v1/city/cabinet-1/up/live", payload, NOW_US)
    store.then = put_back
    await intake.take("bulk", arrival)
    assert (stored(), store.count("city")) == ((), {"cabinet-1/river-1.level": 0})
    await intake.take("bulk", arrival)
    assert (stored(), store.count("city")) == (((1, 1),), {"cabinet-1/river-1.level": 1})


async def test_a_record_read_again_is_the_same_point_whatever_comes_first(tmp_path: Path) -> None:
    """The parcel of records overtakes every description: it says itself by which time its points are named."""
    stream = Datastream(
        id="river-1.level",
        thing="river-1",
        observed_property="water_level",
        unit="m",
        device_time=True,
        device_clock=DeviceClock(zone="Asia/Seoul"),
        counter="total",
    )
    records = [Reading(NOW_US + row, ("river-1.level",), (float(row),)) for row in range(3)]
    async with intake_of(tmp_path) as (intake, state, store):
        for number, known in ((7, records[:2]), (8, records)):
            builder = Builder({}, records={stream.id: stream})
            (draft,) = builder.observations(known, Epoch(bytes([number] * 16), number, number), ClockQuality.FREE)
            payload = wrap(ParcelName(bytes([number] * 16), 5), codec.VERSION, draft.body)
            await intake.take("bulk", Arrival("haechi/v1/city/cabinet-1/up/live", payload, NOW_US))
        assert store.count("city") == {"cabinet-1/river-1.level": 3}
        with reading(state) as connection:
            row = connection.execute(select(schema.datastreams)).one()
            news = connection.execute(select(schema.changes.c.kind)).scalars().all()
    assert (row.device_zone, row.device_clock, row.counter) == ("Asia/Seoul", "free", "total")
    assert news == ["gateway"]


async def test_nothing_is_read_on_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred bytes can take 50 ms to read: forty of them would hold up every alarm of the city."""
    threads: dict[str, int] = {}

    def noted(arrival: Arrival, tenants: Collection[str], home: str) -> Delivery | Report | Unreadable:
        threads[arrival.topic.rpartition("/")[2]] = threading.get_ident()
        return read(arrival, tenants, home)

    monkeypatch.setattr(batches, "read", noted)
    async with intake_of(tmp_path) as (intake, _state, _store):
        for lane, channel in (("urgent", "urgent"), ("status", "status"), ("bulk", "live")):
            content = level(NOW_US, 1.0) if lane == "bulk" else alarm(flood("event-0001"))
            payload = codec.encode(ParcelName(EPOCH, 1), content)
            await intake.take(lane, Arrival(f"haechi/v1/city/cabinet-1/up/{channel}", payload, NOW_US))
    assert len(set(threads.values()) | {threading.get_ident()}) == 4


async def test_what_waits_for_a_lost_connection_is_let_go(tmp_path: Path) -> None:
    """With a store that is down, each connection would leave its window behind."""
    async with intake_of(tmp_path) as (intake, _state, store):
        down = threading.Event()

        def wait() -> None:
            down.wait(10)

        store.then = wait
        arrivals = [
            Arrival(
                "haechi/v1/city/cabinet-1/up/live", codec.encode(ParcelName(EPOCH, seq), level(NOW_US, 1.0)), NOW_US
            )
            for seq in range(1, 40)
        ]
        first = asyncio.create_task(intake.take("bulk", arrivals[0]))
        lane = intake._lanes["bulk"]
        while store.then is not None:  # noqa: ASYNC110 - it is the store's own thread that gets there
            await asyncio.sleep(0.001)
        for _connection in range(5):
            taking = [asyncio.create_task(intake.take("bulk", one)) for one in arrivals[1:]]
            await asyncio.sleep(0)
            for one in taking:
                one.cancel()
            await asyncio.gather(*taking, return_exceptions=True)
            assert len(lane) == 0
        down.set()
        await first


async def test_a_backup_whose_points_were_copied_after_its_state_is_healed(tmp_path: Path) -> None:
    def copy(name: str) -> None:
        source, target = sqlite3.connect(tmp_path / name), sqlite3.connect(tmp_path / "backup" / name)
        with contextlib.closing(source), contextlib.closing(target):
            source.backup(target)

    async def take(intake: Intake, seq: int) -> None:
        payload = codec.encode(ParcelName(EPOCH, seq), level(NOW_US + seq, float(seq)))
        await intake.take("bulk", Arrival("haechi/v1/city/cabinet-1/up/live", payload, NOW_US))

    (tmp_path / "backup").mkdir()
    async with intake_of(tmp_path) as (intake, _state, _store):
        await take(intake, 1)
        copy("state.db")
        await take(intake, 2)
        copy("points.db")
    async with intake_of(tmp_path / "backup") as (intake, state, store):
        assert store.count("city") == {"cabinet-1/river-1.level": 2}
        status = GatewayStatus(
            state="online", at_us=NOW_US, epochs=(HeldEpoch(epoch=EPOCH.hex(), order=1, lowest=3, next=3),)
        )
        report = Report(Address("city", "cabinet-1", "up/status"), status, Arrival("t", b"", NOW_US))
        with writing(state) as connection:
            ((_gateway, answer),) = apply(connection, [], [], [], NOW_US, [report]).answers
        assert [one.ranges for one in answer.again] == [((2, 2),)]
        await take(intake, 2)
        assert store.count("city") == {"cabinet-1/river-1.level": 2}
        with reading(state) as connection:
            assert ranges.settled_from(connection, EpochName("city", "cabinet-1", EPOCH), 1, 10).ranges == ((1, 2),)
