"""A camera over RTSP: it joins, is lost when the network or the camera goes, and joins again by itself."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from haechi.edge.vision.messages import CameraState
from support.cameras import PATIENCE_S, camera, running

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
