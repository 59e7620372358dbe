"""``haechi camera evaluate`` and ``preview`` as a person runs them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from haechi.command import main
from haechi.edge.vision.config import CameraConfig, DetectorConfig
from haechi.edge.vision.detection import Detection
from haechi.edge.vision.detector import Detector, open_detector
from haechi.edge.vision.evaluation import run, truth
from haechi.edge.vision.geometry import Box
from support.cameras import GATEWAY

LINE = '[[line]]\nname = "middle"\na = [0.5, 0.0]\nb = [0.5, 1.0]\nforward = 0\nbackward = 1\ntimes = [2.6]\n'

CAMERA = """
[[camera]]
id = "cam-1"
place = "bridge"
url = "{url}"
masks = [[[0.0, 0.0], [0.2, 0.0], [0.2, 0.2]]]
lines = [{{ name = "middle", a = [0.5, 0.0], b = [0.5, 1.0] }}]
"""


class SeesTheSquare:
    """A detector that finds the square of the clip and calls it a person."""

    input_px: tuple[int, int] | None = None

    def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
        bright = cv2.inRange(picture, (150, 150, 150), (255, 255, 255))
        left, top, wide, high = cv2.boundingRect(bright)
        if not wide:
            return []
        height, width = bright.shape
        return [Detection(Box(left / width, top / height, (left + wide) / width, (top + high) / height), "person", 0.9)]


def evaluated(clip: Path, truth_file: Path, camera: CameraConfig | None = None) -> dict[str, Any]:
    known = truth.read(truth_file)
    config, names = run.scene(str(clip), known, camera)
    evaluation = run.Evaluation(config, known, names, SeesTheSquare())
    evaluation.run(lambda _share: None)
    return evaluation.report()


def gateway(tmp_path: Path, url: object, name: str = "gateway.toml") -> str:
    (tmp_path / name).write_text(GATEWAY + CAMERA.format(url=url), encoding="utf-8")
    return str(tmp_path / name)


def test_a_square_that_crosses_is_counted_at_its_time_and_is_an_event(
    clip: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "t.toml").write_text(LINE + "[[quiet]]\nname = 'all of it'\n", encoding="utf-8")
    report = evaluated(clip(seconds=4.5), tmp_path / "t.toml")
    (line,) = report["lines"]
    assert line == {
        "name": "middle",
        "forward": {"truth": 0, "counted": 0},
        "backward": {"truth": 1, "counted": 1},
        "at_their_time": 1,
    }
    (quiet,) = report["quiet"]
    assert (quiet["name"], quiet["events"], quiet["hours"]) == ("all of it", 1, pytest.approx(4.5 / 3600, abs=1e-4))
    assert report["boxes"] is None
    # Ten frames a second, five looks a second: every second one, however long a look takes.
    assert (report["cost"]["frames"], report["cost"]["frames_looked_at"]) == (45, 23)


def test_boxes_of_a_mot_truth(clip: Callable[..., Path], tmp_path: Path) -> None:
    """The square is at left 10 + 5 n, 80…120 high, 30 wide; MOT counts from 1."""
    rows = [f"{n + 1},1,{11 + 5 * n % 250},81,30,40,1,1,1" for n in range(20)]
    (tmp_path / "gt.txt").write_text("\n".join(rows), encoding="utf-8")
    report = evaluated(clip(seconds=2), tmp_path / "gt.txt")
    boxes = report["boxes"]
    assert (boxes["ap50"], boxes["precision"], boxes["id_switches"]) == (1.0, 1.0, 0)
    # A track counts from its third look on.
    assert boxes["recall"] == 0.8


def sequence(folder: Path, rows: int, promised: int | None = None) -> Path:
    """The square of the clips as a sequence of the MOT Challenge, `rows` pictures of the `promised`."""
    (folder / "img 100%").mkdir(parents=True)
    for n in range(rows):
        picture = np.zeros((192, 320, 3), np.uint8)
        picture[80:120, 10 + 5 * n : 40 + 5 * n] = 255
        assert cv2.imwrite(str(folder / "img 100%" / f"{n + 1:06}.png"), picture)
    info = f"[Sequence]\nname=S\nimDir=img 100%\nframeRate=10\nseqLength={promised or rows}\nimExt=.png\n"
    (folder / "seqinfo.ini").write_text(info, encoding="utf-8")
    return folder


def test_a_sequence_of_the_mot_challenge_is_a_clip(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text(
        "\n".join(f"{n + 1},1,{11 + 5 * n},81,30,40,1,1,1" for n in range(20)), encoding="utf-8"
    )
    report = evaluated(sequence(tmp_path / "S-01", 20), tmp_path / "gt.txt")
    assert (report["boxes"]["ap50"], report["boxes"]["recall"]) == (1.0, 0.8)
    assert (report["cost"]["frames"], report["cost"]["frames_looked_at"]) == (20, 10)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "seqinfo.ini").unlink(), "MOT Challenge sequence with seqinfo.ini"),
        (lambda folder: (folder / "img 100%" / "000007.png").unlink(), "000007.png: there is no such picture"),
        (lambda folder: (folder / "seqinfo.ini").write_text("frameRate=10\n"), "section [Sequence]"),
        (lambda folder: (folder / "seqinfo.ini").write_text("[Sequence]\nseqLength=20\n"), "frameRate"),
        (
            lambda folder: (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=10\nseqLength=1\nimDir=../..\n"),
            "imDir",
        ),
    ],
)
def test_a_folder_that_is_no_sequence_is_answered_with_what_is_missing(
    change: Callable[[Path], object], said: str, tmp_path: Path, capfd: Any
) -> None:
    folder = sequence(tmp_path / "S-01", 20)
    change(folder)
    (tmp_path / "t.toml").write_text(LINE, encoding="utf-8")
    assert main(["camera", "evaluate", str(folder), "--truth", str(tmp_path / "t.toml"), "--model", "background"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert said in line


def test_who_looks_straight_down_in_vain_is_told_and_counted_by_what_moves(
    clip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    class Blind(SeesTheSquare):
        input_px = (192, 320)

        def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
            return []

    def blind_unless_background(config: DetectorConfig, *others: Any, **options: Any) -> Detector:
        return open_detector(config, *others, **options) if config.model == "background" else Blind()

    monkeypatch.setattr("haechi.edge.vision.cli.open_detector", blind_unless_background)
    (tmp_path / "t.toml").write_text(LINE, encoding="utf-8")
    words = ["camera", "evaluate", str(clip(seconds=7)), "--truth", str(tmp_path / "t.toml")]
    words += ["--json", str(tmp_path / "out.json")]

    def counted_by() -> tuple[str, int]:
        report = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
        return report["lines_counted_by"], report["lines"][0]["backward"]["counted"]

    assert main(words) == 0
    assert "counts with --model background" in capfd.readouterr().err
    assert counted_by() == ("background", 1)
    assert main([*words, "--model", "nanodet-g"]) == 0
    assert "counts with --model background" in capfd.readouterr().err
    assert counted_by() == ("nanodet-g", 0)


@pytest.mark.usefixtures("model_cache")
def test_the_same_answer_twice(clip: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.toml").write_text(LINE, encoding="utf-8")
    reports = []
    for number in range(2):
        out = tmp_path / f"{number}.json"
        words = ["camera", "evaluate", str(clip()), "--truth", str(tmp_path / "t.toml"), "--json", str(out)]
        assert main(words) == 0
        reports.append(json.loads(out.read_text(encoding="utf-8")))
    assert {"lines", "boxes", "quiet", "cost"} <= set(reports[0])
    assert {"ms_per_frame", "cpu_s", "frames", "frames_analysed"} <= set(reports[0]["cost"])
    for report in reports:
        assert report.pop("cost")["frames"] == 20
    assert reports[0] == reports[1]
    assert "line middle, backward: counted 0, truth 1" in capsys.readouterr().out


@pytest.mark.usefixtures("model_cache")
def test_a_preview_is_a_picture_with_its_mask_black(clip: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "p.png"
    assert main(["camera", "preview", "--config", gateway(tmp_path, clip()), "--out", str(out)]) == 0
    picture = cv2.imread(str(out))
    assert picture is not None
    assert picture.shape == (192, 320, 3)
    assert not picture[2:5, 30:50].any()


@pytest.mark.usefixtures("model_cache")
def test_what_cannot_be_done_is_one_line(tmp_path: Path, clip: Callable[..., Path], capfd: Any) -> None:
    (tmp_path / "t.toml").write_text(LINE, encoding="utf-8")
    (tmp_path / "text.avi").write_text("no video\n" * 100, encoding="utf-8")
    config = gateway(tmp_path, tmp_path / "text.avi")
    sound = gateway(tmp_path, clip(), "sound.toml")
    good, out = str(tmp_path / "t.toml"), str(tmp_path / "p.png")
    for words, said in (
        (["evaluate", str(tmp_path / "none.mp4"), "--truth", good], "there is no such file"),
        (["evaluate", str(tmp_path / "text.avi"), "--truth", good], "not a video"),
        (["evaluate", str(clip()), "--truth", good, "--camera", "cam-1"], "--config"),
        (["evaluate", str(clip()), "--truth", good, "--config", config, "--camera", "no"], "cam-1"),
        (["preview", "--config", config, "--out", out], "not a video"),
        (["preview", "--config", config, "--camera", "no", "--out", out], "cam-1"),
        (
            ["preview", "--config", sound, "--out", str(tmp_path / "no" / "p.png")],
            "cannot be written",
        ),
    ):
        assert main(["camera", *words]) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert said in line
        assert not Path(out).exists()


def test_without_the_detector_no_picture_is_taken(
    tmp_path: Path, clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setenv("HAECHI_MODELS", str(tmp_path / "empty"))
    config, out = gateway(tmp_path, clip()), tmp_path / "p.png"
    assert main(["camera", "preview", "--config", config, "--out", str(out)]) == 2
    assert "haechi models fetch" in capfd.readouterr().err
    assert not out.exists()
