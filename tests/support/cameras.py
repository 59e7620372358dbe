"""Runs a camera as the gateway does, and keeps what it reports."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from haechi.contract.events import Event, Evidence
from haechi.contract.observations import Reading
from haechi.contract.places import Place
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.messages import CameraState, Health
from haechi.edge.vision.supervise import run_camera

PLACE = Place(id="bridge", name="Bridge", latitude=36.37, longitude=127.37)
LINE = {"name": "gate", "a": (0.5, 0), "b": (0.5, 1)}
PATIENCE_S = 60
GATEWAY = """
[gateway]
id = "gw-1"
tenant = "daejeon"
data_dir = "data"
[uplink]
url = "mqtt://127.0.0.1:1883"
[[place]]
id = "bridge"
name = "Bridge"
latitude = 36.3
longitude = 127.3
"""
"""The file of a gateway, up to its cameras."""


class Sink:
    """Keeps what a camera reports, and lets tests wait for it."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.events: list[tuple[Event, Sequence[Evidence]]] = []
        self.clips: list[Evidence] = []
        self.missed: list[tuple[str, str]] = []
        self.originals: list[tuple[str, bytes, str]] = []
        self.no_originals_for: list[str] = []
        self.health: list[Health] = []
        self.restarts = 0
        self._news = asyncio.Event()

    async def reading(self, reading: Reading) -> None:
        self.readings.append(reading)
        self._news.set()

    async def event(self, event: Event, evidence: Sequence[Evidence]) -> None:
        self.events.append((event, evidence))
        self._news.set()

    async def original(self, event: str, sealed: bytes, time_us: int, media_type: str) -> None:
        self.originals.append((event, sealed, media_type))
        self._news.set()

    async def clip(self, clip: Evidence) -> None:
        self.clips.append(clip)
        self._news.set()

    def no_originals(self, camera: str, reason: str) -> None:
        self.no_originals_for.append(reason)

    async def clip_missed(self, event: str, reason: str) -> None:
        self.missed.append((event, reason))
        self._news.set()

    def status(self, camera: str, health: Health, restarts: int) -> None:
        self.health.append(health)
        self.restarts = restarts
        self._news.set()

    async def until(self, condition: Callable[["Sink"], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition(self):
                self._news.clear()
                await self._news.wait()

    @property
    def states(self) -> list[CameraState]:
        return [health.state for health in self.health]

    @property
    def last(self) -> Health:
        return self.health[-1] if self.health else Health(state=CameraState.OPENING)


def camera(url: str | Path, **changes: Any) -> CameraConfig:
    return CameraConfig.model_validate(
        {"id": "cam-1", "url": str(url), "place": "bridge", "lines": [LINE], "count_period_s": 1} | changes
    )


@asynccontextmanager
async def running(config: CameraConfig, **changes: Any) -> AsyncIterator[Sink]:
    sink = Sink()
    task = asyncio.create_task(run_camera(config, PLACE, sink, **changes))
    try:
        yield sink
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def processes_below() -> set[int]:
    """Ids of the camera processes that this test's own process has started."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes()
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == os.getpid() and b"haechi.edge.vision.process" in words:
                found.add(int(folder.name))
    return found
