"""One camera from its opening to its end: looks at its pictures, says what happened, and keeps its own pace.

Promise: a camera that is not there, or that stops giving pictures, is tried again with growing pauses; a status goes
out every second, pictures or none; a machine that cannot keep up looks less closely before it looks less often. It
ends when a file that is not looped is over (0) and when the camera's driver hangs (4), for then only a new process
helps.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial

from haechi.edge.clock import read_system_us
from haechi.edge.vision import closely
from haechi.edge.vision.capture import Capture, Frame
from haechi.edge.vision.clipping import Clipper, Seal
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.cost import DecodingCost, Spent
from haechi.edge.vision.detector import Detector
from haechi.edge.vision.faults import Fault, blind_after_s
from haechi.edge.vision.flow import Flow
from haechi.edge.vision.known_view import KnownView
from haechi.edge.vision.looking import Looker
from haechi.edge.vision.masked import masked
from haechi.edge.vision.messages import CameraState, Health
from haechi.edge.vision.reports import Reports, Send
from haechi.edge.vision.retrying import Retrying
from haechi.edge.vision.source import CannotOpen, login_now
from haechi.sdk.onvif.soap import Login
from haechi.text import _

EXIT_HUNG = 4

_HEALTH_EVERY_S = 1.0
_SMOOTHING = 0.1
_WAIT_S = 0.5
_VIEW_AGAIN_S, _VIEW_EVERY_S = (120.0, 600.0), 3600.0
"""The view is kept once it is learned, soon again, for a lorry may have stood in front of it, and then hourly."""
_BUSY_SHARE, _IDLE_SHARE = 1.0, 0.4  # of the time between looks, taken by one


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
        clock_us: Callable[[], int] = read_system_us,
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
        self._login = partial(login_now, config, os.environ)
        self._clock_us = clock_us
        self._open_capture = open_capture
        self._sleep = sleep
        self._known_view = known_view
        self._view_due_s = float("-inf")
        self._view_again_s = iter(_VIEW_AGAIN_S)
        known = None if known_view is None else known_view.read()
        self._looker = Looker(config, detector, active=active, faults=faults, known=known)
        self._flow = Flow(time.monotonic() - without_pictures_s, active=faults, every_s=config.picture_every_s or 0.0)
        self._reports = Reports(config, send, closely.finder(config, detector), seal=seal, clock_us=clock_us)
        self._clipper = clipper
        self._last: Frame | None = None
        self._health = Health(state=CameraState.OPENING, detector=said_detector)
        self._health_due_s = 0.0
        self._read_before = self._left_out_before = 0
        self._cost = DecodingCost(time.monotonic())

    def run(self) -> int:
        """Runs until a file is over; returns the exit code."""
        retrying = Retrying()
        self._tell(CameraState.OPENING)
        while True:
            capture = self._open_capture(self._config, clock_us=self._clock_us)
            looked_before, login = self._health.frames_looked_at, self._login()
            try:
                self._watch(capture)
            except CannotOpen as error:
                self._tell(CameraState.LOST, str(error))
                if self._health.frames_looked_at > looked_before:
                    retrying.worked()
                if capture.hung:
                    self._reports.rest()
                    return EXIT_HUNG
                self._pause(retrying.pause_s(is_refused=error.is_refused), while_login_is=login)
                self._health.reconnects += 1
                continue
            finally:
                self._read_before += capture.frames_read
                self._left_out_before += capture.left_out
                self._health.frames_read, self._health.frames_left_out = self._read_before, self._left_out_before
                capture.close()
                self._looker.forget()
            if not self._config.loop:
                self._reports.rest()
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
                    self._reports.look_away(frame.time_us)
                else:
                    self._look(frame)
                if self._health.state is not CameraState.RUNNING:
                    self._tell(CameraState.RUNNING, self._advice)
                due_s = max(due_s + period_s, time.monotonic() - period_s)
                # Not a sleep to the letter: `newest` then waits for the next picture to be taken.
                self._sleep(max(0.0, due_s - time.monotonic()))
            elif capture.hung:
                text = _("{url}: sends no more pictures; see the camera's cable, power and network")
                raise CannotOpen(text.format(url=masked(self._config.url)))
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
        self._reports.look(look, frame)

    def _keep_pace(self, look_s: float) -> None:
        """A machine that cannot look often and closely looks less closely: whoever moves must be met again nearby."""
        share = look_s * self._config.looks_per_s
        if share > _BUSY_SHARE:
            self._looker.parts_max = max(0, self._looker.parts_max - 1)
        elif share < _IDLE_SHARE:
            self._looker.parts_max = min(self._config.detector.parts_max, self._looker.parts_max + 1)

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
            self._reports.fault(fault, self._last, now_s)
        if time.monotonic() >= self._health_due_s:
            self._tell(self._health.state, self._health.message)

    def _pause(self, seconds: float, *, while_login_is: Login | None) -> None:
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0 and self._login() == while_login_is:
            self._sleep(min(left_s, _HEALTH_EVERY_S))
            self._tell_if_due()
