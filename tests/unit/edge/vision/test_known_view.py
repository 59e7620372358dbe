"""What a view should be survives a restart, for the scene that it was learned for."""

from pathlib import Path

import numpy as np
import pytest

from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.known_view import Known, KnownView
from haechi.edge.vision.water.surface import Dry

CAMERA = CameraConfig.model_validate(
    {"id": "cam-1", "url": "rtsp://cam/1", "place": "bridge", "lines": [{"name": "gate", "a": (0, 0.5), "b": (1, 0.5)}]}
)
POLYGON = [(0, 0.5), (1, 0.5), (1, 1)]
TEXTURE = np.random.default_rng(1).normal(0, 12, (90, 160)).astype(np.float32)
KNOWN = Known(TEXTURE, {})


def test_what_is_kept_is_known_again_and_small(tmp_path: Path) -> None:
    assert KnownView(tmp_path / "cameras", CAMERA).read() is None
    assert KnownView(tmp_path / "cameras", CAMERA).write(KNOWN)
    known = KnownView(tmp_path / "cameras", CAMERA).read()
    assert known is not None
    assert np.abs(known.view - TEXTURE).max() < 0.2 or np.abs(TEXTURE).max() > 42
    assert np.corrcoef(known.view.ravel(), TEXTURE.ravel())[0, 1] > 0.99
    assert known.surfaces == {}
    (file,) = (tmp_path / "cameras").iterdir()
    assert file.stat().st_size < 20_000


def test_what_surfaces_look_like_when_dry_is_known_again(tmp_path: Path) -> None:
    fine = np.random.default_rng(2).normal(0, 12, (270, 480)).astype(np.float32)
    surfaces = {"dip": Dry(fine, -0.2), "bend": Dry(fine, 0.0), "lane": Dry(None, 0.25)}
    assert KnownView(tmp_path, CAMERA).write(Known(TEXTURE, surfaces))
    known = KnownView(tmp_path, CAMERA).read()
    assert known is not None
    dry = known.surfaces["dip"]
    assert dry.texture is not None
    assert np.corrcoef(dry.texture.ravel(), fine.ravel())[0, 1] > 0.99
    assert dry.whiteness == pytest.approx(-0.2)
    assert known.surfaces["lane"] == Dry(None, 0.25)


def test_a_scene_that_was_drawn_anew_is_learned_anew(tmp_path: Path) -> None:
    KnownView(tmp_path, CAMERA).write(KNOWN)
    drawn = CAMERA.model_dump(mode="json")
    gauge = {"name": "staff", "a": (0.5, 0.1), "b": (0.5, 0.9), "a_m": 2.0, "b_m": 0.0}
    for changes in (
        {"url": "rtsp://cam/2"},
        {"lines": ()},
        {"gauges": [gauge]},
        {"surfaces": [{"name": "dip", "kind": "flooded", "polygon": POLYGON}]},
        {"masks": [POLYGON]},
    ):
        assert KnownView(tmp_path, CameraConfig.model_validate(drawn | changes)).read() is None
    slower = [drawn["lines"][0] | {"min_duration_s": 1}]
    for changes in ({"name": "West side"}, {"lines": slower}):
        assert KnownView(tmp_path, CameraConfig.model_validate(drawn | changes)).read() is not None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04]", bytes(300_000)])
def test_a_damaged_file_is_learned_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cam-1.view").write_bytes(content)
    assert KnownView(tmp_path, CAMERA).read() is None


def test_a_file_that_was_cut_is_learned_anew(tmp_path: Path) -> None:
    KnownView(tmp_path, CAMERA).write(KNOWN)
    whole = (tmp_path / "cam-1.view").read_bytes()
    for length in range(0, len(whole), 997):
        (tmp_path / "cam-1.view").write_bytes(whole[:length])
        assert KnownView(tmp_path, CAMERA).read() is None


def test_a_file_with_one_wrong_bit_is_learned_anew(tmp_path: Path) -> None:
    KnownView(tmp_path, CAMERA).write(KNOWN)
    whole = (tmp_path / "cam-1.view").read_bytes()
    for place in range(0, len(whole), 41):
        (tmp_path / "cam-1.view").write_bytes(
            whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]
        )
        assert KnownView(tmp_path, CAMERA).read() is None


def test_a_disk_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "cameras").touch()
    assert not KnownView(tmp_path / "cameras", CAMERA).write(KNOWN)
