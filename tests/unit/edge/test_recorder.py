"""The road into the outbox: order, epochs, what is committed at once and what may wait."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace
from pydantic import TypeAdapter

from haechi.contract.codec import decode
from haechi.contract.control import Doubt
from haechi.contract.events import Event, Evidence, Phase, Severity
from haechi.contract.observations import Quality, Reading, Value
from haechi.contract.parcel import LossCause, LossRecord, Parcel, ParcelName
from haechi.contract.places import Datastream, DeviceClock, Place, Thing
from haechi.contract.ranges import RangeSet
from haechi.edge.builder import Builder
from haechi.edge.clock import BUILD_US, WallClock
from haechi.edge.derivations.chain import Chain, Link
from haechi.edge.derivations.computations import Moment, Result
from haechi.edge.derivations.config import Derivation
from haechi.edge.derivations.planning import computed
from haechi.edge.normalise import Normaliser
from haechi.edge.outbox import Rank
from haechi.edge.outbox.eviction import put_down
from haechi.edge.outbox.queue import Outbox
from haechi.edge.outbox.shelter import Shelter
from haechi.edge.recorder import Descriptions, Recorder
from haechi.edge.rules.engine import Engine, Rule
from haechi.edge.rules.threshold import Threshold
from haechi.sdk.sample import Sample

PLACE = Place(id="bridge", name="Bridge", latitude=36.0, longitude=127.0)
THING = Thing(id="river-1", name="River", kind="river_gauge", place="bridge", latitude=36.0, longitude=127.0)
LEVEL = Datastream(id="river-1.level", thing="river-1", observed_property="water_level", unit="m")
NAMES = ("river-1.level",)
RAW = "river-1.raw"
HOUR_US = 3_600_000_000


@dataclass
class Desk:
    """A recorder over a real outbox, and the clocks that it sees."""

    outbox: Outbox
    recorder: Recorder
    now_us: int
    now_s: float
    link_is_up: bool
    committed: asyncio.Event
    synchronised: bool = False

    async def parcels(self) -> list[tuple[ParcelName, Parcel]]:
        """Return everything that waits, in the order of committing."""
        held = [held for rank in Rank for held in await self.outbox.waiting(rank, 0, None, 1000)]
        found = []
        for each in sorted(held, key=lambda one: one.id):
            content = await self.outbox.read(each.id)
            assert content is not None
            found.append(decode(content))
        return found

    async def commits(self) -> None:
        """Wait for the next commit."""
        async with asyncio.timeout(10):
            await self.committed.wait()
        self.committed.clear()


@contextlib.asynccontextmanager
async def opened(
    folder: Path,
    *,
    seal_s: float = 1000.0,
    chain: Chain | None = None,
    cursors: dict[str, str] | None = None,
    on_found: Callable[[Collection[str]], None] = lambda _conditions: None,
    datastream: Datastream = LEVEL,
) -> AsyncIterator[Desk]:
    outbox = await Outbox.open(folder, 10**7, lambda newest_us: max(newest_us, BUILD_US))
    desk = Desk(outbox, None, BUILD_US + HOUR_US, 0.0, False, asyncio.Event())  # type: ignore[arg-type]
    ids = (f"event-{number:05d}" for number in itertools.count())
    rule = Rule("river-1.alarm", Threshold(3.0), LEVEL.id, "m", 3.0, "flood.level_high", "river-1", PLACE)
    desk.recorder = Recorder(
        outbox,
        Builder({}),
        Normaliser([*NAMES, RAW]),
        Engine([rule], 0.0, lambda: next(ids)),
        WallClock(0, lambda: desk.now_us, lambda: desk.synchronised),
        Descriptions([PLACE], [THING], [datastream]),
        now_s=lambda: desk.now_s,
        seal_s=seal_s,
        link_is_up=lambda: desk.link_is_up,
        on_commit=desk.committed.set,
        on_found=on_found,
        chain=chain,
        cursors=cursors,
    )
    try:
        yield desk
    finally:
        await outbox.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as made:
        await made.recorder.begin()
        running = asyncio.create_task(made.recorder.run())
        made.committed.clear()
        yield made
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_descriptions_are_the_first_parcel(desk: Desk) -> None:
    await desk.recorder.sample(Sample(NAMES, (1.0,)))
    await desk.recorder.drain()
    (first, described), (_, values) = await desk.parcels()
    assert first.seq == 1
    assert (described.places, described.things, described.datastreams) == ([PLACE], [THING], [LEVEL])
    assert values.tables[0].columns == [[1.0]]


async def test_an_event_does_not_wait_for_the_values(desk: Desk) -> None:
    await desk.recorder.sample(Sample(NAMES, (9.0,)))
    await desk.commits()
    *_, (_, last) = await desk.parcels()
    assert [event.type for event in last.events] == ["flood.level_high"]
    assert last.tables == []
    assert [event.condition for event in await desk.outbox.conditions()] == ["river-1.alarm"]


class Tenfold:
    """A computation that any value makes a result of."""

    def take(self, role: str, value: Value, quality: Quality, at: Moment) -> Result | None:
        assert (role, at.time_us > 0) == ("source", True)
        return Result(10 * float(value), quality)


async def test_what_is_local_raises_alarms_through_what_is_computed_and_does_not_travel(tmp_path: Path) -> None:
    chain = Chain([Link(LEVEL.id, {RAW: "source"}, Tenfold())], [RAW])
    async with opened(tmp_path, chain=chain) as desk:
        await desk.recorder.begin()
        await desk.recorder.sample(Sample((RAW,), (0.1,)))
        await desk.recorder.sample(Sample((RAW,), (0.4,)))
        await desk.recorder.drain()
        _described, (_, alarm), (_, values) = await desk.parcels()
    assert [event.data["value"] for event in alarm.events] == [4.0]
    assert [(table.datastreams, table.columns) for table in values.tables] == [((LEVEL.id,), [[1.0, 4.0]])]


async def test_where_to_read_on_is_told_when_what_was_read_is_committed_and_not_before(tmp_path: Path) -> None:
    cursors: dict[str, str] = {}
    async with opened(tmp_path, cursors=cursors) as desk:
        await desk.recorder.begin()
        await desk.recorder.sample(Sample(NAMES, (1.0,), device_time_us=5, cursor="5"), "logger-1")
        await desk.recorder.sample(Sample(NAMES, (2.0,), device_time_us=6, cursor="6"), "logger-1")
        await desk.recorder.sample(Sample((), (), cursor="nothing new"), "logger-2")
        await desk.recorder.sample(Sample((), (), cursor="x" * 1000), "logger-3")
        await desk.recorder.sample(Sample((), (), cursor="\udcff"), "logger-3")
        await desk.recorder.sample(Sample((), (), cursor=7), "logger-3")  # type: ignore[arg-type]
        assert (cursors, await desk.outbox.cursors()) == ({}, {})
        await desk.recorder.drain()
        assert cursors == await desk.outbox.cursors() == {"logger-1": "6", "logger-2": "nothing new"}
        _described, (_, values) = await desk.parcels()
    assert values.tables[0].times_us == [5, 6]


async def test_a_cursor_alone_is_committed_as_soon_as_a_value_is(tmp_path: Path) -> None:
    async with opened(tmp_path, seal_s=0.01) as desk:
        await desk.recorder.begin()
        desk.committed.clear()
        running = asyncio.create_task(desk.recorder.run())
        await desk.recorder.sample(Sample((), (), cursor="9"), "logger-1")
        desk.now_s += 1
        await desk.commits()
        assert await desk.outbox.cursors() == {"logger-1": "9"}
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_is_history_is_stored_and_raises_nothing(desk: Desk) -> None:
    await desk.recorder.sample(Sample(NAMES, (9.0,), device_time_us=5, history=True))
    await desk.recorder.drain()
    *_, (_, last) = await desk.parcels()
    assert (last.tables[0].columns, await desk.outbox.conditions()) == ([[9.0]], [])
    await desk.recorder.sample(Sample(NAMES, (9.0,), device_time_us=6))
    await desk.recorder.drain()
    assert len(await desk.outbox.conditions()) == 1


TIMED = Datastream(
    id="river-1.level",
    thing="river-1",
    observed_property="water_level",
    unit="m",
    device_time=True,
    device_clock=DeviceClock(zone="UTC", quality="synchronised"),
)


@contextlib.asynccontextmanager
async def well_timed(folder: Path, *, synchronised: bool = True) -> AsyncIterator[Desk]:
    """A recorder of a gauge that knows the time, on a gateway that knows it too."""
    async with opened(folder, datastream=TIMED) as desk:
        desk.synchronised = synchronised
        desk.now_us += 60_000_000
        await desk.recorder.begin()
        yield desk


async def floods(desk: Desk, ages_s: Iterable[float], every_s: float) -> list[bool]:
    """Let records of a flood come, each so old; return after which of them the alarm stood."""
    stood = []
    for age_s in ages_s:
        desk.now_us += round(every_s * 1e6)
        desk.now_s += every_s
        await desk.recorder.sample(Sample(NAMES, (9.0,), device_time_us=desk.now_us - round(age_s * 1e6)))
        await desk.recorder.drain()
        stood.append(bool(await desk.outbox.conditions()))
    return stood


async def test_what_a_broker_kept_for_hours_raises_no_alarm_and_what_is_of_now_does(tmp_path: Path) -> None:
    async with well_timed(tmp_path) as desk:
        kept = [6 * 3600 - 120.0 * place for place in range(180)]
        assert await floods(desk, kept, 0.01) == [age_s <= 300 for age_s in kept]


async def test_a_gauge_whose_clock_is_behind_is_heard_after_a_minute(tmp_path: Path) -> None:
    async with well_timed(tmp_path / "often") as desk:
        assert (await floods(desk, [900.0] * 10, 10.0)).index(True) == 6
    async with well_timed(tmp_path / "hourly") as desk:
        assert await floods(desk, [900.0] * 3, 3600.0) == [False, True, True]


async def test_records_with_and_without_a_time_are_reckoned_by_one_clock(tmp_path: Path) -> None:
    written = {"id": "river-1.flow", "kind": "traffic_flow", "source": "river-1.level", "window_s": 10}
    counter = replace(TIMED, unit="{veh}")
    link, made = computed("derivation[0]", TypeAdapter(Derivation).validate_python(written), {counter.id: counter})
    async with opened(tmp_path, datastream=counter, chain=Chain([link])) as desk:
        for second in range(30):
            desk.now_us, desk.now_s = desk.now_us + 1_000_000, desk.now_s + 1.0
            told_us = desk.now_us if second % 3 else None
            await desk.recorder.sample(Sample(NAMES, (2.0 * second,), device_time_us=told_us))
        await desk.recorder.drain()
        flows = [
            value
            for _name, parcel in await desk.parcels()
            for table in parcel.tables
            for name, column in zip(table.datastreams, table.columns, strict=True)
            for value in column
            if name == made.id
        ]
    assert flows == pytest.approx([7200.0] * 20)


async def test_a_gateway_that_does_not_know_the_time_judges_every_record(tmp_path: Path) -> None:
    async with well_timed(tmp_path, synchronised=False) as desk:
        assert await floods(desk, [6 * 3600.0], 1.0) == [True]


async def test_a_full_parcel_does_not_wait_for_its_time(desk: Desk) -> None:
    for _ in range(8_000):
        await desk.recorder.sample(Sample(NAMES, (1.0,)))
    await desk.commits()
    assert (await desk.outbox.figures()).observations_committed >= 8_000


async def test_a_picture_goes_behind_its_event_in_a_parcel_of_its_own(desk: Desk) -> None:
    event = Event(
        id="event-cam-1",
        type="security.intrusion",
        source="cam-1",
        subject="bridge",
        time_us=1,
        phase=Phase.OCCURRED,
        severity=Severity.MODERATE,
    )
    picture = Evidence(
        id="picture-1", event=event.id, source="cam-1", time_us=1, width_px=1, height_px=1, content=b"jpeg"
    )
    desk.recorder.event(event, [picture])
    await desk.commits()
    *_, (_, alarm), (_, shown) = await desk.parcels()
    assert alarm.events == [event]
    assert shown.evidence == [picture]


async def test_a_clock_set_back_begins_an_epoch_with_descriptions_of_its_own(desk: Desk) -> None:
    await desk.recorder.sample(Sample(NAMES, (1.0,)))
    old_us = desk.now_us
    desk.now_us -= HOUR_US
    await desk.recorder.sample(Sample(NAMES, (2.0,)))
    await desk.recorder.drain()
    parcels = await desk.parcels()
    epochs = list(dict.fromkeys(name.epoch for name, _ in parcels))
    assert len(epochs) == 2
    before = [parcel for name, parcel in parcels if name.epoch == epochs[0]]
    after = [parcel for name, parcel in parcels if name.epoch == epochs[1]]
    assert before[-1].tables[0].times_us == [old_us + 1]
    assert after[0].datastreams == [LEVEL]
    assert after[1].tables[0].times_us == [old_us - HOUR_US]
    assert before[0].epoch_number != after[0].epoch_number


async def test_what_is_read_while_a_new_epoch_begins_waits_no_longer_than_anything_else(tmp_path: Path) -> None:
    async with opened(tmp_path, seal_s=0.01) as desk:
        await desk.recorder.begin()
        await desk.recorder.sample(Sample(NAMES, (1.0,)))
        desk.now_us -= HOUR_US
        await desk.recorder.sample(Sample(NAMES, (2.0,)))
        running = asyncio.create_task(desk.recorder.run())
        committed: list[object] = []
        while committed != [1.0, 2.0]:
            desk.now_s += 0.02
            await desk.commits()
            committed = [parcel.tables[0].columns[0][0] for _, parcel in await desk.parcels() if parcel.tables]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_commands_state_and_describe_again(desk: Desk) -> None:
    await desk.recorder.sample(Sample(NAMES, (9.0,)))
    await desk.commits()
    desk.recorder.restate()
    await desk.commits()
    *_, (_, last) = await desk.parcels()
    assert [(event.condition, event.restated) for event in last.events] == [("river-1.alarm", True)]
    desk.recorder.describe()
    await desk.commits()
    *_, (_, last) = await desk.parcels()
    assert last.datastreams == [LEVEL]


async def test_a_doubt_of_the_cloud_is_answered_when_our_own_words_have_come(desk: Desk) -> None:
    await desk.recorder.sample(Sample(NAMES, (9.0,)))
    await desk.commits()
    known = len(await desk.parcels())
    stands = Doubt(condition="river-1.alarm")
    camera = Doubt(condition="cam-1.gate.intrusion", type="security.intrusion", subject="gate")
    desk.recorder.heed(0, [stands, camera])
    desk.recorder.describe()
    await desk.commits()
    assert len(await desk.parcels()) == known + 1, "what we said is still under way"
    await settle_everything(desk)
    desk.recorder.heed(0, [stands, camera])
    await desk.commits()
    ((_, said),) = await desk.parcels()
    assert [(event.condition, event.phase, event.restated) for event in said.events] == [
        ("river-1.alarm", Phase.RAISED, True),
        ("cam-1.gate.intrusion", Phase.CLEARED, False),
    ]
    assert said.events[1].subject == "gate"


async def test_epochs_behind_what_the_cloud_knows_are_left_behind(desk: Desk) -> None:
    await desk.recorder.sample(Sample(NAMES, (9.0,)))
    await desk.commits()
    await settle_everything(desk)
    known = desk.outbox.epoch.order + 1_000_000
    desk.recorder.heed(known, ())
    async with asyncio.timeout(10):
        while desk.outbox.epoch.order <= known or not (await desk.parcels())[-1][1].events:
            await desk.commits()
    waiting = [parcel for name, parcel in await desk.parcels() if name.epoch == desk.outbox.epoch.epoch]
    described, said = waiting
    assert described.datastreams == [LEVEL]
    assert [(event.condition, event.restated) for event in said.events] == [("river-1.alarm", True)]
    epoch = desk.outbox.epoch
    for order in (epoch.order + 5, 2**62 - 1):
        desk.recorder.heed(order, ())
        desk.recorder.describe()
        await desk.commits()
        assert desk.outbox.epoch == epoch, "not at once again, and never for an order that leaves no room above it"


async def settle_everything(desk: Desk) -> None:
    for name, _ in await desk.parcels():
        await desk.outbox.settle(name.epoch, RangeSet([(name.seq, name.seq)]))


async def test_a_cameras_reading_is_stamped_by_its_age(desk: Desk) -> None:
    await desk.recorder.stamped_reading(Reading(desk.now_us - 5_000_000, ("cam-1.line.forward",), (3,)))
    await desk.recorder.drain()
    *_, (_, last) = await desk.parcels()
    (time_us,) = last.tables[0].times_us
    assert abs(desk.now_us - 5_000_000 - time_us) < 1000


async def test_what_stood_before_a_start_is_stated_again_after_the_descriptions(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        await desk.recorder.begin()
        await desk.recorder.sample(Sample(NAMES, (9.0,)))
        await desk.recorder.drain()
        old = {name for name, _ in await desk.parcels()}
    async with opened(tmp_path) as desk:
        await desk.recorder.begin()
        new = [parcel for name, parcel in await desk.parcels() if name not in old]
    assert new[0].datastreams == [LEVEL]
    assert [(event.condition, event.restated) for event in new[-1].events] == [("river-1.alarm", True)]


async def test_a_disk_that_refuses_costs_nothing_that_was_read(desk: Desk) -> None:
    store = desk.outbox._store
    assert isinstance(store, Shelter)
    assert store._disk is not None
    store._disk._database.execute("PRAGMA query_only = 1")
    moves: list[str] = []
    desk.outbox.on_move = lambda: moves.append(desk.outbox.trouble)
    await desk.recorder.sample(Sample(NAMES, (9.0,)))
    await desk.recorder.drain()
    assert len(moves) == 1
    assert moves[0]
    found = await desk.parcels()
    new = [parcel for name, parcel in found if name.epoch == desk.outbox.epoch.epoch]
    assert new[0].datastreams == [LEVEL]
    assert [event.type for parcel in new for event in parcel.events] == ["flood.level_high"]
    assert [parcel.tables[0].columns for parcel in new if parcel.tables] == [[[9.0]]]
    store._disk._database.execute("PRAGMA query_only = 0")


async def test_what_only_the_disk_remembered_is_told_when_it_is_found(tmp_path: Path) -> None:
    folder, away = tmp_path / "data", tmp_path / "away"
    folder.mkdir()
    async with opened(folder) as desk:
        await desk.recorder.begin()
        await desk.recorder.sample(Sample(NAMES, (9.0,)))
        assert await desk.recorder.standing() == {"river-1.alarm"}
    folder.rename(away)
    folder.write_text("in the way", encoding="utf-8")
    found: list[Collection[str]] = []
    async with opened(folder, on_found=found.append) as desk:
        await desk.recorder.begin()
        assert await desk.recorder.standing() == set()
        folder.unlink()
        away.rename(folder)
        store = desk.outbox._store
        assert isinstance(store, Shelter)
        store._next_look_s = 0.0
        await desk.recorder._tend(1.0)
        assert not desk.outbox.trouble
        assert found == [{"river-1.alarm"}]
        assert await desk.recorder.standing() == {"river-1.alarm"}


async def test_losses_merge_while_there_is_no_link_and_travel_when_there_is(desk: Desk) -> None:
    lost = LossRecord(id="loss-0001", cause=LossCause.CORRUPT, ranges=(), first_us=1, last_us=2)
    await desk.outbox.within(lambda database: put_down(database, lost))
    desk.now_s += 10
    desk.recorder.describe()
    await desk.commits()
    assert not any(parcel.losses for _, parcel in await desk.parcels())
    desk.link_is_up = True
    desk.now_s += 10
    desk.recorder.describe()
    await desk.commits()
    while not any(parcel.losses for _, parcel in await desk.parcels()):
        await desk.commits()
    assert await desk.outbox.losses() == []
