"""The road into the outbox: order, epochs, what is committed at once and what may wait."""

import asyncio
from pathlib import Path

from haechi.contract.events import Event, Evidence, Phase, Severity
from haechi.contract.observations import Quality, Reading, Value
from haechi.contract.parcel import LossCause, LossRecord
from haechi.edge.derivations.chain import Chain, Link
from haechi.edge.derivations.computations import Moment, Result
from haechi.edge.outbox.eviction import put_down
from haechi.edge.outbox.shelter import Shelter
from haechi.sdk.sample import Sample
from support.recorder_desk import HOUR_US, LEVEL, NAMES, PLACE, RAW, THING, Desk, opened


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


async def test_a_cameras_reading_is_stamped_by_its_age(desk: Desk) -> None:
    await desk.recorder.stamped_reading(Reading(desk.now_us - 5_000_000, ("cam-1.line.forward",), (3,)))
    await desk.recorder.drain()
    *_, (_, last) = await desk.parcels()
    (time_us,) = last.tables[0].times_us
    assert abs(desk.now_us - 5_000_000 - time_us) < 1000


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
