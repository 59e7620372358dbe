"""What a truth may look like, and the one line for what it may not."""

from pathlib import Path

import pytest

from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.evaluation import run, truth
from haechi.edge.vision.evaluation.truth import Times, Truth, TruthError
from haechi.edge.vision.geometry import Box

LINE = """
[[line]]
name = "West Road"
a = [0.0, 0.5]
b = [1.0, 0.5]
forward = 2
backward = 1
"""


def read(tmp_path: Path, text: str, name: str = "truth.toml") -> Truth:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return truth.read(path)


def test_lines_and_quiet(tmp_path: Path) -> None:
    known = read(tmp_path, LINE + "times = [1.5, 2.5, 9.0]\n\n[[quiet]]\nname = 'night'\n")
    (line,), (quiet,) = known.lines, known.quiet
    assert (line.name, line.forward, line.backward, line.times) == ("West Road", 2, 1, (1.5, 2.5, 9.0))
    assert (quiet.name, quiet.from_s, quiet.to_s) == ("night", 0, None)
    assert known.frames is None


def test_times_by_direction(tmp_path: Path) -> None:
    (line,) = read(tmp_path, LINE + "times = {forward = [1, 2], backward = [9]}\n").lines
    assert line.times == Times(forward=(1, 2), backward=(9,))


def test_mot_of_2016_and_later(tmp_path: Path) -> None:
    text = "1,7,11,21,30,60,1,1,0.9\n1,8,1,1,5,5,0,1,1\n1,9,1,1,5,5,1,3,1\n2,9,1,1,5,5,0,12,1\n\n"
    frames = read(tmp_path, text, "gt.txt").frames
    assert frames is not None
    assert [(box.id, box.box_px, box.asked) for box in frames[1]] == [(7, Box(10, 20, 40, 80), True)]
    assert [(box.id, box.asked) for box in frames[2]] == [(9, False)]


def test_a_class_without_a_visibility_counts_as_well(tmp_path: Path) -> None:
    frames = read(tmp_path, "1,1,10,10,20,60,1,1\n1,2,90,10,20,60,1,3\n", "gt.txt").frames
    assert frames is not None
    assert [box.id for box in frames[1]] == [1]


def test_mot_of_2015(tmp_path: Path) -> None:
    frames = read(tmp_path, "1,1,912,484,97,109,1,-1,-1,-1\n2,1,912,484,97,109,0,12.5,7,-1\n", "gt.txt").frames
    assert frames is not None
    assert list(frames) == [1]


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("", "t.toml", "expected [[line]] or [[quiet]]"),
        ("line = ", "t.toml", "is not TOML"),
        (LINE.replace("forward = 2", "forward = -2"), "t.toml", "line[0].forward = -2"),
        (LINE.replace("a = [0.0", "a = [1.5"), "t.toml", "line[0].a[0] = 1.5"),
        (LINE + "colour = 'red'", "t.toml", "line[0].colour: there is no such key"),
        (LINE + LINE, "t.toml", "West Road is used twice"),
        ("1,2,3\n", "gt.txt", "line 1: expected frame,id"),
        ("1,7,11,21,30,60,1,1,0.9\n1,7,nan,21,30,60,1,1,0.9\n", "gt.txt", "line 2: expected frame,id"),
        ("1,7,11,21,inf,60,1,1,0.9\n", "gt.txt", "line 1: expected frame,id"),
        ("not a truth\n", "gt.txt", "line 1: expected frame,id"),
        ("0,7,11,21,30,60,1,1,0.9\n", "gt.txt", "frames counted from 1"),
        ("1,7,11,21,30,60,1,nan,0.9\n", "gt.txt", "line 1: expected frame,id"),
        ("1,7,11,21,30,60,1,inf,0.9\n", "gt.txt", "line 1: expected frame,id"),
        ("1,-1,11,21,30,60,1\n1,-1,90,21,30,60,1\n", "gt.txt", "line 2: person -1 stands twice in frame 1"),
        ("[[quiet]]\nfrom_s = 60\nto_s = 10\n", "t.toml", "quiet[0]: expected from_s to lie before to_s"),
        (LINE + "times = [-1.0]", "t.toml", "line[0].times[0] = -1.0: expected greater"),
        ("", "gt.txt", "names no person"),
    ],
)
def test_what_is_no_truth(tmp_path: Path, text: str, name: str, said: str) -> None:
    with pytest.raises(TruthError) as caught:
        read(tmp_path, text, name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_truth_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="cannot be read"):
        truth.read(tmp_path / "none.toml")
    (tmp_path / "gt.txt").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(TruthError, match="UTF-8"):
        truth.read(tmp_path / "gt.txt")


def test_without_a_camera_the_lines_of_the_truth_are_the_scene(tmp_path: Path) -> None:
    config, names = run.scene("/clip.mp4", read(tmp_path, LINE), None)
    (line,) = config.lines
    assert (line.a, line.b, names) == ((0.0, 0.5), (1.0, 0.5), {"West Road": line.name})
    assert not config.zones


def test_a_camera_is_judged_by_its_own_lines(tmp_path: Path) -> None:
    camera = CameraConfig.model_validate(
        {"id": "cam-1", "url": "rtsp://host/x", "place": "p", "lines": [{"name": "gate", "a": (0, 0.5), "b": (1, 0.5)}]}
    )
    with pytest.raises(TruthError, match="West Road: camera cam-1 has no such line; it has: gate"):
        run.scene("/clip.mp4", read(tmp_path, LINE), camera)
    gate = read(tmp_path, "[[line]]\nname = 'gate'\nforward = 1\nbackward = 0\n")
    config, names = run.scene("/clip.mp4", gate, camera)
    assert (config.url, config.lines, names) == ("/clip.mp4", camera.lines, {"gate": "gate"})


def test_a_line_may_count_what_no_camera_looks_for_unless_asked(tmp_path: Path) -> None:
    config, _names = run.scene("/clip.mp4", read(tmp_path, LINE + "classes = ['suitcase']"), None)
    assert config.lines[0].classes == ("suitcase",)
    assert {"person", "suitcase"} <= set(config.classes)


def test_a_line_needs_a_place_in_the_picture(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="a and b are missing"):
        run.scene("/clip.mp4", read(tmp_path, "[[line]]\nname = 'gate'\nforward = 1\nbackward = 0\n"), None)
    with pytest.raises(TruthError, match="the same point"):
        run.scene("/clip.mp4", read(tmp_path, LINE.replace("b = [1.0", "b = [0.0")), None)
