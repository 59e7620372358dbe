"""Where the gateway's cameras report: their counts, events and state go the same road as everything else."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from msgspec.structs import replace

from haechi.contract.events import Event, Evidence
from haechi.contract.observations import Reading
from haechi.edge.clips import MissedClips
from haechi.edge.clock import WallClock
from haechi.edge.config import GatewayConfig
from haechi.edge.health import Health, State
from haechi.edge.recorder import Recorder
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.messages import CameraState
from haechi.edge.vision.messages import Health as CameraHealth
from haechi.edge.vision.originals import FOLDER as ORIGINALS
from haechi.edge.vision.originals import Originals, let_go_everywhere
from haechi.text import _

_log = logging.getLogger("haechi.edge.cameras")

_LET_GO_EVERY_S = 3600.0
_STATES: dict[CameraState, State] = {
    CameraState.OPENING: "starting",
    CameraState.RUNNING: "running",
    CameraState.LOST: "retrying",
    CameraState.NO_MODEL: "retrying",
    CameraState.ENDED: "stopped",
}


class CameraDesk:
    """Takes what cameras say; their processes stamp with the machine's own clock, which is put right here."""

    def __init__(
        self,
        recorder: Recorder,
        clock: WallClock,
        health: Health,
        originals: Originals | None = None,
        missed: MissedClips | None = None,
    ) -> None:
        """Hand on what cameras say.

        Args:
            recorder: takes readings and events.
            clock: tells the time.
            health: takes states.
            originals: takes what is sealed; None where nothing is.
            missed: takes clips that are not to come.
        """
        self._recorder, self._clock, self._health = recorder, clock, health
        self._originals = originals
        self._missed = MissedClips(clock.now_us) if missed is None else missed
        self._clips: Counter[str] = Counter()

    async def reading(self, reading: Reading) -> None:
        """Take the counts of one period."""
        await self._recorder.stamped_reading(reading)

    async def event(self, event: Event, evidence: Sequence[Evidence]) -> None:
        """Take an event and its pictures."""
        time_us = self._put_right(event.time_us)
        pictures = [replace(picture, time_us=time_us) for picture in evidence]
        self._recorder.event(replace(event, time_us=time_us), pictures)

    async def clip(self, clip: Evidence) -> None:
        """Take a clip of an event that was taken before."""
        self._clips["clips_made"] += 1
        self._recorder.pictures([replace(clip, time_us=self._put_right(clip.time_us))])

    async def clip_missed(self, event: str, reason: str) -> None:
        """Take that a clip of an event is not to come."""
        self._clips["clips_missed"] += 1
        self._missed.tell(event, reason)

    async def original(self, event: str, sealed: bytes, time_us: int, media_type: str) -> None:
        """Keep what is sealed; a disk that refuses costs no more than the original."""
        if self._originals is None:
            return
        now_us = self._clock.now_us()
        keep = partial(self._originals.keep, sealed, event=event, time_us=self._put_right(time_us), now_us=now_us)
        line = ""
        try:
            await asyncio.to_thread(keep, media_type=media_type)
        except (OSError, ValueError) as error:
            line = _("{camera}: the original of event {event} is not kept: {reason}").format(
                camera=self._originals.camera, event=event, reason=error
            )
            _log.error("%s", line)
        self._health.problem(f"originals.disk.{self._originals.camera}", line)

    def no_originals(self, camera: str, reason: str) -> None:
        """Take why nothing can be sealed, though the policy asks for it; empty when it can."""
        line = _("{camera}: no originals are kept: {reason}").format(camera=camera, reason=reason) if reason else ""
        self._health.problem(f"originals.key.{camera}", line)

    def _put_right(self, time_us: int) -> int:
        return self._clock.now_us() - self._clock.age_us(time_us)

    def status(self, camera: str, health: CameraHealth, restarts: int) -> None:
        """Take how a camera is doing."""
        counters: dict[str, int | float] = {
            "frames_read": health.frames_read,
            "frames_looked_at": health.frames_looked_at,
            "frames_analysed": health.frames_analysed,
            "frames_skipped": health.frames_skipped,
            "frames_left_out": health.frames_left_out,
            "reconnects": health.reconnects,
            "decoding_share": round(health.decoding_share, 3),
            "look_ms": round(health.look_ms, 1),
            "restarts": restarts,
            "clips_made": self._clips["clips_made"],
            "clips_missed": self._clips["clips_missed"],
        }
        detail = health.message
        if not detail and health.detector and health.state is CameraState.RUNNING:
            detail = _("detector {detector}").format(detector=health.detector)
        self._health.component(camera, "camera", _STATES[health.state], detail, counters)


def originals_of(config: GatewayConfig, camera: CameraConfig) -> Originals | None:
    """Return where a camera's originals are kept; None where the policy keeps none."""
    if camera.originals is None:
        return None
    folder = config.gateway.data_dir / ORIGINALS / camera.id
    return Originals(folder, bytes_max=camera.originals.bytes_max, days_max=camera.originals.days_max)


async def let_originals_go(
    config: GatewayConfig, clock: WallClock, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Delete originals that are too old, now and hourly, whether new ones come or not; run until cancelled."""
    kept = {camera.id: originals for camera in config.camera if (originals := originals_of(config, camera))}
    while True:
        try:
            await asyncio.to_thread(let_go_everywhere, config.gateway.data_dir / ORIGINALS, kept, clock.now_us())
        except OSError as error:
            _log.error("originals that are too old cannot be deleted: %s", error)
        await pause(_LET_GO_EVERY_S)
