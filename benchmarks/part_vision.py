"""The detector beside bare inference, and what a camera costs that sees nothing move."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import av
import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Limit, percentile
from benchmarks.processes import Meter, Process
from haechi.demo.clip import obtain
from haechi.edge.vision import nanodet
from haechi.edge.vision.config import CameraConfig, DetectorConfig, MotionConfig
from haechi.edge.vision.detection import without_doubles
from haechi.edge.vision.detector import open_detector
from haechi.edge.vision.labels import LABELS
from haechi.edge.vision.messages import HEADER, CameraState, Health, Start, body_length, decoded
from haechi.edge.vision.models import cache
from haechi.edge.vision.runtime import open_session
from support.rtsp_camera import RtspCamera, film, rtsp

FLOOR_LOOK_RATIO, FLOOR_GATE_RATIO = 1.15, 0.15
_WIDTH_PX, _HEIGHT_PX, _FRAMES_A_S = 640, 360, 15
_LARGER_PX = ((1280, 720), (1920, 1080))
_CLIP_S, _CLIP_S_LARGER = 20, 6
_LOOKS_A_S, _FOUR = 5, 4
_BUSY_S = 10.0
"""Into the demo's clip, where people walk."""
_WARM_UP_S = 4.0


async def measure_look(bench: Bench) -> Sequence[Figure]:
    """One look, pre- and post-processing included, in turns with the inference alone."""
    config = DetectorConfig(precision="fp32")
    bench.say(f"{config.model} {config.input_size}, a street with people")
    picture = await asyncio.to_thread(_street)
    detector = open_detector(config, LABELS)
    session = open_session(cache.locate(config.model, "fp32", config.input_size), config.threads)
    height, width = session.get_inputs()[0].shape[2:]
    prepared = nanodet.normalised(np.asarray(cv2.resize(picture, (width, height)), np.uint8))
    found = len(without_doubles(detector.look(picture)))
    looks_s, bare_s = [], []
    for _ in range(int(bench.choose(100, 300))):
        looks_s.append(_timed(lambda: without_doubles(detector.look(picture))))
        bare_s.append(_timed(lambda: session.run(list(nanodet.OUTPUTS), {"image": prepared})))
    bench.say(f"{found} objects found")
    # The median of pairs: whatever else the machine does meets both halves of a pair.
    ratio = percentile([look / bare for look, bare in zip(looks_s, bare_s, strict=True)], 0.5)
    limit = Limit("bare inference", 1000 * percentile(bare_s, 0.5), "ms")
    return [
        Figure("vision.look", 1000 * percentile(looks_s, 0.5), "ms", compared_with=limit),
        Figure("vision.look_by_bare_inference", ratio, "×", FLOOR_LOOK_RATIO, compared_with=limit),
    ]


def _timed(work: Callable[[], object]) -> float:
    begun_s = time.perf_counter()
    work()
    return time.perf_counter() - begun_s


def _street() -> NDArray[np.uint8]:
    capture = cv2.VideoCapture(str(obtain(lambda _line: None)), cv2.CAP_FFMPEG)
    capture.set(cv2.CAP_PROP_POS_MSEC, 1000 * _BUSY_S)
    there, picture = capture.read()
    capture.release()
    assert there
    return np.asarray(cv2.resize(picture, (_WIDTH_PX, _HEIGHT_PX)), np.uint8)


async def measure_gate(bench: Bench) -> Sequence[Figure]:
    """A still street: with the gate, with the gate forced open, and decoding alone, all three at the same time."""
    figures = await _gate(bench, (_WIDTH_PX, _HEIGHT_PX), bench.choose(20, 40))
    for size_px in _LARGER_PX:
        figures += await _gate(bench, size_px, bench.choose(8, 20))
    return [*figures, await _four(bench)]


async def _gate(bench: Bench, size_px: tuple[int, int], seconds: float) -> list[Figure]:
    first = size_px == (_WIDTH_PX, _HEIGHT_PX)
    name = "" if first else f"_{size_px[1]}p"
    bench.say(f"making a clip of a still street, {size_px[0]}x{size_px[1]}")
    folder = bench.folder / f"{size_px[1]}p"
    folder.mkdir()
    clip = folder / "still.mp4"
    await asyncio.to_thread(_make_clip, clip, size_px, _CLIP_S if first else _CLIP_S_LARGER)
    with ExitStack() as stack:
        gated = _camera(stack, folder / "gated", clip, gate=True)
        forced = _camera(stack, folder / "forced", clip, gate=False)
        bare = stack.enter_context(Process(folder, "benchmarks.bare_decode", str(clip)))
        await bare.line()
        for camera in (gated, forced):
            await asyncio.to_thread(_until_running, camera)
        await asyncio.sleep(_WARM_UP_S)
        bench.say("with the gate, with the gate forced open, and decoding alone")
        meters = [Meter(one.pid) for one in (gated, forced, bare)]
        await asyncio.sleep(seconds)
        readings = [meter.read() for meter in meters]
    shares = [cpu_used_s / elapsed_s for elapsed_s, cpu_used_s in readings]
    by_forced = Limit("the same with the gate forced open", 100 * shares[1], "% of a core")
    decoding = Limit("decoding alone", shares[2] / shares[1], "×")
    return [
        Figure(f"vision.still_camera{name}_cpu", 100 * shares[0], "% of a core", compared_with=by_forced),
        Figure(
            f"vision.still_camera{name}_by_forced_open",
            shares[0] / shares[1],
            "×",
            FLOOR_GATE_RATIO if first else None,
            "less",
            decoding,
        ),
    ]


async def _four(bench: Bench) -> Figure:
    """Four still cameras at a time: how many of the pictures that came were looked at as they should."""
    bench.say("four cameras at a time")
    clip, seconds = bench.folder / f"{_HEIGHT_PX}p" / "still.mp4", bench.choose(10, 20)
    with ExitStack() as stack:
        cameras = [_camera(stack, bench.folder / f"camera-{n}", clip, gate=True) for n in range(_FOUR)]
        for camera in cameras:
            await asyncio.to_thread(_until_running, camera)
        healths = await asyncio.gather(*(asyncio.to_thread(_looked_at, camera, seconds) for camera in cameras))
    return Figure("vision.slowest_of_four_cameras", min(healths), "looks/s", 0.95 * _LOOKS_A_S, "more")


async def measure_beside(bench: Bench) -> Sequence[Figure]:
    """Three small cameras alone, then beside a stream that costs more than the machine has: none of them is starved."""
    bench.say("three small cameras alone, then beside a 4K stream")
    small = await asyncio.to_thread(film, "h264", _WIDTH_PX, _HEIGHT_PX)
    dear = await asyncio.to_thread(film, "hevc", 3840, 2160, noise=6.0)
    three = [RtspCamera(small, frames_a_s=_FRAMES_A_S)] * 3
    alone = await _streams(bench, "alone", three)
    beside = await _streams(bench, "beside", [*three, RtspCamera(dear, "hevc", frames_a_s=25)])
    without = Limit("without it", min(alone), "looks/s")
    return [
        Figure("vision.slowest_beside_4k", min(beside[:3]), "looks/s", compared_with=without),
        Figure("vision.slowest_beside_4k_by_alone", min(beside[:3]) / min(alone), "×", 0.8, "more", without),
        Figure("vision.the_4k_itself", beside[3], "looks/s"),
    ]


async def _streams(bench: Bench, name: str, them: Sequence[RtspCamera]) -> list[float]:
    """Looks a second that each of some streams gets at the same time."""
    async with AsyncExitStack() as served:
        urls = [await served.enter_async_context(rtsp(it)) for it in them]
        with ExitStack() as stack:
            cameras = [_camera(stack, bench.folder / f"{name}-{n}", url, gate=True) for n, url in enumerate(urls)]
            await asyncio.gather(*(asyncio.to_thread(_until_running, camera) for camera in cameras))
            seconds = bench.choose(10, 20)
            return await asyncio.gather(*(asyncio.to_thread(_looked_at, camera, seconds) for camera in cameras))


def _looked_at(camera: Process, seconds: float) -> float:
    """Looks a second over some time."""
    begun_s, first = 0.0, -1
    while header := camera.read(HEADER.size):
        message = decoded(camera.read(body_length(header)))
        if isinstance(message, Health):
            if first < 0:
                begun_s, first = time.monotonic(), message.frames_looked_at
            elif time.monotonic() - begun_s >= seconds:
                return (message.frames_looked_at - first) / (time.monotonic() - begun_s)
    raise RuntimeError(f"the camera's process ended: {camera.log[-2000:]}")


def _make_clip(path: Path, size_px: tuple[int, int], seconds: float) -> None:
    """Write a still picture with a sensor's noise as H.264: blocks to decode, and nothing that moves."""
    chance = np.random.default_rng(1)
    scene = chance.integers(0, 255, (_HEIGHT_PX // 20, _WIDTH_PX // 20, 3), np.uint8)
    still = cv2.resize(scene, size_px, interpolation=cv2.INTER_CUBIC).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=_FRAMES_A_S)
        stream.width, stream.height, stream.pix_fmt = *size_px, "yuv420p"
        stream.options = {"preset": "veryfast", "bf": "0", "g": str(2 * _FRAMES_A_S), "crf": "26"}
        for _ in range(round(_FRAMES_A_S * seconds)):
            noise = chance.normal(0, 2, still.shape[:2])[..., np.newaxis]
            picture = np.clip(still + noise, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())


def _camera(stack: ExitStack, folder: Path, clip: Path | str, *, gate: bool) -> Process:
    folder.mkdir()
    zone: dict[str, Any] = {"name": "street", "kind": "intrusion", "polygon": [(0.1, 0.1), (0.9, 0.1), (0.5, 0.9)]}
    config = CameraConfig.model_validate(
        {
            "id": "still",
            "url": str(clip),
            "place": "bridge",
            "loop": isinstance(clip, Path),
            "looks_per_s": _LOOKS_A_S,
            "zones": [zone],
            "detector": {"precision": "fp32"},
            "motion": MotionConfig(enabled=gate).model_dump(),
        }
    )
    camera = stack.enter_context(Process(folder, "haechi.edge.vision.process"))
    camera.write(msgspec.json.encode(Start(config=config.model_dump(mode="json"))) + b"\n")
    return camera


def _until_running(camera: Process) -> None:
    while header := camera.read(HEADER.size):
        message = decoded(camera.read(body_length(header)))
        if isinstance(message, Health) and message.state is CameraState.RUNNING:
            return
    raise RuntimeError(f"the camera's process ended: {camera.log[-2000:]}")
