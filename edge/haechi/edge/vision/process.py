"""The process of one camera: ``python -m haechi.edge.vision.process``, started by :mod:`.supervise`.

Promise: it reads one :class:`~.messages.Start` from standard input, then writes messages only, whatever its libraries
print; log lines go to standard error. A camera that is not there is tried again with growing pauses. It ends by
itself when the gateway does, when a file that is not looped is over (0), when the detector cannot be loaded (3), and
when the camera's driver hangs (4), for then only a new process helps.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import cv2
import msgspec

from haechi.edge.vision import evidence
from haechi.edge.vision.bounds import bound_memory
from haechi.edge.vision.capture import Capture, Frame
from haechi.edge.vision.choosing import choose
from haechi.edge.vision.clipping import Clipper, Seal
from haechi.edge.vision.clips import People
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.cost import DecodingCost, Spent
from haechi.edge.vision.counting import CrossingCounter, Period
from haechi.edge.vision.detector import Detector, open_detector
from haechi.edge.vision.faults import Fault, blind_after_s
from haechi.edge.vision.flow import Flow
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.known_view import KnownView
from haechi.edge.vision.looking import Look, Looker
from haechi.edge.vision.messages import (
    CameraState,
    ClipMissed,
    ClipWanted,
    Counts,
    Health,
    Measures,
    Message,
    Snapshot,
    Start,
    ViewChange,
    ZoneChange,
    encoded,
)
from haechi.edge.vision.models.errors import ModelError
from haechi.edge.vision.source import CannotOpen
from haechi.edge.vision.tracker import Track
from haechi.edge.vision.view import FaultChange
from haechi.edge.vision.zones import Change
from haechi.text import _

EXIT_NO_MODEL = 3
EXIT_HUNG = 4

_NICENESS = 5  # a look may wait, the gateway's alarms and its queue may not
_HEALTH_EVERY_S = 1.0
_RETRY_FIRST_S, _RETRY_MAX_S = 1.0, 30.0
_SMOOTHING = 0.1
_WAIT_S = 0.5
_VIEW_AGAIN_S, _VIEW_EVERY_S = (120.0, 600.0), 3600.0
"""The view is kept once it is learned, soon again, for a lorry may have stood in front of it, and then hourly."""
_BUSY_SHARE, _IDLE_SHARE = 1.0, 0.4  # of the time between looks, taken by one

Send = Callable[[Message], None]


def wall_clock_us() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1000


class CameraLoop:
    """Opens a camera again and again, looks at its pictures, and says what happened."""

    def __init__(
        self,
        config: CameraConfig,
        detector: Detector,
        send: Send,
        *,
        active: frozenset[str] = frozenset(),
        faults: frozenset[Fault] = frozenset(),
        without_pictures_s: float = 0.0,
        clipper: Clipper | None = None,
        seal: Seal | None = None,
        known_view: KnownView | None = None,
        said_detector: str = "",
        clock_us: Callable[[], int] = wall_clock_us,
        open_capture: Callable[..., Capture] = Capture,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepares; nothing is opened yet.

        Args:
            config: the camera's.
            detector: what finds objects.
            send: takes what there is to say; a :class:`~.messages.Health` only as long as it takes to write it down.
            active: zones whose condition was raised before and not cleared.
            faults: what was wrong with the view before and is not known to be over.
            without_pictures_s: for how long no picture has come.
            clipper: makes its clips.
            seal: seals originals, where the policy keeps them.
            known_view: keeps what the view should be over restarts.
            said_detector: which detector it is, for people.
            clock_us: wall clock.
            open_capture: opens the camera.
            sleep: waits so many seconds.
        """
        self._config = config
        self._send = send
        self._clock_us = clock_us
        self._open_capture = open_capture
        self._sleep = sleep
        self._outlines = {area.name: area.outline for area in config.areas}
        self._zones = frozenset(zone.name for zone in config.zones)
        self._known_view = known_view
        self._view_due_s = float("-inf")
        self._view_again_s = iter(_VIEW_AGAIN_S)
        known = None if known_view is None else known_view.read()
        self._looker = Looker(config, detector, active=active, faults=faults, known=known)
        self._flow = Flow(time.monotonic() - without_pictures_s, active=faults, every_s=config.picture_every_s or 0.0)
        self._clipper = clipper
        self._seal = seal
        self._last: Frame | None = None
        hours = {line.name: line.hours(config.time_zone) for line in config.lines}
        self._counter = CrossingCounter(
            hours, period_s=config.count_period_s, in_force=lambda line, now_us: hours[line].in_force(now_us)
        )
        self._health = Health(state=CameraState.OPENING, detector=said_detector)
        self._health_due_s = 0.0
        self._read_before = self._left_out_before = 0
        self._cost = DecodingCost(time.monotonic())

    def run(self) -> int:
        """Runs until a file is over; returns the exit code."""
        retry_s = _RETRY_FIRST_S
        self._tell(CameraState.OPENING)
        while True:
            capture = self._open_capture(self._config, clock_us=self._clock_us)
            looked_before = self._health.frames_looked_at
            try:
                self._watch(capture)
            except CannotOpen as error:
                self._tell(CameraState.LOST, str(error))
                if self._health.frames_looked_at > looked_before:
                    retry_s = _RETRY_FIRST_S
                if capture.hung:
                    self._send_counts(self._counter.rest())
                    return EXIT_HUNG
                self._pause(retry_s)
                retry_s = min(retry_s * 2, _RETRY_MAX_S)
                self._health.reconnects += 1
                continue
            finally:
                self._read_before += capture.frames_read
                self._left_out_before += capture.left_out
                self._health.frames_read, self._health.frames_left_out = self._read_before, self._left_out_before
                capture.close()
                self._looker.forget()
            if not self._config.loop:
                self._send_counts(self._counter.rest())
                if self._clipper is not None:
                    self._clipper.finish()
                self._tell(CameraState.ENDED)
                return 0

    def _watch(self, capture: Capture) -> None:
        """Looks at pictures until a file is over.

        Raises:
            CannotOpen: no more pictures come.
        """
        period_s = 1 / self._config.looks_per_s
        due_s = time.monotonic()
        while not capture.ended:
            frame = capture.newest(_WAIT_S)
            self._health.frames_read = self._read_before + capture.frames_read
            self._health.frames_left_out = self._left_out_before + capture.left_out
            if frame is not None:
                self._last = frame
                if (self._clock_us() - frame.time_us) / 1_000_000 < blind_after_s(self._config.picture_every_s):
                    # One that lay in its folder for days is no sign that the camera works.
                    self._flow.take(time.monotonic(), capture.standing_s)
                self._account(capture)
                if self._flow.frozen:
                    self._looker.forget()
                    self._send_counts(self._counter.look_away(frame.time_us))
                else:
                    self._look(frame)
                if self._health.state is not CameraState.RUNNING:
                    self._tell(CameraState.RUNNING, self._advice)
                due_s = max(due_s + period_s, time.monotonic() - period_s)
                # Not a sleep to the letter: `newest` then waits for the next picture to be taken.
                self._sleep(max(0.0, due_s - time.monotonic()))
            elif capture.hung:
                raise CannotOpen(f"{self._config.id}: the camera's driver hangs")
            self._tell_if_due()

    def _look(self, frame: Frame) -> None:
        begun_s = time.perf_counter()
        look = self._looker.look(frame.picture, frame.monotonic_s, frame.time_us)
        health = self._health
        health.frames_looked_at += 1
        health.frames_skipped = health.frames_read - health.frames_looked_at
        if look.analysed:
            took_ms = (time.perf_counter() - begun_s) * 1000
            health.frames_analysed += 1
            health.look_ms += (took_ms - health.look_ms) * (_SMOOTHING if health.look_ms else 1)
            self._keep_pace(health.look_ms / 1000)
        if self._clipper is not None:
            self._clipper.look(frame.monotonic_s, look.people)
        if look.watched:
            self._send_counts(self._counter.add(look.crossings, frame.time_us))
        else:
            self._send_counts(self._counter.look_away(frame.time_us))
        if look.measures:
            self._send(Measures(time_us=frame.time_us, values=tuple(look.measures)))
        for change in look.changes:
            self._send(self._zone_change(change, look, frame))
        for fault in look.faults:
            self._send_fault(fault, frame, frame.monotonic_s)

    def _keep_pace(self, look_s: float) -> None:
        """A machine that cannot look often and closely looks less closely: whoever moves must be met again nearby."""
        share = look_s * self._config.looks_per_s
        if share > _BUSY_SHARE:
            self._looker.parts_max = max(0, self._looker.parts_max - 1)
        elif share < _IDLE_SHARE:
            self._looker.parts_max = min(self._config.detector.parts_max, self._looker.parts_max + 1)

    def _zone_change(self, change: Change, look: Look, frame: Frame) -> ZoneChange:
        about = next((track for track in look.tracks if change.raised and track.box == change.box), None)
        # Who is near the water may not have been looked for in this picture.
        people = look.people if change.zone in self._zones else self._looker.people_in(frame.picture)
        shown = None
        if change.raised and people is not None:
            shown = self._snapshot(frame, look.tracks, people, self._outlines[change.zone], change.box)
        return ZoneChange(
            zone=change.zone,
            raised=change.raised,
            time_us=frame.time_us,
            lasted_s=frame.monotonic_s - change.since_s,
            label=change.label,
            score=about.score if about else None,
            number=change.number,
            retracted=change.retracted,
            snapshot=shown,
        )

    def _send_fault(self, change: FaultChange, frame: Frame | None, now_s: float) -> None:
        shown = None
        if change.raised and frame is not None:
            # Nobody has looked at this picture, and it may show somebody.
            people = self._looker.people_in(frame.picture)
            shown = None if people is None else self._snapshot(frame, (), people, (), None)
        self._send(
            ViewChange(
                fault=change.fault,
                raised=change.raised,
                time_us=self._clock_us(),
                lasted_s=now_s - change.since_s,
                snapshot=shown,
            )
        )

    def _snapshot(
        self, frame: Frame, tracks: Sequence[Track], people: Sequence[Box], polygon: Sequence[Point], about: Box | None
    ) -> Snapshot:
        limits = self._config.evidence
        drawn = evidence.draw(
            frame.picture.colours(),
            tracks,
            people=people,
            polygon=polygon,
            about=about,
            quality=limits.jpeg_quality,
            bytes_max=limits.bytes_max,
        )
        sealed = None
        if self._seal is not None:
            sealed = self._seal(evidence.original(frame.picture.colours()), frame.time_us, "image/jpeg")
        return Snapshot(width_px=drawn.width_px, height_px=drawn.height_px, jpeg=drawn.jpeg, sealed=sealed)

    def _send_counts(self, period: Period | None) -> None:
        if period is not None and period.lines:
            self._send(Counts(time_us=period.end_us, lines=period.lines))

    def _tell(self, state: CameraState, message: str = "") -> None:
        self._health.state, self._health.message = state, message
        self._health_due_s = time.monotonic() + _HEALTH_EVERY_S
        self._send(self._health)

    def _account(self, capture: Capture) -> None:
        spent = Spent(capture.decoding_cpu_s, capture.frames_read, capture.left_out)
        if self._cost.account(time.monotonic(), spent, capture.description):
            self._health.decoding_share = self._cost.share
            if self._cost.complaint:
                # What is too dear is not to starve those that are not.
                capture.make_way()
            if self._health.state is CameraState.RUNNING and self._health.message != self._advice:
                self._tell(CameraState.RUNNING, self._advice)

    @property
    def _advice(self) -> str:
        """What is to be made better about a camera that works; empty when nothing is."""
        if self._cost.complaint or not self._looker.recognising.in_vain:
            return self._cost.complaint
        return _(
            "large things move and the detector recognises hardly any: does the camera look straight down? see "
            'detector.model = "background"'
        )

    def _tell_if_due(self) -> None:
        now_s = time.monotonic()
        if self._clipper is not None:
            self._clipper.tend()
        if self._known_view is not None and now_s >= self._view_due_s and (known := self._looker.known) is not None:
            self._view_due_s = now_s + next(self._view_again_s, _VIEW_EVERY_S)
            self._known_view.write(known)
        for fault in self._flow.judge(now_s):
            self._send_fault(fault, self._last, now_s)
        if time.monotonic() >= self._health_due_s:
            self._tell(self._health.state, self._health.message)

    def _pause(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            self._sleep(min(left_s, _HEALTH_EVERY_S))
            self._tell_if_due()


def _take_over_stdout() -> BinaryIO:
    """Keeps standard output for messages; what libraries print goes to standard error from now on."""
    pipe = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return pipe


def _hear_gateway(clipper: Clipper | None, send: Send) -> None:
    """Takes orders until the end of standard input, which comes when the gateway is gone, however it went."""
    for line in sys.stdin.buffer:
        wanted = msgspec.json.decode(line, type=ClipWanted)
        if clipper is not None:
            clipper.want(wanted)
        else:
            reason = _("this camera makes no clips: its detector knows no people, whose heads would have to be blurred")
            send(ClipMissed(event=wanted.event, reason=reason))
    os._exit(0)


def _sealed(camera: str, public_key: bytes, content: bytes, time_us: int, media_type: str) -> bytes:
    # Loaded where it is wanted: cameras that keep no originals need no cryptography.
    from haechi.edge.vision import sealing

    return sealing.seal(content, sealing.Label(camera=camera, time_us=time_us, media_type=media_type), public_key)


def _people_of(config: CameraConfig, memory: Path | None) -> People:
    """Finds everybody who may be there; memory is given back with what is returned."""
    chosen = choose(config.detector, memory).config
    detector = open_detector(chosen, ("person",), score_min=evidence.PERSON_SCORE_MIN)
    return lambda picture: [found.box for found in detector.look(picture)]


def main() -> int:
    """The process; returns its exit code."""
    pipe = _take_over_stdout()

    writing = threading.Lock()

    def send(message: Message) -> None:
        data = memoryview(encoded(message))
        with writing:
            while data:
                data = data[pipe.write(data) :]

    # Ctrl-C in a terminal reaches every process there; when to end is the gateway's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    start = msgspec.json.decode(sys.stdin.buffer.readline(), type=Start)
    config = CameraConfig.model_validate(start.config)
    cv2.setNumThreads(1)
    memory = None if start.memory is None else Path(start.memory)
    seal = None if start.seal_to is None else partial(_sealed, config.id, start.seal_to)
    clipper = None
    if config.makes_clips:
        clipper = Clipper(
            config,
            send,
            clock_us=wall_clock_us,
            clock_s=time.monotonic,
            open_people=partial(_people_of, config, memory),
            turn=start.turn,
            seal=seal,
        )
    threading.Thread(target=_hear_gateway, args=(clipper, send), name="gateway", daemon=True).start()
    try:
        chosen = choose(config.detector, memory)
        detector = open_detector(chosen.config, config.classes, score_min=evidence.PERSON_SCORE_MIN)
    except ModelError as error:
        send(Health(state=CameraState.NO_MODEL, message=str(error)))
        return EXIT_NO_MODEL
    bound_memory()
    try:
        return CameraLoop(
            config,
            detector,
            send,
            active=frozenset(start.active),
            faults=frozenset(start.faults),
            without_pictures_s=start.without_pictures_s,
            clipper=clipper,
            seal=seal,
            known_view=None if memory is None else KnownView(memory, config),
            said_detector=chosen.said,
            open_capture=partial(Capture, ring=None if clipper is None else clipper.ring),
        ).run()
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    # Threads of a library that hangs must not keep the process from ending.
    os._exit(main())
