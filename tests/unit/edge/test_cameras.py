"""What a camera tells goes into the gateway's status: how it is, and the clips that are not to come."""

from typing import Any

from haechi.contract.control import MISSED_CLIPS_MAX
from haechi.edge.cameras import CameraDesk, MissedClips
from haechi.edge.clock import WallClock
from haechi.edge.health import Health
from haechi.edge.vision.messages import CameraState
from haechi.edge.vision.messages import Health as CameraHealth

RECORDER: Any = None
NOW_US = 1_800_000_000_000_000


async def test_the_newest_missed_clips_are_told_at_once_and_counted() -> None:
    told: list[int] = []
    health, clock = Health(), WallClock(0, lambda: NOW_US, lambda: True)
    missed = MissedClips(clock)
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
