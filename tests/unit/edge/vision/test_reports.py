"""What a camera's process says of its looks: what it counted while it watched, and pictures only after a search."""

import numpy as np
import pytest

from haechi.edge.vision.capture import Frame
from haechi.edge.vision.clips import People
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.looking import Look
from haechi.edge.vision.messages import Counts, Message, ViewChange
from haechi.edge.vision.picture import Drawn
from haechi.edge.vision.reports import Reports
from haechi.edge.vision.scene import Crossing
from haechi.edge.vision.view import FaultChange

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


def reports(said: list[Message], people: People | None = None) -> Reports:
    return Reports(CAMERA, said.append, people, seal=None, clock_us=lambda: START_US)


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
