"""The gateway's side of a camera: starts its process, hands on what it says, and starts it again when it dies.

Promise: whatever a camera's process does (end, hang, be killed, write rubbish), nothing else is stopped; it is killed
when it is silent and started again after a growing pause. Conditions that were raised and not cleared survive a
restart: the new process is told of them. Light: neither OpenCV nor the detector is loaded here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import msgspec

from haechi.contract.events import Event, Evidence
from haechi.contract.observations import Reading
from haechi.contract.places import Place
from haechi.edge.vision import describe
from haechi.edge.vision.config import WITHOUT_MODEL, CameraConfig
from haechi.edge.vision.faults import FAULTS, Fault, blind_after_s
from haechi.edge.vision.masked import masked
from haechi.edge.vision.messages import (
    HEADER,
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
    body_length,
    decoded,
)
from haechi.edge.vision.models import cache
from haechi.edge.vision.models.errors import ModelError
from haechi.edge.vision.orders import Orders
from haechi.text import _

FIRST_WORD_S = 60.0  # loading OpenCV and the model from a slow card
SILENT_S = 15.0
_RESTART_FIRST_S, _RESTART_MAX_S = 1.0, 60.0
_STEADY_S = 60.0  # a process that lived so long begins with the first pause again
_MODEL_CHECK_S = 2.0
_LOG_LINE_CHARACTERS = 500
_LOG_LINES_A_MINUTE = 60


class CameraSink(Protocol):
    """Where the gateway takes what its cameras report."""

    async def reading(self, reading: Reading) -> None:
        """Takes the counts of one period."""
        ...

    async def event(self, event: Event, evidence: Sequence[Evidence]) -> None:
        """Takes an event and its pictures; the camera waits until it returns."""
        ...

    async def original(self, event: str, sealed: bytes, time_us: int, media_type: str) -> None:
        """Takes what is to be kept sealed."""
        ...

    def no_originals(self, camera: str, reason: str) -> None:
        """Takes why nothing can be sealed, though the configuration asks for it; empty when it can."""
        ...

    async def clip(self, clip: Evidence) -> None:
        """Takes a clip of an event that it took before."""
        ...

    async def clip_missed(self, event: str, reason: str) -> None:
        """Takes that a clip that was wanted is not to come."""
        ...

    def status(self, camera: str, health: Health, restarts: int) -> None:
        """Takes how a camera is doing."""
        ...


class _ProcessFailed(Exception):  # noqa: N818 - reads as what it is
    """The process cannot be talked to any more: start another."""


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
    camera = _Camera(config, place, sink, frozenset(active), new_id, orders, memory, clock_s)
    pause_s = _RESTART_FIRST_S
    while True:
        while (lack := _lacking_model(config)) is not None:
            camera.tell(Health(state=CameraState.NO_MODEL, message=lack))
            await camera.tell_blind()
            await pause(_MODEL_CHECK_S)
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        reason = await camera.run_once(command)
        await camera.miss_ordered()
        if reason is None:
            return
        if loop.time() - begun_s > _STEADY_S:
            pause_s = _RESTART_FIRST_S
        camera.tell(Health(state=CameraState.LOST, message=reason))
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
    ) -> None:
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
        self._complaint = ""
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

    async def tell_blind(self) -> None:
        """Tells that no picture comes, where no process lives long enough to tell it."""
        blind_s = self._clock_s() - self._picture_s
        if "no_picture" not in self._faults and blind_s >= blind_after_s(self._config.picture_every_s):
            now_us = time.time_ns() // 1000
            await self._take(ViewChange(fault="no_picture", raised=True, time_us=now_us, lasted_s=blind_s))

    async def run_once(self, command: Sequence[str]) -> str | None:
        """Runs one process to its end; returns why another is needed, None when a file is over."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(_turn(),),
            )
        except OSError as error:
            # No memory, or no more processes allowed: for this machine now, not for good.
            return _("its process cannot be started: {reason}").format(reason=error.strerror or error)
        beside = [asyncio.create_task(self._relay(process.stderr))]
        try:
            await self._start(process)
            beside.append(asyncio.create_task(self._hand_on(process.stdin)))
            await self._listen(process)
            code = await process.wait()
        except _ProcessFailed as error:
            return str(error)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            # A process that is killed cannot close what its own children hold; the relay is not worth waiting for.
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            if process.stdin is not None:
                process.stdin.close()
                with contextlib.suppress(OSError):
                    await process.stdin.wait_closed()
        if code == 0 and self._state is CameraState.ENDED:
            return None
        return self._reason(code)

    def _reason(self, code: int) -> str:
        if self._said is not None and self._said[0] in {CameraState.LOST, CameraState.NO_MODEL} and code > 0:
            return self._said[1]
        text = _("its process ended with code {code}; it is started again").format(code=code)
        return f"{text} ({self._complaint})" if self._complaint and code > 0 else text

    async def _start(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # noqa: S101 - asked for above; tells the type checker
        start = Start(
            config=self._config.model_dump(mode="json"),
            active=tuple(sorted(self._active)),
            faults=tuple(sorted(self._faults)),
            without_pictures_s=self._clock_s() - self._picture_s,
            turn=_turn(),
            seal_to=self._seal_to(),
            memory=None if self._memory is None else str(self._memory),
        )
        # A process that has ended already is judged by what it wrote and by its exit code, as every other.
        with contextlib.suppress(OSError):
            process.stdin.write(msgspec.json.encode(start) + b"\n")
            await process.stdin.drain()

    async def _hand_on(self, orders: asyncio.StreamWriter | None) -> None:
        """Hands orders to the process."""
        assert orders is not None  # noqa: S101 - as above
        with contextlib.suppress(OSError):
            while True:
                wanted = await self._orders.next()
                self._ordered[wanted.event] = None
                orders.write(msgspec.json.encode(wanted) + b"\n")
                await orders.drain()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - as above
        patience_s = FIRST_WORD_S
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    message = await _next(process.stdout)
            except TimeoutError as error:
                text = _("its process said nothing for {seconds:.0f} s; it is started again")
                raise _ProcessFailed(text.format(seconds=patience_s)) from error
            except ValueError as error:
                raise _ProcessFailed(_("its process wrote rubbish; it is started again")) from error
            if message is None:
                return
            patience_s = SILENT_S
            await self._take(message)

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
                    raise _ProcessFailed(_("its process wrote rubbish; it is started again")) from error
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

    async def _relay(self, lines: asyncio.StreamReader | None) -> None:
        """Writes the process's lines into the log: masked, cut, and not more than so many a minute."""
        assert lines is not None  # noqa: S101 - as above
        loop = asyncio.get_running_loop()
        minute, count = 0, 0
        while True:
            try:
                raw = await lines.readline()
            except ValueError:  # longer than the reader's limit; the rest of it comes as lines of its own
                continue
            if not raw:
                return
            line = masked(raw.decode(errors="replace").strip())[:_LOG_LINE_CHARACTERS]
            self._complaint = line or self._complaint
            if minute != int(loop.time() // 60):
                minute, count = int(loop.time() // 60), 0
            count += 1
            if line and count <= _LOG_LINES_A_MINUTE:
                self._log.debug("camera %s: %s", self._config.id, line)


async def _next(stream: asyncio.StreamReader) -> Message | None:
    """The next message; None at the end of the stream.

    Raises:
        ValueError: what came is none of ours.
    """
    try:
        header = await stream.readexactly(HEADER.size)
        return decoded(await stream.readexactly(body_length(header)))
    except asyncio.IncompleteReadError:
        return None
