"""Records that bring a time of their own: what is of now raises alarms, what was kept for hours does not."""

import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from msgspec.structs import replace
from pydantic import TypeAdapter

from haechi.contract.places import Datastream, DeviceClock
from haechi.edge.derivations.chain import Chain
from haechi.edge.derivations.config import Derivation
from haechi.edge.derivations.planning import computed
from haechi.sdk.sample import Sample
from support.recorder_desk import NAMES, Desk, opened


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
