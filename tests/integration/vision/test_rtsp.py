"""A camera over RTSP: it joins, is lost when the network or the camera goes, and joins again by itself.

What a camera's firmware does to its stream besides: another size, another codec, a time that stands still.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import copy
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from haechi.edge.vision import flow, source
from haechi.edge.vision.camera_loop import CameraLoop
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.detection import Detection
from haechi.edge.vision.messages import CameraState, Health, Message, ViewChange
from support.cameras import PATIENCE_S, camera, running
from support.rtsp_camera import RtspCamera, rtsp
from support.rtsp_camera import film as filmed

SERVER = """
import asyncio, sys
from aio_rtsp_toolkit.server import serve
folder, port, control = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
asyncio.run(serve(folder, "127.0.0.1", port, control_host="127.0.0.1", control_port=control))
"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A folder with an H.264 clip as an IP camera sends it."""
    folder = tmp_path / "clips"
    folder.mkdir()
    with av.open(str(folder / "street.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "10"}
        for number in range(40):
            picture = np.full((192, 320, 3), 90, np.uint8)
            picture[80:120, 10 + 5 * number : 40 + 5 * number] = 200
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        file.mux(stream.encode())
    return folder


def free_ports(count: int) -> list[int]:
    """Ports that were free just now; the server under test takes no socket that is bound already."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@asynccontextmanager
async def serving(folder: Path, ports: list[int]) -> AsyncIterator[Callable[[], None]]:
    """An RTSP camera; what it yields pulls its plug."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, str(folder), *map(str, ports),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process.kill
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.usefixtures("model_cache")
async def test_a_camera_that_goes_comes_back_by_itself(film: Path) -> None:
    ports = free_ports(2)
    url = f"rtsp://127.0.0.1:{ports[0]}/street.mp4?play_count=0"
    async with running(camera(url, read_timeout_s=2, open_timeout_s=5)) as sink, asyncio.timeout(2 * PATIENCE_S):
        # The camera is not there yet: it is tried again until it is.
        await sink.until(lambda s: CameraState.LOST in s.states)
        async with serving(film, ports) as pull_the_plug:
            await sink.until(lambda s: s.last.frames_looked_at > 5)
            pull_the_plug()
            await sink.until(lambda s: s.last.state is CameraState.LOST)
            assert "gives no pictures" in sink.last.message
        seen = sink.last.frames_looked_at
        async with serving(film, ports):
            await sink.until(lambda s: s.last.state is CameraState.RUNNING and s.last.frames_looked_at > seen)
        assert sink.last.reconnects >= 2
        assert sink.restarts == 0
        assert sink.readings


class SeesSizes:
    """A detector that finds nothing, and remembers how large the pictures were."""

    input_px = None

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
        self.sizes.append((picture.shape[1], picture.shape[0]))
        return []


class Watched:
    """A camera's loop in a thread, and what it says."""

    def __init__(self, config: CameraConfig) -> None:
        self.detector = SeesSizes()
        self.said: list[Any] = []
        self._config = config
        self._done = False
        self._news = asyncio.Event()
        self._events = asyncio.get_running_loop()

    def _take(self, message: Message) -> None:
        if self._done:
            raise BrokenPipeError  # as when the gateway goes
        self.said.append(copy(message))
        self._events.call_soon_threadsafe(self._news.set)

    async def until(self, condition: Callable[[Any], bool]) -> None:
        """Waits until it says so."""
        begun = len(self.said)
        async with asyncio.timeout(PATIENCE_S):
            while not any(condition(message) for message in self.said[begun:]):
                self._news.clear()
                await self._news.wait()

    async def __aenter__(self) -> Self:
        loop = CameraLoop(self._config, self.detector, self._take)
        self._running = asyncio.create_task(asyncio.to_thread(loop.run))
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._done = True
        with pytest.raises(BrokenPipeError):
            await self._running


def watched(url: str) -> Watched:
    return Watched(camera(url, read_timeout_s=10, open_timeout_s=10, motion={"enabled": False}))


def running_well(message: Any) -> bool:
    return isinstance(message, Health) and message.state is CameraState.RUNNING


async def test_a_stream_that_becomes_another_codec_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "UNREADABLE_S", 1.0)
    other = filmed("hevc", 320, 240)
    it = RtspCamera(filmed("h264", 640, 360))
    async with rtsp(it) as url, watched(url) as watch:
        await watch.until(running_well)
        it.codec, it.pictures = "hevc", other
        await watch.until(lambda message: isinstance(message, Health) and message.state is CameraState.LOST)
        assert "320x240" not in watch.said[-1].message
        await watch.until(running_well)
        assert (320, 240) in watch.detector.sizes


async def test_another_size_rate_and_time_are_no_fault_but_a_time_that_stands_or_repeats(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flow, "FROZEN_S", 1.0)
    # Before it serves: whoever encodes does not send.
    films = {size: filmed("h264", *size) for size in ((640, 360), (1280, 720), (320, 240))}
    it = RtspCamera(films.pop((640, 360)))
    async with rtsp(it) as url, watched(url) as watch:
        await watch.until(running_well)
        for size, it.pictures in films.items():
            await watch.until(looked_at(watch, size))
        for rate, step in ((25.0, 3600), (5.0, 18_000), (10.0, -9000), (10.0, 900_000)):
            it.frames_a_s, it.step = rate, step
            watch.detector.sizes.clear()
            await watch.until(looked_at(watch, (320, 240)))
        assert not [message for message in watch.said if isinstance(message, ViewChange)]
        for fault in ("standing", "repeating"):
            setattr(it, fault, True)
            await watch.until(lambda message: isinstance(message, ViewChange) and message.raised)
            setattr(it, fault, False)
            await watch.until(lambda message: isinstance(message, ViewChange) and not message.raised)
        states = {message.state for message in watch.said if isinstance(message, Health)}
    assert states == {CameraState.OPENING, CameraState.RUNNING}
    assert {message.fault for message in watch.said if isinstance(message, ViewChange)} == {"frozen"}
    assert it.described == 1


def looked_at(watch: Watched, size: tuple[int, int]) -> Callable[[Any], bool]:
    return lambda _message: watch.detector.sizes[-3:] == [size] * 3
