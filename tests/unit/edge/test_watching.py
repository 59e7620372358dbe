"""With which conditions a camera's processes are started."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from haechi.edge import watching
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.messages import ClipWanted
from haechi.edge.vision.orders import Orders
from support.cameras import camera

ZONE = {"name": "bank", "kind": "intrusion", "polygon": [(0, 0.6), (1, 0.6), (1, 1)]}
WATCHED = camera("rtsp://camera/", zones=[ZONE])
OTHER = camera("rtsp://other/", id="cam-2", zones=[ZONE])


class Standing:
    """A recorder that knows what stands; see ``now``."""

    def __init__(self) -> None:
        self.now: set[str] = set()

    async def standing(self) -> set[str]:
        return set(self.now)


class Processes:
    """Where processes would be started: with what, and how each ends."""

    def __init__(self) -> None:
        self.started: asyncio.Queue[set[str]] = asyncio.Queue()
        self.ended = 0
        self.breaks: Exception | None = None

    async def run(self, _camera: CameraConfig, *_others: object, active: Iterable[str], **_options: object) -> None:
        self.started.put_nowait(set(active))
        if self.breaks is not None:
            raise self.breaks
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Processes:
    made = Processes()
    monkeypatch.setattr(watching, "run_camera", made.run)
    return made


def watched(recorder: Standing, found: watching.Found) -> "asyncio.Task[None]":
    there: Any = None
    stands: Any = recorder
    return asyncio.create_task(
        watching.watch(WATCHED, there, there, stands, orders=Orders(), memory=there, found=found)
    )


async def test_a_camera_begins_anew_with_what_the_disk_remembered_of_it(processes: Processes) -> None:
    recorder, found = Standing(), watching.Found([WATCHED, OTHER])
    task = watched(recorder, found)
    assert await processes.started.get() == set()
    found.tell({"cam-2.bank.intrusion", "river-1.alarm"})
    recorder.now = {"cam-1.bank.intrusion"}
    found.tell(recorder.now)
    assert await processes.started.get() == {"cam-1.bank.intrusion"}
    assert processes.ended == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert processes.ended == 2
    assert processes.started.empty()


async def test_what_breaks_is_the_supervisors_and_the_next_start_asks_anew(processes: Processes) -> None:
    recorder, found = Standing(), watching.Found([WATCHED])
    processes.breaks = OSError("no more processes")
    with pytest.raises(OSError, match="no more processes"):
        await watched(recorder, found)
    recorder.now, processes.breaks = {"cam-1.view.black"}, None
    task = watched(recorder, found)
    assert [await processes.started.get() for _ in range(2)] == [set(), {"cam-1.view.black"}]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_clip_that_waited_for_a_process_shows_the_seconds_of_its_event() -> None:
    now_s = [100.0]
    orders = Orders(lambda: now_s[0])
    orders.give(ClipWanted(event="event-1", age_s=2.0, asked=True))
    now_s[0] = 140.0
    assert await orders.next() == ClipWanted(event="event-1", age_s=42.0, asked=True)
