"""A camera's real process that reads a gauge in pictures of a folder; and what a gateway makes of a retraction."""

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from haechi.contract.events import RETRACTS, Phase
from haechi.contract.observations import Observation, Quality
from haechi.edge.vision.config import CameraConfig
from support.cameras import Sink, camera, running

GAUGE: dict[str, Any] = {"name": "board", "a": (0.5, 0.1), "b": (0.5, 0.9), "a_m": 8.0, "b_m": 0.0}


def board(path: Path, water: float, light: float = 1.0) -> None:
    picture = np.full((200, 320, 3), 60 * light, np.uint8)
    picture[: round(water * 200), 130:190] = round(200 * light)
    cv2.imwrite(str(path.with_suffix(".part.png")), picture)
    path.with_suffix(".part.png").rename(path)


def weir(folder: Path, **changes: Any) -> CameraConfig:
    gauge = GAUGE | changes
    return camera(folder, lines=[], gauges=[gauge], picture_every_s=1, detector={"model": "none"})


def levels(sink: Sink) -> list[Observation]:
    return [one for reading in sink.readings for one in reading.observations()]


async def test_levels_come_from_pictures_as_they_are_uploaded(tmp_path: Path) -> None:
    board(tmp_path / "1.png", 0.5)
    async with running(weir(tmp_path, flood_m=5.0, min_duration_s=0)) as sink:
        await sink.until(lambda s: len(levels(s)) == 1)
        board(tmp_path / "2.png", 0.3)
        await sink.until(lambda s: len(levels(s)) == 2)
        board(tmp_path / "3.png", 0.3, light=0.02)
        await sink.until(lambda s: len(levels(s)) == 3)
        await sink.until(lambda s: len(s.events) == 1)
    first, second, third = levels(sink)
    assert {one.datastream for one in (first, second, third)} == {"cam-1.board.level"}
    assert isinstance(first.value, float)
    assert abs(first.value - 4.0) < 0.2
    assert (first.quality, second.quality, third.quality) == (Quality.GOOD, Quality.GOOD, Quality.UNCERTAIN)
    assert third.value == second.value
    ((flood, pictures),) = sink.events
    assert (flood.type, flood.phase, flood.condition) == (
        "flood.road_inundated",
        Phase.RAISED,
        "cam-1.board.flooded",
    )
    assert flood.data["unevaluated"] is True
    assert not pictures, "nobody looked for people in it, so it is not shown"


SAYS = """
import sys, time
from haechi.edge.vision.messages import CameraState, Health, ZoneChange, encoded
def say(message):
    sys.stdout.buffer.write(encoded(message)); sys.stdout.flush()
say(Health(state=CameraState.RUNNING))
say(ZoneChange(zone="bank", raised=True, time_us=1, lasted_s=1, label="person", number=1))
say(ZoneChange(zone="bank", raised=False, time_us=2, lasted_s=2, number=1, retracted=True))
say(Health(state=CameraState.ENDED))
"""


async def test_what_is_taken_back_names_the_event_that_it_takes_back() -> None:
    zone = {"name": "bank", "kind": "intrusion", "polygon": [(0, 0), (1, 0), (1, 1)]}
    # Without a detector there is no model to wait for; the process is ours and needs none.
    bare = camera("clip.mp4", lines=[], detector={"model": "none"})
    watched = bare.model_copy(update={"zones": camera("clip.mp4", zones=[zone]).zones})
    async with running(watched, command=(sys.executable, "-c", SAYS)) as sink:
        await sink.until(lambda s: len(s.events) == 2)
    (raised, _), (ended, _) = sink.events
    assert (raised.phase, ended.phase) == (Phase.RAISED, Phase.CLEARED)
    assert ended.condition == raised.condition
    assert ended.data[RETRACTS] == raised.id
    assert RETRACTS not in raised.data
