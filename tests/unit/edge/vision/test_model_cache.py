"""What a damaged note on verified models costs: a fetch, not the camera."""

from pathlib import Path

import pytest

from haechi.edge.vision.models import cache
from haechi.edge.vision.models.card import card
from haechi.edge.vision.models.errors import ModelMissing


@pytest.mark.parametrize("note", [b"", b"{}", b"[]", b'{"files": 3}', b'{"files": {"a": 1}}', b"\xff\xfe", b'{"fil'])
def test_a_note_that_cannot_be_read_is_none(note: bytes, tmp_path: Path) -> None:
    model = card("nanodet-g")
    cache.mark_ready(model, tmp_path, {"fp32-256x416.onnx": "abc"})
    assert cache.ready(model, tmp_path) == {"fp32-256x416.onnx": "abc"}
    (cache.folder(model, tmp_path) / "ready.json").write_bytes(note)
    assert cache.ready(model, tmp_path) is None
    with pytest.raises(ModelMissing, match="haechi models fetch"):
        cache.check_present("nanodet-g", tmp_path)
