"""Cameras are run with the conditions that stand, and once more when others are found.

A camera clears what it raised, in an earlier process as well; so each process is told what stands when it begins. What
stands may be known to the disk alone, and the disk unreadable for a while.
"""

import asyncio
from collections.abc import Collection, Iterable
from pathlib import Path

from haechi.contract.places import Place
from haechi.edge.cameras import CameraDesk
from haechi.edge.recorder import Recorder
from haechi.edge.vision import describe
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.faults import FAULTS
from haechi.edge.vision.orders import Orders
from haechi.edge.vision.supervise import run_camera


def conditions(cameras: Iterable[CameraConfig]) -> set[str]:
    """Return the conditions that these cameras watch."""
    found: set[str] = set()
    for camera in cameras:
        found |= {describe.condition(camera, area) for area in camera.areas}
        found |= {describe.fault_condition(camera, fault) for fault in FAULTS}
    return found


class Found:
    """Which cameras have to hear of conditions that only the disk remembered."""

    def __init__(self, cameras: Iterable[CameraConfig]) -> None:
        """Begin with nothing to hear."""
        self._of = {camera.id: (conditions([camera]), asyncio.Event()) for camera in cameras}

    def tell(self, found: Collection[str]) -> None:
        """Tell whose conditions were found."""
        for watched, event in self._of.values():
            if not watched.isdisjoint(found):
                event.set()

    def heard(self, camera: CameraConfig) -> None:
        """Forget what the camera knows now."""
        self._of[camera.id][1].clear()

    async def wait(self, camera: CameraConfig) -> None:
        """Wait until there is something that the camera does not know."""
        await self._of[camera.id][1].wait()


async def watch(
    camera: CameraConfig,
    place: Place,
    desk: CameraDesk,
    recorder: Recorder,
    *,
    orders: Orders,
    memory: Path,
    found: Found,
) -> None:
    """Run one camera until it is cancelled, beginning with the conditions that stand.

    It begins anew when ``found`` tells of others: a process learns of conditions only when it is started.
    """
    while True:
        found.heard(camera)
        active = await recorder.standing()
        running = asyncio.create_task(run_camera(camera, place, desk, active=active, orders=orders, memory=memory))
        others = asyncio.create_task(found.wait(camera))
        try:
            await asyncio.wait({running, others}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
                # A file that was seen to its end stays ended; nothing is left to supervise.
                await asyncio.get_running_loop().create_future()
        finally:
            running.cancel()
            others.cancel()
            await asyncio.gather(running, others, return_exceptions=True)
