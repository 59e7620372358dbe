"""Clips as recorders leave them: their time begins with their first picture."""

from pathlib import Path

import av
import numpy as np
import pytest

from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.evaluation.replay import Replay


def clip(path: Path, *, frames: int, offset_s: float) -> CameraConfig:
    """A clip of 25 grey pictures a second whose time stamps begin later than at 0."""
    with av.open(str(path), "w", format="mpegts", options={"output_ts_offset": str(offset_s)}) as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _number in range(frames):
            picture = np.full((64, 64, 3), 90, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return CameraConfig(id="clip", place="here", url=str(path))


@pytest.mark.parametrize("offset_s", [0.0, 5000.0])
def test_time_is_that_since_the_first_picture(offset_s: float, tmp_path: Path) -> None:
    replay = Replay(clip(tmp_path / "clip.ts", frames=51, offset_s=offset_s))
    times_s = [shot.time_s for shot in replay.shots()]
    assert times_s == pytest.approx([number / 5 for number in range(11)], abs=0.04)
    assert replay.length_s == pytest.approx(51 / 25, abs=0.01)
