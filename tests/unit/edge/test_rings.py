"""What does not travel is kept for a while, and cut out when a rule raised; neither memory nor disk grow."""

import asyncio
import os
from pathlib import Path

from haechi.contract.events import Event, Phase, Severity
from haechi.contract.observations import Reading
from haechi.edge.rings import FILES_MAX, Cutting, Ring, Rings, write

NAME = "shake-1.ehz"


def event(datastream: str = "shake-1.ratio", *, restated: bool = False, phase: Phase = Phase.RAISED) -> Event:
    return Event(
        id="event-00001",
        type="hazard.earthquake",
        source="shake-1",
        subject="bridge",
        time_us=77,
        phase=phase,
        condition="shake-1.quake",
        severity=Severity.SEVERE,
        datastream=datastream,
        restated=restated,
    )


def rings(now_s: list[float], values_max: int = 3) -> Rings:
    return Rings({NAME: Ring(values_max, 20.0, frozenset({NAME, "shake-1.ratio"}))}, lambda: now_s[0])


def feed(kept: Rings, count: int) -> None:
    for place in range(count):
        kept.take(Reading(place, ("shake-1.other", NAME), (0.0, float(place))))


def test_the_last_values_are_cut_out_some_time_after_a_rule_raised_on_what_shows_them() -> None:
    now_s = [0.0]
    kept = rings(now_s)
    feed(kept, 10)
    kept.heed([event()])
    assert kept.due() == []
    now_s[0] = 20.0
    assert kept.due() == [Cutting(NAME, "hazard.earthquake", 77, ((7, 7.0), (8, 8.0), (9, 9.0)))]
    assert kept.due() == []


def test_what_is_stated_again_cleared_or_about_something_else_cuts_nothing() -> None:
    now_s = [0.0]
    kept = rings(now_s)
    feed(kept, 10)
    kept.heed([event(restated=True), event(phase=Phase.CLEARED), event("river-1.level")])
    now_s[0] = 100.0
    assert kept.due() == []


def test_the_newest_files_are_kept(tmp_path: Path) -> None:
    for time_us in range(FILES_MAX + 3):
        path = write(tmp_path / "rings", Cutting(NAME, "hazard.earthquake", time_us, ((1, 2.5), (2, 3))))
    names = {path.name for path in (tmp_path / "rings").iterdir()}
    assert names == {f"{time_us}-{NAME}.csv" for time_us in range(3, FILES_MAX + 3)}
    assert path.read_text(encoding="utf-8").splitlines()[1:] == ["1,2.5", "2,3"]


def test_files_of_a_clock_that_stood_in_the_future_make_room_too(tmp_path: Path) -> None:
    wrong_us, true_us = 9_999_999_999_000_000, 1_700_000_000_000_000
    for place in range(FILES_MAX):
        os.utime(write(tmp_path, Cutting(NAME, "hazard.earthquake", wrong_us + place, ())), (1e9, 1e9))
    (tmp_path / f"5-{NAME}.new").write_text("half", encoding="utf-8")
    kept = {write(tmp_path, Cutting(NAME, "hazard.earthquake", true_us + place, ())) for place in range(FILES_MAX)}
    assert set(tmp_path.iterdir()) == kept


async def test_a_folder_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "rings").write_text("in the way", encoding="utf-8")
    now_s = [0.0]
    kept = rings(now_s)
    kept.heed([event()])
    now_s[0] = 100.0
    running = asyncio.create_task(kept.run(tmp_path / "rings"))
    async with asyncio.timeout(10):
        while kept._wanted:  # noqa: ASYNC110 - it looks once a second
            await asyncio.sleep(0.02)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
