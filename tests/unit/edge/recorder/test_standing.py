"""What stands, over starts, doubts of the cloud and disks that fail."""

import asyncio
from collections.abc import Collection
from pathlib import Path

from haechi.contract.control import Doubt
from haechi.contract.events import Phase
from haechi.edge.outbox.shelter import Shelter
from haechi.sdk.sample import Sample
from support.recorder_desk import LEVEL, NAMES, Desk, opened, settle_everything


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
