"""A clip out of a camera's real process: asked for, made, handed over; and nothing of the stream on any disk."""

import io
import os
import signal
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from haechi.edge.vision import sealing
from haechi.edge.vision.messages import CameraState, ClipWanted
from haechi.edge.vision.orders import Orders
from support.cameras import camera, processes_below, running

CLIPS = {"before_s": 0.6, "after_s": 1, "ring_s": 10}


@pytest.mark.usefixtures("model_cache")
async def test_a_clip_is_made_in_memory_when_it_is_asked_for(
    clip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    monkeypatch.setenv("TMPDIR", str(beside))
    monkeypatch.chdir(beside)
    orders = Orders()
    private, public = sealing.new_pair()
    key = tmp_path / "city.pem"
    key.write_bytes(private)
    (tmp_path / "city.pub.pem").write_bytes(public)
    originals = {"public_key_file": tmp_path / "city.pub.pem"}
    config = camera(clip(seconds=4), loop=True, clips=CLIPS, originals=originals)
    async with running(config, orders=orders) as sink:
        await sink.until(lambda s: s.last.state is CameraState.RUNNING and s.last.frames_read > 15)
        orders.give(ClipWanted(event="event-00001", asked=True))
        await sink.until(lambda s: bool(s.clips))
        orders.give(ClipWanted(event="event-00002", age_s=3600, asked=True))
        await sink.until(lambda s: bool(s.missed) and bool(s.originals))
    (made,) = sink.clips
    assert (made.event, made.source, made.media_type) == ("event-00001", "cam-1", "video/mp4")
    assert (made.width_px, made.height_px) == (320, 192)
    with av.open(io.BytesIO(made.content), "r") as container:
        times = [float(frame.time or 0) for frame in container.decode(video=0)]
    assert 1.2 <= times[-1] <= 1.7
    # The inference library leaves a few bytes of its own there; no picture fits into them.
    assert sum(path.stat().st_size for path in beside.rglob("*") if path.is_file()) < 500
    ((event, reason),) = sink.missed
    assert event == "event-00002"
    assert "remembers 10 s" in reason
    ((event, sealed, media_type),) = sink.originals
    assert (event, media_type, b"moov" in sealed) == ("event-00001", "video/mp4", False)
    label, content = sealing.opened(sealed, sealing.read_private_key(key))
    assert label.camera == "cam-1"
    assert b"moov" in content


@pytest.mark.usefixtures("model_cache")
async def test_a_camera_that_gives_no_clips_on_request_says_so_and_one_that_dies_too(clip: Callable[..., Path]) -> None:
    zone = {"name": "bank", "kind": "intrusion", "polygon": [(0, 0.6), (1, 0.6), (1, 1), (0, 1)], "clip": True}
    orders = Orders()
    config = camera(clip(), loop=True, zones=[zone], clips=CLIPS | {"on_request": False, "after_s": 8})
    async with running(config, orders=orders) as sink:
        await sink.until(lambda s: s.last.state is CameraState.RUNNING)
        orders.give(ClipWanted(event="event-00001", asked=True))
        await sink.until(lambda s: bool(s.missed))
        assert "clips.on_request" in sink.missed[0][1]
        orders.give(ClipWanted(event="event-00002"))
        # The process reads its orders in turn: when it has answered this one, it has taken the one before.
        orders.give(ClipWanted(event="event-00003", asked=True))
        await sink.until(lambda s: len(s.missed) == 2)
        for process in processes_below():
            os.kill(process, signal.SIGKILL)
        await sink.until(lambda s: len(s.missed) == 3)
    assert sink.missed[2] == ("event-00002", "the camera's process ended, and with it what it remembered")
    assert sink.clips == []


@pytest.mark.usefixtures("model_cache")
async def test_a_camera_that_knows_no_people_makes_no_clip_and_says_so(clip: Callable[..., Path]) -> None:
    orders = Orders()
    config = camera(clip(), loop=True, detector={"model": "background"})
    async with running(config, orders=orders) as sink:
        orders.give(ClipWanted(event="event-00001", asked=True))
        await sink.until(lambda s: bool(s.missed))
    assert "knows no people" in sink.missed[0][1]
