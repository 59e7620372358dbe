"""A camera that is turned away, as a PTZ camera is by whoever steers it: its rules rest until it looks back."""

import numpy as np
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
        "zones": [{"name": "street", "kind": "intrusion", "polygon": [(0, 0), (1, 0), (1, 1), (0, 1)]}],
    }
)


def view(seed: int) -> NDArray[np.uint8]:
    return np.kron(np.random.default_rng(seed).integers(40, 180, (18, 32)), np.ones((20, 20))).astype(np.uint8)


class Somebody:
    """A detector to which somebody is there from a time on."""

    input_px = None
    now_s = 0.0

    def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
        return [seen(Point(0.5, 0.9))] if self.now_s > 45 else []


def test_rules_rest_while_it_is_turned_away_and_work_when_it_looks_back() -> None:
    detector = Somebody()
    looker = Looker(CAMERA, detector)
    faults, events = [], []
    for n in range(5 * 90):
        now_s = detector.now_s = n / 5
        scene = view(5) if 25 <= now_s < 60 else view(1)
        look = looker.look(Drawn(np.dstack([scene] * 3)), now_s)
        faults += [(change.fault, change.raised, round(now_s)) for change in look.faults]
        events += [round(now_s) for change in look.changes if change.raised]
    (turned, back) = faults
    assert turned[:2] == ("moved", True)
    assert 25 < turned[2] < 45
    assert back[:2] == ("moved", False)
    assert 60 <= back[2] < 66
    assert len(events) == 1
    assert events[0] >= 60
