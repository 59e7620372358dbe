"""Clips that people ask for: they reach their camera as old as they are, or the one who asked learns why not."""

from haechi.contract.control import Command
from haechi.edge.clips import ClipOrders, MissedClips
from haechi.edge.vision.config import CameraConfig

NOW_US = 1_800_000_000_000_000
CAMERA = CameraConfig(id="cam-1", url="clip.mp4", place="bridge")


def orders() -> tuple[ClipOrders, MissedClips]:
    missed = MissedClips(lambda: NOW_US)
    return ClipOrders([CAMERA], lambda: NOW_US, missed), missed


def asked(event: str, *, camera: str = "cam-1", at_us: int = NOW_US) -> Command:
    return Command(id=f"c-{event}", name="clip", expires_us=NOW_US, thing=camera, event=event, at_us=at_us)


async def test_it_reaches_its_camera_as_old_as_it_is() -> None:
    clips, missed = orders()
    clips.take(asked("e-1", at_us=NOW_US - 7_500_000))
    wanted = await clips.of(CAMERA).next()
    assert (wanted.event, wanted.asked) == ("e-1", True)
    assert 7.5 <= wanted.age_s < 60
    assert not missed.newest


def test_of_a_camera_that_is_not_here_it_is_told() -> None:
    clips, missed = orders()
    clips.take(asked("e-1", camera="cam-9"))
    (told,) = missed.newest
    assert (told.event, told.at_us, told.reason) == ("e-1", NOW_US, "there is no camera cam-9 here")


def test_of_too_many_at_a_time_the_oldest_is_told() -> None:
    clips, missed = orders()
    for number in range(10):
        clips.take(asked(f"e-{number}"))
    assert [told.event for told in missed.newest] == ["e-0", "e-1"]
    assert missed.newest[0].reason == "too many clips are asked for at a time"
