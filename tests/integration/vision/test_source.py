"""Files and streams as they come: codecs, sizes that change, damage, and what is no video at all."""

import asyncio
import contextlib
import gc
import io
import os
import threading
import weakref
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
import pytest

from haechi.edge.clock import read_system_us
from haechi.edge.vision import capture, faults
from haechi.edge.vision.camera_loop import CameraLoop
from haechi.edge.vision.capture import Capture
from haechi.edge.vision.detection import Detection
from haechi.edge.vision.messages import CameraState, Health, ViewChange
from haechi.edge.vision.source import CannotOpen, is_device, open_source
from support.cameras import camera
from support.rough_server import rough_server


def write_clip(path: Path, codec: str, width_px: int, height_px: int, frames: int = 12) -> Path:
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
        stream.options = {"preset": "ultrafast", "x265-params": "log-level=none"}
        for number in range(frames):
            picture = np.full((height_px, width_px, 3), 60 + number % 100, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        file.mux(stream.encode())
    return path


def sizes(url: Path | str, **changes: Any) -> list[tuple[int, int]]:
    """Of every picture that a source gives, to its end."""
    source = open_source(camera(url, **changes), {})
    try:
        seen: list[tuple[int, int]] = []
        # A stream that ends is one that gives no more.
        with contextlib.suppress(CannotOpen):
            seen.extend((frame.width, frame.height) for frame in source.frames())
        return seen
    finally:
        source.close()


@pytest.mark.parametrize(
    ("codec", "name", "size"),
    [("libx264", "a.mp4", (640, 360)), ("libx265", "b.mp4", (640, 360)), ("libx265", "4k.mkv", (3840, 2160)),
     ("mjpeg", "c.avi", (320, 200)), ("mpeg4", "d.avi", (320, 200))],
)  # fmt: skip
def test_codecs_of_cameras(tmp_path: Path, codec: str, name: str, size: tuple[int, int]) -> None:
    if codec == "mjpeg":
        writer = cv2.VideoWriter(str(tmp_path / name), cv2.VideoWriter.fourcc(*"MJPG"), 10, size)
        for _ in range(4):
            writer.write(np.full((size[1], size[0], 3), 90, np.uint8))
        writer.release()
    else:
        write_clip(tmp_path / name, codec, *size, frames=4)
    assert sizes(tmp_path / name) == [size] * 4


def test_a_stream_that_changes_its_size_goes_on(tmp_path: Path) -> None:
    first = write_clip(tmp_path / "a.h264", "libx264", 640, 360).read_bytes()
    second = write_clip(tmp_path / "b.h264", "libx264", 320, 240).read_bytes()
    (tmp_path / "both.h264").write_bytes(first + second)
    assert sizes(tmp_path / "both.h264") == [(640, 360)] * 12 + [(320, 240)] * 12


def test_damage_costs_its_own_pictures(tmp_path: Path) -> None:
    whole = bytearray(write_clip(tmp_path / "a.ts", "libx264", 640, 360, 40).read_bytes())
    for at in range(3000, len(whole) - 2000, 4001):
        whole[at : at + 150] = bytes(150)
    (tmp_path / "damaged.ts").write_bytes(whole)
    assert 1 <= len(sizes(tmp_path / "damaged.ts")) <= 40


def test_key_frames_alone(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", "libx264", 320, 200, 300)
    assert len(sizes(clip, keyframes_only=True, lines=())) in {2, 3}


def test_key_frames_alone_of_a_file_come_as_far_apart_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.options = 320, 200, "yuv420p", {"g": "5", "bf": "0"}
        for _ in range(21):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((200, 320, 3), 90, np.uint8), format="bgr24")))
        file.mux(stream.encode())
    taking = Capture(camera(path, keyframes_only=True, lines=()), clock_us=read_system_us)
    came_s = [frame.monotonic_s for _ in range(3) if (frame := taking.newest(10)) is not None]
    assert [round(after - before, 1) for before, after in pairwise(came_s)] == pytest.approx([0.5, 0.5], abs=0.2)


@pytest.mark.parametrize("name", ["text.avi", "text.txt", "empty.mp4", "sound.wav", "cut.mp4"])
def test_what_is_no_video_is_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    content = {
        "text": b"this is not a video\n" * 100,
        "empty": b"",
        "cut": write_clip(tmp_path / "whole.mp4", "libx264", 320, 200).read_bytes()[:400],
        "sound": b"RIFF\x24\x08\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00"
        b"\x02\x00\x10\x00data\x00\x08\x00\x00" + bytes(2048),
    }
    path.write_bytes(content[path.stem])
    with pytest.raises(CannotOpen, match="not a video, or it cannot be read"):
        open_source(camera(path), {})


def test_a_picture_or_a_folder_is_no_video_and_is_told_where_it_belongs(tmp_path: Path) -> None:
    (tmp_path / "one.mp4").write_bytes(bytes(cv2.imencode(".jpg", np.full((200, 320, 3), 90, np.uint8))[1]))
    for path in (tmp_path, tmp_path / "one.mp4"):
        with pytest.raises(CannotOpen, match="picture_every_s"):
            open_source(camera(path), {})


def test_a_kind_of_video_without_a_decoder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Container:
        format = SimpleNamespace(name="mov")
        streams = SimpleNamespace(video=[SimpleNamespace(codec_context=None)])
        closed = False

        def close(self) -> None:
            self.closed = True

    container = Container()
    monkeypatch.setattr(av, "open", lambda *_address, **_options: container)
    with pytest.raises(CannotOpen, match="no decoder for it on this machine"):
        open_source(camera("rtsp://127.0.0.1/street"), {})
    assert container.closed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_whatever_ends_the_reading_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> Any:
        raise ValueError("Port could not be cast to integer")

    monkeypatch.setattr(capture, "open_source", broken)
    taking = Capture(camera("onvif://10.0.0.9"), clock_us=lambda: 0)
    with pytest.raises(CannotOpen, match="gives no pictures"):
        taking.newest(10)
    taking._thread.join(10)


def test_a_capture_that_makes_way_slows_its_own_decoding_and_whoever_looks(tmp_path: Path) -> None:
    taking = Capture(camera(write_clip(tmp_path / "a.mp4", "libx264", 320, 200, frames=200)), clock_us=lambda: 0)

    def make_way() -> int:
        taking.make_way()
        return os.getpriority(os.PRIO_PROCESS, 0)

    try:
        assert taking.newest(10) is not None
        before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        with ThreadPoolExecutor(1) as looks:
            assert looks.submit(make_way).result(10) == 15
        assert os.getpriority(os.PRIO_PROCESS, taking._thread.native_id or 0) == 15
        assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
    finally:
        taking.close()


def test_single_pictures_are_never_a_time_that_stands_still(tmp_path: Path) -> None:
    taking = Capture(camera(tmp_path, lines=(), picture_every_s=1), clock_us=read_system_us)
    try:
        for level in (60, 90):
            _done, jpeg = cv2.imencode(".jpg", np.full((200, 320, 3), level, np.uint8))
            (tmp_path / f"{level}.part").write_bytes(bytes(jpeg))
            (tmp_path / f"{level}.part").rename(tmp_path / f"{level}.jpg")
            assert taking.newest(10) is not None
            assert taking.standing_s == 0
    finally:
        taking.close()


def test_only_cameras_are_taken_for_cameras_of_this_machine() -> None:
    assert [is_device(url) for url in ("usb:0", "/dev/video0", "/dev/v4l/by-id/usb-cam", "/dev/shm/clip.mp4")] == [
        True, True, True, False,
    ]  # fmt: skip


@asynccontextmanager
async def http(answer: bytes, asked: list[bytes] | None = None) -> AsyncIterator[str]:
    """A server of one answer, over and over; gives its address, and notes how each question begins."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.readuntil(b"\r\n\r\n")
        if asked is not None:
            asked.append(question.splitlines()[0])
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/video"


def motion_jpeg(pictures: int) -> bytes:
    parts = io.BytesIO(b"")
    parts.write(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=edge\r\n\r\n")
    _done, jpeg = cv2.imencode(".jpg", np.full((200, 320, 3), 90, np.uint8))
    for _ in range(pictures):
        parts.write(b"--edge\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg))
        parts.write(jpeg.tobytes() + b"\r\n")
    return parts.getvalue()


async def test_motion_jpeg_over_http() -> None:
    async with http(motion_jpeg(30)) as url:
        seen = await asyncio.to_thread(sizes_of_stream, url)
    assert len(seen) >= 20
    assert set(seen) == {(320, 200)}


async def test_a_stream_that_is_lost_leaves_nothing_behind() -> None:
    """A camera that comes and goes all day would fill the memory before Python looks for cycles."""

    def lose(url: str) -> bool:
        gone = threading.Event()
        watch = Capture(camera(url, open_timeout_s=5, read_timeout_s=5), clock_us=read_system_us)
        weakref.finalize(watch, gone.set)
        try:
            while True:
                watch.newest(5)
        except CannotOpen:
            watch.close()
        del watch
        return gone.wait(5)

    async with http(motion_jpeg(30)) as url:
        gc.disable()
        try:
            assert await asyncio.to_thread(lose, url)
            assert await asyncio.to_thread(lose, "rtsp://127.0.0.1:9/street")
        finally:
            gc.enable()


def sizes_of_stream(url: str) -> list[tuple[int, int]]:
    return sizes(url, open_timeout_s=5, read_timeout_s=5)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("401 Unauthorized", "user or password is refused"),
        ("404 Not Found", "no such stream"),
        ("500 No", "with an error"),
    ],
)
async def test_a_refusal_says_why_without_the_password(tmp_path: Path, status: str, told: str) -> None:
    (tmp_path / "secret").write_text("operator:hunter2\n", encoding="utf-8")
    async with http(f"HTTP/1.0 {status}\r\nContent-Length: 0\r\n\r\n".encode()) as url:
        config = camera(url, credentials_file=tmp_path / "secret", open_timeout_s=5)
        with pytest.raises(CannotOpen, match=told) as refused:
            await asyncio.to_thread(open_source, config, {})
    assert "hunter2" not in str(refused.value)
    assert refused.value.is_refused == status.startswith("401")


@pytest.mark.parametrize(
    ("method", "status", "told"),
    [
        ("OPTIONS", "", "no answer in RTSP"),
        ("DESCRIBE", "RTSP/1.0 401 Unauthorized", "user or password is refused"),
        ("DESCRIBE", "RTSP/1.0 453 Not Enough Bandwidth", "too many viewers"),
        ("SETUP", "RTSP/1.0 461 Unsupported Transport", "not over TCP"),
    ],
)
async def test_what_an_rtsp_camera_refuses_is_told(method: str, status: str, told: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            sequence = next(line for line in head.split("\r\n") if line.lower().startswith("cseq"))
            said, body = "RTSP/1.0 200 OK", ""
            if head.startswith(method):
                if not status:
                    return
                said = status
            elif head.startswith("DESCRIBE"):
                body = "v=0\r\ns=c\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t\r\n"
            writer.write(f"{said}\r\n{sequence}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    async with rough_server(serve) as port:
        config = camera(f"rtsp://127.0.0.1:{port}/street", open_timeout_s=5)
        with pytest.raises(CannotOpen, match=told) as refused:
            await asyncio.to_thread(open_source, config, {})
    assert refused.value.is_refused == ("401" in status)


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
async def test_what_answers_nothing_is_told_with_how_long_it_was_waited_for(scheme: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with rough_server(serve) as port:
        config = camera(f"{scheme}://127.0.0.1:{port}/street", open_timeout_s=1)
        with pytest.raises(CannotOpen, match="no answer within 1 s"):
            await asyncio.to_thread(open_source, config, {})


async def test_a_login_that_the_camera_wants_in_its_path_is_filled_in(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("operator:hunter/2\n", encoding="utf-8")
    asked: list[bytes] = []
    async with http(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n", asked) as url:
        config = camera(f"{url}/user={{user}}_password={{password}}", credentials_file=tmp_path / "secret")
        with pytest.raises(CannotOpen, match="no such stream") as refused:
            await asyncio.to_thread(open_source, config, {})
    assert asked[0].startswith(b"GET /video/user=operator_password=hunter%2F2 ")
    assert "hunter" not in str(refused.value)


@asynccontextmanager
async def http_that_stalls(pictures: int) -> AsyncIterator[str]:
    """A camera that sends so many pictures and then holds the line without a word."""
    _done, jpeg = cv2.imencode(".jpg", np.full((200, 320, 3), 90, np.uint8))
    part = b"--edge\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg) + jpeg.tobytes() + b"\r\n"
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=edge\r\n\r\n")
        writer.write(part * pictures)
        await writer.drain()
        await over.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/video"
        over.set()


class SeesNothing:
    input_px = None

    def look(self, picture: Any) -> list[Detection]:
        return []


async def test_a_stream_that_sends_no_more_and_keeps_the_line_is_lost_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "NO_PICTURE_S", 1.5)
    said: list[Any] = []

    def send(message: Any) -> None:
        said.append(message.state if isinstance(message, Health) else message)
        if isinstance(message, ViewChange):
            raise BrokenPipeError  # as when the gateway goes

    async with http_that_stalls(40) as url:
        loop = CameraLoop(camera(url, read_timeout_s=1, open_timeout_s=1), SeesNothing(), send)
        with pytest.raises(BrokenPipeError):
            await asyncio.to_thread(loop.run)
    assert said.index(CameraState.RUNNING) < said.index(CameraState.LOST)
    assert (said[-1].fault, said[-1].raised) == ("no_picture", True)
    assert 1.5 <= said[-1].lasted_s < 5
