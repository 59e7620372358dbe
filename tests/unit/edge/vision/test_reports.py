"""What a camera's process says of its looks: what it counted while it watched, and pictures only after a search."""

import cv2
import numpy as np
import pytest

from haechi.edge.vision import evidence
from haechi.edge.vision.capture import Frame
from haechi.edge.vision.clips import People
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.looking import Look
from haechi.edge.vision.messages import Counts, Message, ViewChange, ZoneChange
from haechi.edge.vision.picture import Drawn
from haechi.edge.vision.reports import Reports
from haechi.edge.vision.scene import Crossing
from haechi.edge.vision.view import FaultChange
from haechi.edge.vision.zones import Change

START_US = 1_700_000_000_000_000
PICTURE = np.full((90, 160, 3), 90, np.uint8)
CAMERA = CameraConfig.model_validate(
    {
        "id": "cam-1",
        "url": "clip.mp4",
        "place": "bridge",
        "count_period_s": 1,
        "lines": [{"name": "gate", "a": (0, 0.5), "b": (1, 0.5)}],
    }
)


def reports(said: list[Message], people: People | None = None, camera: CameraConfig = CAMERA) -> Reports:
    return Reports(camera, said.append, people, seal=None, clock_us=lambda: START_US)


def frame(second: float) -> Frame:
    return Frame(Drawn(PICTURE), START_US + round(second * 1e6), second)


def look(*crossings: Crossing, watched: bool = True) -> Look:
    return Look(analysed=True, tracks=(), crossings=list(crossings), changes=[], people=[], watched=watched)


def test_what_was_counted_is_told_in_time_and_of_time_without_a_view_nothing() -> None:
    said: list[Message] = []
    of = reports(said)
    of.look(look(Crossing("gate", "forward", "person", 1)), frame(0.2))
    for second in (1.2, 2.2, 3.2):
        of.look(look(watched=False), frame(second))
    assert len(said) == 1
    of.look(look(), frame(4.2))
    of.rest()
    assert [(message.time_us - START_US, message.lines) for message in said if isinstance(message, Counts)] == [
        (1_000_000, {"gate": (1, 0)}),
        (5_000_000, {"gate": (0, 0)}),
    ]


@pytest.mark.parametrize(("people", "shown"), [(None, False), (lambda _picture: [], True)])
def test_a_picture_in_which_nobody_can_be_searched_for_is_not_shown(people: People | None, shown: bool) -> None:
    said: list[Message] = []
    reports(said, people).fault(FaultChange("covered", True, 0.0), frame(5.0), 5.0)
    (change,) = said
    assert isinstance(change, ViewChange)
    assert (change.lasted_s, change.snapshot is not None) == (5.0, shown)


def test_in_what_an_event_shows_the_heads_of_all_who_were_seen_or_searched_for_are_blurred() -> None:
    bank = {"name": "bank", "kind": "intrusion", "polygon": [(0.4, 0.9), (0.6, 0.9), (0.5, 0.99)]}
    camera = CameraConfig.model_validate(CAMERA.model_dump() | {"zones": [bank]})
    seen, searched, nobody = (Box(left, 0.2, left + 0.15, 0.9) for left in (0.05, 0.4, 0.75))
    noise = np.random.default_rng(1).integers(0, 255, (360, 640, 3), np.uint8)
    raised = Change("bank", raised=True, label="person", box=None, number=1, since_s=4.0)
    said: list[Message] = []
    reports(said, lambda _picture: [searched], camera).look(
        look()._replace(people=[seen], changes=[raised]), Frame(Drawn(noise), START_US, 5.0)
    )
    (snapshot,) = [message.snapshot for message in said if isinstance(message, ZoneChange)]
    assert snapshot is not None
    shown = cv2.imdecode(np.frombuffer(snapshot.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown is not None
    height_px, width_px = shown.shape[:2]

    def sharp(box: Box) -> float:
        left, top, right, bottom = evidence.head_px(box, width_px, height_px)
        head = shown[round(top) : round(bottom), round(left) : round(right)].astype(np.int16)
        return float(np.abs(np.diff(head, axis=1)).mean())

    assert max(sharp(seen), sharp(searched)) < 0.3 * sharp(nobody)


def test_a_flood_at_a_gauge_is_told_with_its_level() -> None:
    staff = {"name": "staff", "a": (0.4, 0.3), "b": (0.4, 0.9), "a_m": 2.0, "b_m": 0.5, "flood_m": 1.5}
    camera = CameraConfig.model_validate(CAMERA.model_dump() | {"gauges": [staff]})
    raised = Change("staff", raised=True, label=None, box=None, number=1, since_s=4.0, level_m=1.6)
    said: list[Message] = []
    reports(said, camera=camera).look(look()._replace(changes=[raised]), frame(5.0))
    assert [message.level_m for message in said if isinstance(message, ZoneChange)] == [1.6]
