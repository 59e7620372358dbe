"""A camera that is turned away, as a PTZ camera is by whoever steers it: its rules rest until it looks back."""

import numpy as np
import pytest
from numpy.typing import NDArray

from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.detection import Detection
from haechi.edge.vision.geometry import Point
from haechi.edge.vision.looking import Looker
from haechi.edge.vision.picture import Drawn
from support.moving import seen

CAMERA = CameraConfig.model_validate(
    {
        "id": "cam-1",
        "url": "clip.mp4",
        "place": "bridge",
        "motion": {"enabled": False},
        "lines": [{"name": "gate", "a": (0, 0.65), "b": (1, 0.65)}],
        "zones": [{"name": "street", "kind": "intrusion", "polygon": [(0, 0), (1, 0), (1, 1), (0, 1)]}],
    }
)


def view(seed: int) -> NDArray[np.uint8]:
    return np.kron(np.random.default_rng(seed).integers(40, 180, (18, 32)), np.ones((20, 20))).astype(np.uint8)


class Somebody:
    """A detector to which somebody is there from a time on."""

    input_px = None
    now_s = 0.0

    def __init__(self, from_s: float, until_s: float = float("inf")) -> None:
        self._from_s, self._until_s = from_s, until_s

    def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
        # Down the picture, over the line, and there again: everything that a rule may ask for.
        at = Point(0.5, 0.4 + 0.1 * (self.now_s % 5))
        return [seen(at)] if self._from_s < self.now_s <= self._until_s else []


@pytest.mark.parametrize("from_s", [45, 26])
def test_rules_rest_while_it_is_turned_away_and_work_when_it_looks_back(from_s: float) -> None:
    """From the first second on: that it was turned is told only when that has lasted."""
    detector = Somebody(from_s)
    looker = Looker(CAMERA, detector)
    faults, events, crossings = [], [], []
    for n in range(5 * 90):
        now_s = detector.now_s = n / 5
        scene = view(5) if 25 <= now_s < 60 else view(1)
        look = looker.look(Drawn(np.dstack([scene] * 3)), now_s)
        faults += [(change.fault, change.raised, round(now_s)) for change in look.faults]
        events += [round(now_s) for change in look.changes if change.raised]
        crossings += [now_s for _crossing in look.crossings]
    (turned, back) = faults
    assert turned[:2] == ("moved", True)
    assert 25 < turned[2] < 45
    assert back[:2] == ("moved", False)
    assert 60 <= back[2] < 66
    assert len(events) == 1
    assert events[0] >= 60
    assert min(crossings) >= 60


def test_what_comes_in_front_of_half_the_view_for_seconds_delays_what_is_told_and_loses_nothing() -> None:
    detector = Somebody(24.5, 40)
    looker = Looker(CAMERA, detector)
    events, crossings = [], []
    for n in range(5 * 60):
        now_s = detector.now_s = n / 5
        scene = view(5) if 25 <= now_s < 32 else view(1)
        look = looker.look(Drawn(np.dstack([scene] * 3)), now_s)
        assert not look.faults
        assert look.watched == (not 25 <= now_s < 32)
        events += [(round(now_s), change.raised) for change in look.changes]
        crossings += [now_s for _crossing in look.crossings]
    (raised, cleared) = events
    assert 32 <= raised[0] < 36
    assert (raised[1], cleared[1]) == (True, False)
    assert min(crossings) == pytest.approx(32), "held, not lost"
    assert len(crossings) == 3
