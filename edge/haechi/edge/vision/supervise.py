"""The gateway's side of a camera: runs its process, hands on what it says, and runs another when it dies.

Promise: whatever a camera's process (:mod:`.child`) does, nothing else is stopped, and another is started after a
growing pause. Conditions that were raised and not cleared survive a restart: the new process is told of them. Light:
neither OpenCV nor the detector is loaded here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from haechi.contract.events import Event
from haechi.contract.places import Place
from haechi.edge.clock import read_system_us
from haechi.edge.vision import describe
from haechi.edge.vision.child import Child, ChildFailed, rubbish
from haechi.edge.vision.config import WITHOUT_MODEL, CameraConfig
from haechi.edge.vision.faults import FAULTS, Fault, blind_after_s
from haechi.edge.vision.messages import (
    CameraState,
    ClipMade,
    ClipMissed,
    ClipWanted,
    Counts,
    Health,
    Measures,
    Message,
    SealedClip,
    Snapshot,
    Start,
    ViewChange,
    ZoneChange,
)
from haechi.edge.vision.models import cache
from haechi.edge.vision.models.errors import ModelError
from haechi.edge.vision.orders import Orders
from haechi.edge.vision.sink import CameraSink
from haechi.text import _

_RESTART_FIRST_S, _RESTART_MAX_S = 1.0, 60.0
_STEADY_S = 60.0  # a process that lived so long begins with the first pause again
_MODEL_CHECK_S = 2.0


@lru_cache(maxsize=1)
def _turn() -> int:
    """The file that all cameras of this gateway share, to make one clip at a time; it lives in memory."""
    return os.memfd_create("haechi-clips")


def new_event_id() -> str:
    """An id that is unique for ever."""
    return uuid.uuid4().hex


async def run_camera(
    config: CameraConfig,
    place: Place,
    sink: CameraSink,
    *,
    active: Iterable[str] = (),
    orders: Orders | None = None,
    memory: Path | None = None,
    new_id: Callable[[], str] = new_event_id,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    jitter: Callable[[], float] = random.random,
    clock_s: Callable[[], float] = time.monotonic,
    command: Sequence[str] = (sys.executable, "-m", "haechi.edge.vision.process"),
) -> None:
    """Runs one camera until it is cancelled, or until a file that is not looped is over.

    Args:
        config: the camera's.
        place: the place that it watches.
        sink: where its readings, events and status go.
        active: conditions (:func:`~haechi.edge.vision.describe.condition`) that were raised before and not cleared.
        orders: where others ask for clips.
        memory: folder for what its processes are to know again: the view, and how fast the detector is.
        new_id: gives ids of events and pictures.
        pause: waits so many seconds.
        jitter: 0..1, so that the cameras of a gateway are not all started at one time.
        clock_s: only rises.
        command: what is started.
    """
    orders = Orders() if orders is None else orders
    camera = _Camera(config, place, sink, frozenset(active), new_id, orders, memory, clock_s, Child(config.id, command))
    pause_s = _RESTART_FIRST_S
    while True:
        while (lack := _lacking_model(config)) is not None:
            camera.tell(Health(state=CameraState.NO_MODEL, message=lack))
            await camera.tell_blind()
            await pause(_MODEL_CHECK_S)
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        reason = await camera.run_once()
        await camera.miss_ordered()
        if reason is None:
            return
        if loop.time() - begun_s > _STEADY_S:
            pause_s = _RESTART_FIRST_S
        camera.tell_ended(reason)
        await camera.tell_blind()
        await pause(pause_s * (0.75 + 0.5 * jitter()))
        pause_s = min(pause_s * 2, _RESTART_MAX_S)
        camera.restarts += 1


def _lacking_model(config: CameraConfig) -> str | None:
    if config.detector.model in WITHOUT_MODEL:
        return None
    try:
        cache.check_present(config.detector.model)
    except ModelError as error:
        return str(error)
    return None


class _Camera:
    """One camera over the lives of its processes."""

    def __init__(
        self,
        config: CameraConfig,
        place: Place,
        sink: CameraSink,
        active: frozenset[str],
        new_id: Callable[[], str],
        orders: Orders,
        memory: Path | None,
        clock_s: Callable[[], float],
        child: Child,
    ) -> None:
        self._child = child
        self._clock_s = clock_s
        self._picture_s = clock_s()
        self._frames_read = 0
        self._orders = orders
        self._memory = memory
        self._detector = ""
        self._config = config
        self._place = place
        self._sink = sink
        self._active = {area.name for area in config.areas if describe.condition(config, area) in active}
        self._faults: set[Fault] = {fault for fault in FAULTS if describe.fault_condition(config, fault) in active}
        self._raised: dict[str, str] = {}
        self._new_id = new_id
        self._log = logging.getLogger(f"haechi.camera.{config.id}")
        self._said: tuple[CameraState, str] | None = None
        self._state = CameraState.OPENING
        self._ordered: dict[str, None] = {}
        self.restarts = 0

    def tell(self, health: Health) -> None:
        """Hands a status on; a change of state is worth one log line."""
        self._state, said = health.state, (health.state, health.message)
        if health.frames_read > self._frames_read:
            self._picture_s = self._clock_s()
        self._frames_read = health.frames_read
        if said != self._said:
            self._said = said
            level = logging.INFO if health.state in {CameraState.RUNNING, CameraState.ENDED} else logging.WARNING
            if health.state is not CameraState.OPENING:
                self._log.log(level, "camera %s: %s", self._config.id, health.message or health.state.value)
        if health.detector and health.detector != self._detector:
            self._detector = health.detector
            self._log.info("camera %s: detector %s", self._config.id, health.detector)
        self._sink.status(self._config.id, health, self.restarts)

    def tell_ended(self, reason: str) -> None:
        """Tells why another process is needed; one that lacks its model says the same again each time."""
        lacks_model = self._said == (CameraState.NO_MODEL, reason)
        self.tell(Health(state=CameraState.NO_MODEL if lacks_model else CameraState.LOST, message=reason))

    async def tell_blind(self) -> None:
        """Tells that no picture comes, where no process lives long enough to tell it."""
        blind_s = self._clock_s() - self._picture_s
        if "no_picture" not in self._faults and blind_s >= blind_after_s(self._config.picture_every_s):
            await self._take(ViewChange(fault="no_picture", raised=True, time_us=read_system_us(), lasted_s=blind_s))

    async def run_once(self) -> str | None:
        """Runs one process to its end; returns why another is needed, None when a file is over."""
        try:
            code = await self._child.run(self._beginning(), take=self._take, order=self._next_order)
        except ChildFailed as error:
            return str(error)
        if code == 0 and self._state is CameraState.ENDED:
            return None
        return self._reason(code)

    def _beginning(self) -> Start:
        return Start(
            config=self._config.model_dump(mode="json"),
            active=tuple(sorted(self._active)),
            faults=tuple(sorted(self._faults)),
            without_pictures_s=self._clock_s() - self._picture_s,
            turn=_turn(),
            seal_to=self._seal_to(),
            memory=None if self._memory is None else str(self._memory),
        )

    def _reason(self, code: int) -> str:
        if self._said is not None and self._said[0] in {CameraState.LOST, CameraState.NO_MODEL} and code > 0:
            return self._said[1]
        text = _("its process ended with code {code}; it is started again").format(code=code)
        complaint = self._child.complaint
        return f"{text} ({complaint})" if complaint and code > 0 else text

    async def _next_order(self) -> ClipWanted:
        wanted = await self._orders.next()
        self._ordered[wanted.event] = None
        return wanted

    async def _take(self, message: Message) -> None:
        match message:
            case Health():
                self.tell(message)
            case Counts():
                await self._sink.reading(describe.reading(self._config, message))
            case Measures():
                await self._sink.reading(describe.measured(self._config, message))
            case ZoneChange():
                try:
                    event, evidence = describe.event(
                        self._config,
                        self._place,
                        message,
                        new_id=self._new_id,
                        raised=self._raised.pop(message.zone, None),
                    )
                except KeyError as error:
                    raise rubbish() from error
                # First handed over, then remembered: a cancelled hand-over is told again, not forgotten.
                await self._sink.event(event, evidence)
                await self._keep_original(event, message.snapshot)
                (self._active.add if message.raised else self._active.discard)(message.zone)
                if message.raised:
                    self._raised[message.zone] = event.id
                    if describe.zone_of(self._config, message).clip:
                        gone = self._orders.give(ClipWanted(event=event.id))
                        if gone is not None:
                            await self._miss(gone.event, _("too many clips are asked for at a time"))
            case ViewChange():
                event, evidence = describe.fault_event(self._config, self._place, message, new_id=self._new_id)
                await self._sink.event(event, evidence)
                await self._keep_original(event, message.snapshot)
                (self._faults.add if message.raised else self._faults.discard)(message.fault)
            case ClipMade():
                self._ordered.pop(message.event, None)
                await self._sink.clip(describe.clip(self._config, message, new_id=self._new_id))
            case SealedClip():
                await self._sink.original(message.event, message.sealed, message.time_us, "video/mp4")
            case ClipMissed():
                await self._miss(message.event, message.reason)

    async def _miss(self, event: str, reason: str) -> None:
        self._ordered.pop(event, None)
        self._log.warning("camera %s: no clip of event %s: %s", self._config.id, event, reason)
        await self._sink.clip_missed(event, reason)

    async def miss_ordered(self) -> None:
        """Tells which clips ended with the process: what they were to be made of has gone with it."""
        for event in tuple(self._ordered):
            await self._miss(event, _("the camera's process ended, and with it what it remembered"))

    async def _keep_original(self, event: Event, snapshot: Snapshot | None) -> None:
        if snapshot is not None and snapshot.sealed is not None:
            await self._sink.original(event.id, snapshot.sealed, event.time_us, "image/jpeg")

    def _seal_to(self) -> bytes | None:
        """The key that originals are sealed to; without a sound one none are kept, and the camera works anyway."""
        if self._config.originals is None:
            return None
        from haechi.edge.vision.sealing import SealError, read_public_key

        key, reason = None, ""
        try:
            key = read_public_key(self._config.originals.public_key_file)
        except SealError as error:
            reason = str(error)
            self._log.error("camera %s: no originals are kept: %s", self._config.id, reason)
        self._sink.no_originals(self._config.id, reason)
        return key
