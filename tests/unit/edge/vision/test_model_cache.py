"""What a damaged note on verified models costs: a fetch. What is left by who was killed while writing: nothing."""

import os
from pathlib import Path

import pytest

from haechi.edge.vision.models import cache, prepare
from haechi.edge.vision.models.card import card
from haechi.edge.vision.models.errors import ModelError, ModelMissing


@pytest.mark.parametrize("note", [b"", b"{}", b"[]", b'{"files": 3}', b'{"files": {"a": 1}}', b"\xff\xfe", b'{"fil'])
def test_a_note_that_cannot_be_read_is_none(note: bytes, tmp_path: Path) -> None:
    model = card("nanodet-g")
    cache.mark_ready(model, tmp_path, {"fp32-256x416.onnx": "abc"})
    assert cache.ready(model, tmp_path) == {"fp32-256x416.onnx": "abc"}
    (cache.folder(model, tmp_path) / "ready.json").write_bytes(note)
    assert cache.ready(model, tmp_path) is None
    with pytest.raises(ModelMissing, match="haechi models fetch"):
        cache.check_present("nanodet-g", tmp_path)


def test_what_somebody_left_who_was_killed_while_writing_goes_with_the_next_writing(tmp_path: Path) -> None:
    path = tmp_path / "cam-1.view"
    left, others, being_written = (tmp_path / name for name in (".cam-1.view.a", ".cam-11.view.b", ".cam-1.view.c"))
    for file in (left, others, being_written):
        file.write_bytes(b"half")
    for file in (left, others):
        os.utime(file, (0, 0))
    cache.write(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert sorted(tmp_path.iterdir()) == sorted([path, others, being_written])


def test_a_download_that_was_killed_leaves_no_144_mb_behind(tmp_path: Path) -> None:
    (tmp_path / ".download-nanodet-g-x1").mkdir()
    (tmp_path / ".download-nanodet-g-x1" / "half.tgz").write_bytes(b"half")

    def away(*_arguments: object) -> dict[str, bytes]:
        raise ModelError("no network")

    with pytest.raises(ModelError, match="no network"):
        prepare.prepare(card("nanodet-g"), tmp_path, away, lambda *_said: None)
    assert list(tmp_path.glob(".download-*")) == []
