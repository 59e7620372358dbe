"""What a view should be survives a restart, for the scene that it was learned for."""

from pathlib import Path

import numpy as np
import pytest

from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.known_view import KnownView

CAMERA = CameraConfig.model_validate(
    {"id": "cam-1", "url": "rtsp://cam/1", "place": "bridge", "lines": [{"name": "gate", "a": (0, 0.5), "b": (1, 0.5)}]}
)
TEXTURE = np.random.default_rng(1).normal(0, 12, (90, 160)).astype(np.float32)


def test_what_is_kept_is_known_again_and_small(tmp_path: Path) -> None:
    assert KnownView(tmp_path / "cameras", CAMERA).read() is None
    assert KnownView(tmp_path / "cameras", CAMERA).write(TEXTURE)
    known = KnownView(tmp_path / "cameras", CAMERA).read()
    assert known is not None
    assert np.abs(known - TEXTURE).max() < 0.2 or np.abs(TEXTURE).max() > 42
    assert np.corrcoef(known.ravel(), TEXTURE.ravel())[0, 1] > 0.99
    (file,) = (tmp_path / "cameras").iterdir()
    assert file.stat().st_size < 20_000


def test_a_scene_that_was_drawn_anew_is_learned_anew(tmp_path: Path) -> None:
    KnownView(tmp_path, CAMERA).write(TEXTURE)
    for changes in ({"url": "rtsp://cam/2"}, {"lines": ()}):
        assert KnownView(tmp_path, CAMERA.model_copy(update=changes)).read() is None
    assert KnownView(tmp_path, CAMERA.model_copy(update={"name": "West side"})).read() is not None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04]", bytes(300_000)])
def test_a_damaged_file_is_learned_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cam-1.view").write_bytes(content)
    assert KnownView(tmp_path, CAMERA).read() is None


def test_a_file_that_was_cut_is_learned_anew(tmp_path: Path) -> None:
    KnownView(tmp_path, CAMERA).write(TEXTURE)
    whole = (tmp_path / "cam-1.view").read_bytes()
    for length in range(0, len(whole), 997):
        (tmp_path / "cam-1.view").write_bytes(whole[:length])
        assert KnownView(tmp_path, CAMERA).read() is None


def test_a_file_with_one_wrong_bit_is_learned_anew(tmp_path: Path) -> None:
    KnownView(tmp_path, CAMERA).write(TEXTURE)
    whole = (tmp_path / "cam-1.view").read_bytes()
    for place in range(0, len(whole), 41):
        (tmp_path / "cam-1.view").write_bytes(
            whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]
        )
        assert KnownView(tmp_path, CAMERA).read() is None


def test_a_disk_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "cameras").touch()
    assert not KnownView(tmp_path / "cameras", CAMERA).write(TEXTURE)
