"""What a camera tells goes into the gateway's status: how it is, and the clips that are not to come."""

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest

from haechi.contract.control import MISSED_CLIPS_MAX
from haechi.edge.cameras import CameraDesk, let_originals_go
from haechi.edge.clips import MissedClips
from haechi.edge.clock import WallClock
from haechi.edge.config import GatewayConfig
from haechi.edge.health import Health
from haechi.edge.vision.messages import CameraState
from haechi.edge.vision.messages import Health as CameraHealth
from haechi.edge.vision.originals import Originals, listed, listed_everywhere
from support.cameras import GATEWAY

RECORDER: Any = None
NOW_US = 1_800_000_000_000_000


async def test_the_newest_missed_clips_are_told_at_once_and_counted() -> None:
    told: list[int] = []
    health, clock = Health(), WallClock(0, lambda: NOW_US, lambda: True)
    missed = MissedClips(clock.now_us)
    missed.on_change = lambda: told.append(len(missed.newest))
    desk = CameraDesk(RECORDER, clock, health, missed=missed)
    for number in range(MISSED_CLIPS_MAX + 2):
        await desk.clip_missed(f"event-{number}", "it was 95 s ago")
    assert [one.event for one in missed.newest] == [f"event-{number}" for number in range(2, MISSED_CLIPS_MAX + 2)]
    assert (missed.newest[0].at_us, missed.newest[0].reason) == (NOW_US, "it was 95 s ago")
    assert len(told) == MISSED_CLIPS_MAX + 2
    desk.status("cam-1", CameraHealth(state=CameraState.RUNNING), restarts=0)
    (component,) = health.components
    assert (component.counters["clips_made"], component.counters["clips_missed"]) == (0, MISSED_CLIPS_MAX + 2)


def test_which_detector_runs_is_told_while_nothing_else_is() -> None:
    health = Health()
    desk = CameraDesk(RECORDER, WallClock(0, lambda: NOW_US, lambda: True), health)
    said = "nanodet-g 256x416 fp32; a run takes 25 ms"
    for state, message, told in (
        (CameraState.RUNNING, "", f"detector {said}"),
        (CameraState.RUNNING, "decoding takes 90 % of a core", "decoding takes 90 % of a core"),
        (CameraState.LOST, "gives no pictures", "gives no pictures"),
        (CameraState.LOST, "", ""),
    ):
        desk.status("cam-1", CameraHealth(state=state, message=message, detector=said), restarts=0)
        assert health.components[0].detail == told


async def test_why_originals_are_not_kept_is_told_until_they_are(tmp_path: Path) -> None:
    health, clock = Health(), WallClock(0, lambda: NOW_US, lambda: True)
    folder = tmp_path / "originals" / "cam-1"
    desk = CameraDesk(RECORDER, clock, health, Originals(folder, bytes_max=100, days_max=7))
    desk.no_originals("cam-1", "city.pem: cannot be read")
    await desk.original("event-00001", bytes(200), NOW_US, "image/jpeg")
    key, disk = health.problems
    assert key == "cam-1: no originals are kept: city.pem: cannot be read"
    assert disk.startswith("cam-1: the original of event event-00001 is not kept: ")
    desk.no_originals("cam-1", "")
    await desk.original("event-00002", bytes(50), NOW_US, "image/jpeg")
    assert health.problems == ()
    assert [one.event for one in listed(folder)] == ["event-00002"]


async def test_old_originals_go_at_the_start_and_hourly(tmp_path: Path) -> None:
    """Of a camera that sees nothing new, and of one that keeps none any more."""
    config = GatewayConfig.model_validate(tomllib.loads(GATEWAY))
    config = config.model_copy(update={"gateway": config.gateway.model_copy(update={"data_dir": tmp_path})})
    store = Originals(tmp_path / "originals" / "cam-1", bytes_max=1000, days_max=1)
    store.keep(b"sealed", event="event-00001", time_us=NOW_US, media_type="image/jpeg", now_us=NOW_US)
    now_us, held, waits = [NOW_US], [], []

    async def pause(seconds: float) -> None:
        held.append(len(listed_everywhere(tmp_path / "originals")))
        now_us[0] += 2 * 86_400_000_000
        waits.append(seconds)
        if len(waits) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await let_originals_go(config, WallClock(0, lambda: now_us[0], lambda: True), pause)
    assert (held, waits) == ([1, 0, 0], [3600, 3600, 3600])
