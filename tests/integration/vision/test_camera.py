"""A camera's real process: pictures, missing things, kill -9, silence, rubbish."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from haechi.contract.events import Phase
from haechi.edge.vision import child, sealing
from haechi.edge.vision.messages import CameraState
from haechi.edge.vision.supervise import run_camera
from support.cameras import PATIENCE_S, PLACE, Sink, camera, processes_below, running
from support.processes import command_line, is_alive


@pytest.fixture
def no_videos(tmp_path: Path) -> Path:
    """A folder with files that look like videos only by name."""
    (tmp_path / "text.avi").write_text("this is not a video\n" * 100, encoding="utf-8")
    (tmp_path / "empty.avi").write_bytes(b"")
    return tmp_path


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("operator:hunter2!/@\n", encoding="utf-8")
    return path


@pytest.mark.usefixtures("model_cache")
async def test_a_file_is_seen_to_its_end(clip: Callable[..., Path]) -> None:
    sink = Sink()
    async with asyncio.timeout(PATIENCE_S):
        await run_camera(camera(clip(seconds=2.5)), PLACE, sink)
    assert sink.states[0] is CameraState.OPENING
    assert CameraState.RUNNING in sink.states
    assert sink.last.state is CameraState.ENDED
    assert sink.last.frames_read == 25
    assert 0 < sink.last.frames_analysed <= sink.last.frames_looked_at <= 25
    assert sink.readings
    assert all(reading.datastreams == ("cam-1.gate.forward", "cam-1.gate.backward") for reading in sink.readings)
    times = [reading.observed_at_us for reading in sink.readings]
    assert times == sorted(set(times))
    assert not sink.events


@pytest.mark.usefixtures("model_cache")
async def test_killed_it_comes_back_and_nothing_else_is_touched(clip: Callable[..., Path]) -> None:
    async with running(camera(clip(), loop=True)) as sink:
        await sink.until(lambda s: CameraState.RUNNING in s.states)
        (first,) = processes_below()
        os.kill(first, signal.SIGKILL)
        await sink.until(lambda s: s.restarts == 1 and s.last.state is CameraState.RUNNING)
        (second,) = processes_below()
        assert second != first
    assert not processes_below()


@pytest.mark.usefixtures("model_cache")
async def test_one_that_stops_answering_is_killed(clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "SILENT_S", 3.0)
    async with running(camera(clip(), loop=True)) as sink:
        await sink.until(lambda s: CameraState.RUNNING in s.states)
        (first,) = processes_below()
        os.kill(first, signal.SIGSTOP)
        await sink.until(lambda s: s.restarts == 1 and s.last.state is CameraState.RUNNING)
        assert first not in processes_below()


@pytest.mark.usefixtures("model_cache")
async def test_the_process_ends_when_the_gateway_does(clip: Callable[..., Path]) -> None:
    """The gateway is killed with -9: its camera sees the end of standard input."""
    gateway = await asyncio.create_subprocess_exec(
        sys.executable, "-c", GATEWAY, camera(clip(), loop=True).model_dump_json(), stdout=asyncio.subprocess.PIPE
    )
    assert gateway.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        process = int(await gateway.stdout.readline())
        gateway.kill()
        await gateway.wait()
        # It is no child of ours, so nothing tells of its end.
        while is_alive(process):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


GATEWAY = """
import asyncio, sys
from haechi.edge.vision import process
from haechi.edge.vision.messages import Start
import msgspec, json

async def main():
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "haechi.edge.vision.process",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )
    child.stdin.write(msgspec.json.encode(Start(config=json.loads(sys.argv[1]))) + b"\\n")
    await child.stdout.readexactly(4)
    print(child.pid, flush=True)
    while await child.stdout.read(65536):
        pass

asyncio.run(main())
"""


@pytest.mark.usefixtures("model_cache")
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nowhere.avi", "nowhere.avi: there is no such file"),
        ("text.avi", "text.avi: cannot be opened: not a video"),
        ("empty.avi", "empty.avi: cannot be opened: not a video"),
        ("usb:97", "usb:97: there is no camera /dev/video97"),
        ("rtsp://127.0.0.1:9/stream", "rtsp://127.0.0.1:9/stream: cannot be opened: no answer"),
    ],
)
async def test_what_gives_no_pictures_is_tried_again_and_told_in_one_line(url: str, told: str, no_videos: Path) -> None:
    url = str(no_videos / url) if url.endswith(".avi") else url
    async with running(camera(url, open_timeout_s=2)) as sink:
        await sink.until(lambda s: s.last.reconnects >= 1)
        lost = [health for health in sink.health if health.state is CameraState.LOST]
        assert told in lost[0].message
        assert "\n" not in lost[0].message
        assert sink.restarts == 0
    assert not sink.readings


@pytest.mark.usefixtures("model_cache")
async def test_a_password_is_neither_told_nor_on_a_command_line(secret: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    config = camera("rtsp://127.0.0.1:9/stream", credentials_file=secret, open_timeout_s=2)
    async with running(config) as sink:
        await sink.until(lambda s: CameraState.LOST in s.states)
        (process,) = processes_below()
        assert "haechi.edge.vision.process" in (words := command_line(process))
        assert not any("hunter2" in word for word in words)
    assert all("hunter2" not in health.message for health in sink.health)
    assert "hunter2" not in caplog.text


@pytest.mark.usefixtures("model_cache")
async def test_a_lens_that_goes_dark_is_told_with_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "dark.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (320, 192))
    street = np.kron(np.random.default_rng(1).integers(40, 180, (24, 40)), np.ones((8, 8))).astype(np.uint8)
    for number in range(110):
        writer.write(np.dstack([street if not 10 <= number < 60 else street // 20] * 3))
    writer.release()
    sink = Sink()
    async with asyncio.timeout(PATIENCE_S):
        await run_camera(camera(path), PLACE, sink)
    (dark, pictures), (light, none) = sink.events
    assert (dark.type, dark.condition, dark.phase) == ("device.degraded", "cam-1.view.black", Phase.RAISED)
    assert (light.condition, light.phase, none) == ("cam-1.view.black", Phase.CLEARED, ())
    (picture,) = pictures
    assert picture.content.startswith(b"\xff\xd8")
    assert dark.time_us < light.time_us


async def test_a_missing_model_is_told_before_any_process_starts(
    clip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAECHI_MODELS", str(tmp_path / "none"))
    async with running(camera(clip())) as sink:
        await sink.until(lambda s: CameraState.NO_MODEL in s.states)
        assert "run `haechi models fetch`" in sink.last.message
        assert not processes_below()


async def until_restarted(*command: str, clock_s: Callable[[], float] = time.monotonic) -> Sink:
    """Runs a camera whose process is something else."""
    waits: list[float] = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    config = camera("clip.avi")
    async with running(config, pause=pause, jitter=lambda: 0.5, command=command, clock_s=clock_s) as sink:
        await sink.until(lambda s: s.restarts >= 3)
    assert waits[:3] == [1, 2, 4]
    return sink


async def test_a_model_that_cannot_be_used_is_said_once_and_stays_what_is_wrong(
    caplog: pytest.LogCaptureFixture,
) -> None:
    says = (
        "import os, sys; from haechi.edge.vision.messages import *; "
        "os.write(1, encoded(Health(state=CameraState.NO_MODEL, message='own.onnx: no'))); sys.exit(3)"
    )
    sink = await until_restarted(sys.executable, "-c", says)
    assert set(sink.states) == {CameraState.NO_MODEL}
    assert [record.getMessage() for record in caplog.records].count("camera cam-1: own.onnx: no") == 1


async def test_a_key_that_nothing_can_be_sealed_to_is_told_until_there_is_a_sound_one(tmp_path: Path) -> None:
    key = tmp_path / "city.pub.pem"
    config = camera("clip.avi", lines=(), detector={"model": "none"}, originals={"public_key_file": key})

    async def pause(_seconds: float) -> None:
        await asyncio.sleep(0)

    async with running(config, pause=pause, command=(sys.executable, "-c", "")) as sink:
        await sink.until(lambda s: s.restarts >= 1)
        assert "city.pub.pem: cannot be read" in sink.no_originals_for[0]
        key.write_bytes(sealing.new_pair()[1])
        await sink.until(lambda s: not s.no_originals_for[-1])


@pytest.mark.usefixtures("model_cache")
async def test_a_process_that_writes_rubbish_is_started_again_with_growing_pauses() -> None:
    sink = await until_restarted(sys.executable, "-c", "print('Traceback: no module')")
    assert "rubbish" in sink.health[0].message


@pytest.mark.usefixtures("model_cache")
async def test_a_process_that_dies_at_once_says_its_last_line() -> None:
    sink = await until_restarted(sys.executable, "-c", "import sys; sys.exit('no memory for rtsp://u:p@cam/')")
    assert "code 1" in sink.health[0].message
    assert "no memory for rtsp://***@cam/" in sink.health[0].message


@pytest.mark.usefixtures("model_cache")
async def test_a_machine_that_starts_no_process_is_told_and_tried_again() -> None:
    sink = await until_restarted("/nowhere/python")
    assert "its process cannot be started: No such file" in sink.health[0].message


@pytest.mark.usefixtures("model_cache")
async def test_a_camera_whose_processes_all_end_is_told_as_blind_once() -> None:
    sink = await until_restarted(sys.executable, "-c", "raise SystemExit(1)", clock_s=count(0.0, 20.0).__next__)
    ((event, pictures),) = sink.events
    assert (event.type, event.condition, event.phase) == ("device.degraded", "cam-1.view.no_picture", Phase.RAISED)
    assert pictures == ()


@pytest.mark.usefixtures("model_cache")
async def test_a_new_process_knows_for_how_long_there_was_no_picture(clip: Callable[..., Path]) -> None:
    clock = count(0.0, 31.0)
    path = clip(seconds=1)
    hidden = path.rename(path.with_suffix(".hidden"))
    async with running(camera(path, loop=True), clock_s=lambda: next(clock)) as sink:
        await sink.until(lambda s: bool(s.events))
        hidden.rename(path)
        await sink.until(lambda s: len(s.events) == 2)
        assert sink.restarts == 0
    assert [event.phase for event, _pictures in sink.events] == [Phase.RAISED, Phase.CLEARED]
    assert {event.condition for event, _pictures in sink.events} == {"cam-1.view.no_picture"}
