"""Which camera counts a clip's lines where the detector knows nothing of what moves."""

import pytest

from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.evaluation import run, straight_down
from haechi.edge.vision.evaluation.truth import LineTruth, QuietTruth, Truth
from haechi.edge.vision.labels import Label


def line(name: str, *classes: Label) -> LineTruth:
    written = {"name": name, "a": (0, 0.5), "b": (1, 0.5), "forward": 1, "backward": 0}
    return LineTruth.model_validate(written | ({"classes": classes} if classes else {}))


@pytest.mark.parametrize(
    ("lines", "called"),
    [
        ([line("all")], "car"),
        ([line("people", "person")], "person"),
        ([line("all"), line("wheels", "bicycle", "bus")], "bicycle"),
    ],
)
def test_what_moves_is_called_what_every_line_counts(lines: list[LineTruth], called: str) -> None:
    truth = Truth(tuple(lines), (QuietTruth(),))
    found = straight_down.camera_for(*_scene(truth))
    assert found is not None
    camera, judged_by = found
    assert (camera.detector.model, camera.detector.moving_class, camera.zones) == ("background", called, ())
    assert judged_by == Truth(truth.lines)


@pytest.mark.parametrize("lines", [(), (line("people", "person"), line("cars", "car"))])
def test_where_no_one_name_does_nothing_is_counted(lines: tuple[LineTruth, ...]) -> None:
    assert straight_down.camera_for(*_scene(Truth(lines, (QuietTruth(),)))) is None


def _scene(truth: Truth) -> tuple[CameraConfig, Truth, dict[str, str]]:
    camera, names = run.scene("clip.mp4", truth, None)
    return camera, truth, names
