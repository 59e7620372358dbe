"""Gauges read in single pictures and compared with what somebody read by eye."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from haechi.command import main
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.evaluation.levels import judge, listed, read_truth, report
from haechi.edge.vision.evaluation.truth import TruthError

CAMERA = CameraConfig.model_validate(
    {
        "id": "c",
        "place": "p",
        "url": "stills",
        "picture_every_s": 60,
        "detector": {"model": "none"},
        "gauges": [{"name": "board", "a": (0.5, 0.1), "b": (0.5, 0.9), "a_m": 8.0, "b_m": 0.0}],
    }
)


def board(path: Path, water: float, light: float = 1.0) -> Path:
    picture = np.full((200, 200, 3), 60 * light, np.uint8)
    picture[: round(water * 200), 80:120] = round(200 * light)
    cv2.imwrite(str(path), picture)
    return path


def test_what_is_told_is_compared_and_what_is_doubted_is_never_right(tmp_path: Path) -> None:
    board(tmp_path / "a.png", 0.5)
    board(tmp_path / "b.png", 0.3)
    board(tmp_path / "c.png", 0.4, light=0.05)
    (tmp_path / "truth.toml").write_text(
        '[[level]]\npicture = "a.png"\nrow = 0.5\n'
        '[[level]]\npicture = "b.png"\ngauge = "board"\nlevel_m = 4.0\n'
        '[[level]]\npicture = "c.png"\nrow = 0.4\n'
    )
    made = report(judge(CAMERA, listed([tmp_path]), read_truth(tmp_path / "truth.toml")))
    assert [made[key] for key in ("told", "uncertain", "with_truth", "right", "wrong")] == [2, 1, 3, 1, 1]
    first, second, third = made["pictures"]
    assert first["level_m"] == pytest.approx(4.0, abs=0.1)
    assert second["error"] == pytest.approx(0.2, abs=0.01)
    assert (third["level_m"], third["quality"], third["doubt"]) == (None, "uncertain", "dark")


def test_the_command_tells_levels_and_doubts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board(tmp_path / "a.png", 0.5)
    board(tmp_path / "b.png", 0.5, light=0.05)
    (tmp_path / "truth.toml").write_text('[[level]]\npicture = "a.png"\nrow = 0.5\n')
    (tmp_path / "gateway.toml").write_text(
        """
        [gateway]
        id = "g"
        tenant = "t"
        data_dir = "state"
        [uplink]
        url = "mqtt://127.0.0.1:1883"
        [[place]]
        id = "p"
        name = "P"
        latitude = 0
        longitude = 0
        [[camera]]
        id = "c"
        place = "p"
        url = "."
        picture_every_s = 60
        detector.model = "none"
        [[camera.gauges]]
        name = "board"
        a = [0.5, 0.1]
        b = [0.5, 0.9]
        a_m = 8
        b_m = 0
        """
    )
    config, truth, out = tmp_path / "gateway.toml", tmp_path / "truth.toml", tmp_path / "out.json"
    words = ["camera", "levels", str(tmp_path), "--config", str(config), "--truth", str(truth), "--json", str(out)]
    assert main(words) == 0
    told = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"a\.png, board: [34]\.\d{3} m", told[0])
    assert told[1:3] == ["b.png, board: uncertain: dark", "1 told, 1 uncertain"]
    assert told[3].startswith("1 with a truth: 1 right")
    assert json.loads(out.read_text())["wrong"] == 0
    assert main([*words[:3], "--config", str(config), "--camera", "nobody"]) == 2


def test_what_cannot_be_judged_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="no pictures"):
        listed([tmp_path])
    (tmp_path / "x.jpg").write_bytes(b"text")
    with pytest.raises(TruthError, match="is not a picture"):
        judge(CAMERA, [tmp_path / "x.jpg"])
    with pytest.raises(TruthError, match="cannot be read"):
        judge(CAMERA, [tmp_path / "y.jpg"])
    with pytest.raises(TruthError, match="has no gauges"):
        judge(CAMERA.model_copy(update={"gauges": ()}), [tmp_path / "x.jpg"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[level]]\npicture = 'a'\n", "row or level_m"),
        ("[[level]]\npicture = 'a'\nrow = 1.2\n", "less than or equal to 1"),
        ("", "level"),
        ("[[", "is not TOML"),
    ],
)
def test_a_truth_that_is_none_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "t.toml"
    path.write_text(text)
    with pytest.raises(TruthError, match=told):
        read_truth(path)
