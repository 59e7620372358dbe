"""A time-series store that went back to an older day is noticed, and one that is down, slow or new is not suspected."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from haechi.cloud.clock import DAY_US
from haechi.cloud.event_broker.apply import apply
from haechi.cloud.event_broker.arrivals import Arrival, Delivery, read
from haechi.cloud.event_broker.meters import Meters
from haechi.cloud.event_broker.store_watch import SHOWN_US, Pace, StoreWatch
from haechi.cloud.state import markers, ranges
from haechi.cloud.state.engine import open_state, reading, writing
from haechi.cloud.state.ranges import EpochName
from haechi.cloud.state.writer import StateWriter
from haechi.cloud.store import Marker, StoreUnavailable
from haechi.cloud.store.points import Limits
from haechi.cloud.store.sqlite import SqlitePoints
from haechi.contract import codec
from haechi.contract.parcel import ParcelName
from support.sender import EPOCH, level

NAME = EpochName("city", "cabinet-1", EPOCH)
NOW_US = 1_790_000_000_000_000


class Store(SqlitePoints):
    """Can be out of order, put aside and put back."""

    down = False
    laggard: Marker | None = None
    """Given instead of the newest marker, once."""

    def newest_mark(self, name: str) -> Marker | None:
        if self.down:
            raise StoreUnavailable("timed out")
        if self.laggard is not None:
            marker, self.laggard = self.laggard, None
            return marker
        return super().newest_mark(name)


class Cloud:
    """A state, a store, and workers that watch it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_us = NOW_US
        self.state: Engine = open_state(f"sqlite:///{folder}/state.db")
        self.writer = StateWriter(self.state)
        self.store = self.open_store()
        self.registry = CollectorRegistry()
        self.meters = Meters(self.registry)

    def open_store(self) -> Store:
        return Store(self.folder / "points.db", Limits(lambda: self.now_us))

    def worker(self, retention_days: float | None = None) -> StoreWatch:
        return StoreWatch(self.store, self.state, self.writer, self.meters, lambda: self.now_us, retention_days)

    def save(self) -> None:
        self.store.close()
        shutil.copyfile(self.folder / "points.db", self.folder / "older.db")
        self.store = self.open_store()

    def restore(self) -> None:
        self.store.close()
        for file in self.folder.glob("points.db*"):
            file.unlink()
        if (self.folder / "older.db").exists():
            shutil.copyfile(self.folder / "older.db", self.folder / "points.db")
        self.store = self.open_store()

    def take(self, seq: int) -> None:
        payload = codec.encode(ParcelName(EPOCH, seq), level(NOW_US, 1.0))
        one = read(Arrival("haechi/v1/city/cabinet-1/up/live", payload, self.now_us), ["city"], "city")
        assert isinstance(one, Delivery)
        one.points_written = True
        with writing(self.state) as connection:
            apply(connection, [one], [], [], self.now_us)

    @property
    def stored(self) -> tuple[tuple[int, int], ...]:
        with reading(self.state) as connection:
            return ranges.settled_from(connection, NAME, 1, 100).ranges

    @property
    def restores(self) -> float | None:
        return self.registry.get_sample_value("haechi_store_restores_total")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path)
    yield cloud
    cloud.writer.close()
    cloud.state.dispose()
    cloud.store.close()


async def minutes(cloud: Cloud, watch: StoreWatch, count: int) -> None:
    for _ in range(count):
        cloud.now_us += Pace().mark_us
        await watch.look()


async def test_a_store_that_went_back_is_filled_again_from_its_marker_on(cloud: Cloud) -> None:
    watch = cloud.worker()
    cloud.take(1)
    await minutes(cloud, watch, 15)
    cloud.save()
    cloud.take(2)
    watch = cloud.worker()
    await minutes(cloud, watch, 3)
    cloud.take(3)
    cloud.restore()
    watch = cloud.worker()
    await watch.look()
    assert (cloud.stored, watch.notice) == (((1, 3),), None), "it must show the same twice"
    await watch.look()
    assert (cloud.stored, cloud.restores) == (((1, 1),), 1)
    assert "2 parcels" in (watch.notice or "")
    cloud.take(2)
    await minutes(cloud, watch, 3)
    assert (cloud.stored, cloud.restores) == (((1, 2),), 1), "once"
    assert cloud.worker().notice is None, "before it has looked"
    cloud.now_us += SHOWN_US
    assert watch.notice is None


async def test_an_empty_store_is_another_one_and_is_filled_from_the_beginning(cloud: Cloud) -> None:
    cloud.take(1)
    await minutes(cloud, cloud.worker(), 30)
    cloud.take(2)
    cloud.restore()
    watch = cloud.worker()
    await minutes(cloud, watch, 2)
    assert (cloud.stored, cloud.restores) == ((), 1)
    assert "unknown" in (watch.notice or "")


async def test_a_store_put_back_twice_is_noticed_twice(cloud: Cloud) -> None:
    await minutes(cloud, cloud.worker(), 20)
    cloud.save()
    for _ in range(2):
        cloud.take(1)
        watch = cloud.worker()
        await minutes(cloud, watch, 20)
        cloud.restore()
        watch = cloud.worker()
        await minutes(cloud, watch, 2)
        assert cloud.stored == ()
    assert cloud.restores == 2


async def test_what_is_down_slow_or_lags_behind_is_not_suspected(cloud: Cloud) -> None:
    watch = cloud.worker()
    await minutes(cloud, watch, 3)
    cloud.take(1)
    for _ in range(3):
        cloud.store.down = True
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await watch.look()
        cloud.store.down = False
        cloud.store.laggard = Marker(1, NOW_US)
        await watch.look()
        await watch.look()
    assert (cloud.stored, cloud.restores) == (((1, 1),), 0)


async def test_a_restored_state_finds_a_newer_marker_and_goes_on_above_it(cloud: Cloud) -> None:
    await minutes(cloud, cloud.worker(), 2)
    cloud.writer.close()
    cloud.state.dispose()
    shutil.copyfile(cloud.folder / "state.db", cloud.folder / "older-state.db")
    cloud.state = open_state(f"sqlite:///{cloud.folder}/state.db")
    cloud.writer = StateWriter(cloud.state)
    await minutes(cloud, cloud.worker(), 5)
    cloud.writer.close()
    cloud.state.dispose()
    for file in cloud.folder.glob("state.db*"):
        file.unlink()
    shutil.copyfile(cloud.folder / "older-state.db", cloud.folder / "state.db")
    cloud.state = open_state(f"sqlite:///{cloud.folder}/state.db")
    cloud.writer = StateWriter(cloud.state)
    cloud.take(1)
    await minutes(cloud, cloud.worker(), 2)
    assert (cloud.stored, cloud.restores) == (((1, 1),), 0)
    with reading(cloud.state) as connection:
        known = markers.known(connection)
    assert known is not None
    assert known.newest == Marker(9, cloud.now_us)


async def test_workers_that_share_all_do_not_accuse_each_other(cloud: Cloud) -> None:
    workers = [cloud.worker() for _ in range(3)]
    cloud.take(1)
    for _ in range(10):
        cloud.now_us += Pace().mark_us
        await asyncio.gather(*(worker.look() for worker in workers))
    assert (cloud.stored, cloud.restores) == (((1, 1),), 0)
    cloud.restore()
    workers = [cloud.worker() for _ in range(3)]
    for _ in range(3):
        await asyncio.gather(*(worker.look() for worker in workers))
    assert (cloud.stored, cloud.restores) == ((), 1), "one of them does it"
    await asyncio.gather(*(worker.look() for worker in workers))
    assert all(worker.notice for worker in workers), "and all of them say it"


@pytest.mark.parametrize("step_us", [-366 * DAY_US, 366 * DAY_US], ids=["back", "ahead"])
async def test_a_clock_that_jumps_accuses_nobody_and_hides_nothing(cloud: Cloud, step_us: int) -> None:
    watch = cloud.worker()
    await minutes(cloud, watch, 12)
    cloud.save()
    cloud.now_us += step_us
    watch = cloud.worker()
    await minutes(cloud, watch, 5)
    assert cloud.restores == 0
    cloud.take(1)
    cloud.restore()
    watch = cloud.worker()
    await minutes(cloud, watch, 2)
    assert (cloud.stored, cloud.restores) == ((), 1)


async def test_a_marker_that_the_retention_took_proves_nothing(cloud: Cloud) -> None:
    await minutes(cloud, cloud.worker(7), 3)
    cloud.take(1)
    cloud.restore()
    cloud.now_us += 8 * DAY_US
    watch = cloud.worker(7)
    await minutes(cloud, watch, 4)
    assert (cloud.stored, cloud.restores) == (((1, 1),), 0)


async def test_an_older_marker_is_noticed_after_any_absence(cloud: Cloud) -> None:
    await minutes(cloud, cloud.worker(7), 3)
    cloud.save()
    cloud.take(1)
    await minutes(cloud, cloud.worker(7), 3)
    cloud.restore()
    cloud.now_us += 8 * DAY_US
    await minutes(cloud, cloud.worker(7), 1)
    watch = cloud.worker(7)
    await minutes(cloud, watch, 2)
    assert (cloud.stored, cloud.restores) == ((), 1)


async def test_two_stores_for_one_state_do_not_send_gateways_round_in_circles(cloud: Cloud, tmp_path: Path) -> None:
    first = cloud.worker()
    await minutes(cloud, first, 1)
    cloud.store = Store(tmp_path / "other.db", Limits(lambda: cloud.now_us))
    second = cloud.worker()
    for _ in range(120):
        cloud.now_us += 5_000_000
        await first.look()
        await second.look()
    assert 1 <= (cloud.restores or 0) <= 2 * 600_000_000 / Pace().apart_us
