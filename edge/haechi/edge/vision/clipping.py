"""Makes clips beside the looking: after the seconds that they are to show, one at a time, at the lowest priority.

Promise: looking is not held up; over all cameras of the gateway one clip is made at a time; what cannot be made is
said with its reason, never left open. All of it ends with the process.
"""

from __future__ import annotations

import fcntl
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from haechi.edge.vision import clips
from haechi.edge.vision.clips import ClipImpossible, People
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.masking import Masks
from haechi.edge.vision.messages import ClipMade, ClipMissed, ClipWanted, SealedClip
from haechi.edge.vision.models.errors import ModelError
from haechi.edge.vision.ring import Ring, Stretch
from haechi.text import _

_LOWEST_PRIORITY = 19
_WANTED_MAX = 8
_WAITING_MAX = 2  # each holds a stretch of the stream
_HOUR_S = 3600.0
_FINISH_S = 60.0

Tell = Callable[[ClipMade | ClipMissed | SealedClip], None]
Seal = Callable[[bytes, int, str], bytes]
"""Seals content of a time (µs since 1970) and media type."""


class _Order(NamedTuple):
    event: str
    from_s: float
    to_s: float


class _Job(NamedTuple):
    event: str
    from_s: float
    stretch: Stretch


class Clipper:
    """The clips of one camera."""

    def __init__(
        self,
        config: CameraConfig,
        tell: Tell,
        *,
        clock_us: Callable[[], int],
        clock_s: Callable[[], float],
        open_people: Callable[[], People],
        turn: int | None = None,
        seal: Seal | None = None,
    ) -> None:
        """Begins with an empty ring.

        Args:
            config: the camera's.
            tell: takes clips, and what became of those that could not be made; called from a thread of its own.
            clock_us: the wall clock.
            clock_s: the clock of the ring; it only rises.
            open_people: loads what finds people; may raise a ModelError.
            turn: a file that only one camera of the gateway may lock at a time; None when there are no others.
            seal: seals originals, where the policy keeps them.
        """
        self._config = config
        self._clips = config.clips
        self._tell = tell
        self._clock_us, self._clock_s = clock_us, clock_s
        self._open_people = open_people
        self._turn = turn
        self._seal = seal
        self._masks = Masks(config.masks)
        self.ring = Ring(window_s=self._clips.ring_s, bytes_max=self._clips.ring_bytes_max)
        self._orders: deque[_Order] = deque()
        self._begun_s: deque[float] = deque()
        self._jobs: queue.Queue[_Job | None] = queue.Queue(_WAITING_MAX)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def look(self, taken_s: float, people: Iterable[Box]) -> None:
        """Remembers where people were."""
        self.ring.look(taken_s, people)

    def want(self, wanted: ClipWanted) -> None:
        """Puts an order down; may be called from any thread."""
        now_s = self._clock_s()
        refusal = self._refusal(wanted, now_s)
        if refusal:
            self._tell(ClipMissed(event=wanted.event, reason=refusal))
            return
        about_s = now_s - wanted.age_s
        with self._lock:
            self._begun_s.append(now_s)
            self._orders.append(_Order(wanted.event, about_s - self._clips.before_s, about_s + self._clips.after_s))

    def tend(self) -> None:
        """Begins the clips whose last second has come."""
        now_s = self._clock_s()
        with self._lock:
            due = [order for order in self._orders if order.to_s <= now_s]
            self._orders = deque(order for order in self._orders if order.to_s > now_s)
        for order in due:
            self._begin(order)

    def finish(self) -> None:
        """Makes what is wanted out of what there is, and waits for it."""
        with self._lock:
            orders, self._orders = list(self._orders), deque()
        for order in orders:
            self._begin(order)
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(_FINISH_S)
            self._thread = None

    def _refusal(self, wanted: ClipWanted, now_s: float) -> str:
        with self._lock:
            while self._begun_s and self._begun_s[0] < now_s - _HOUR_S:
                self._begun_s.popleft()
            if wanted.asked and not self._clips.on_request:
                return _("this camera gives no clips on request (clips.on_request)")
            if len(self._begun_s) >= self._clips.per_hour_max or len(self._orders) >= _WANTED_MAX:
                return _("{count} clips an hour are the limit (clips.per_hour_max)").format(
                    count=self._clips.per_hour_max
                )
        if wanted.age_s > self._clips.ring_s:
            return _("it was {age:.0f} s ago; the camera remembers {ring:g} s (clips.ring_s)").format(
                age=wanted.age_s, ring=self._clips.ring_s
            )
        return ""

    def _begin(self, order: _Order) -> None:
        stretch = self.ring.between(order.from_s, order.to_s)
        # Without the moment itself it would be a clip of something else.
        if stretch is None or stretch.packets[0].taken_s > order.from_s + self._clips.before_s:
            self._tell(ClipMissed(event=order.event, reason=_("the camera gave no pictures at that time")))
            return
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name="clips", daemon=True)
            self._thread.start()
        try:
            self._jobs.put_nowait(_Job(order.event, order.from_s, stretch))
        except queue.Full:
            self._tell(ClipMissed(event=order.event, reason=_("other clips are being made; this machine is too slow")))

    def _work(self) -> None:
        # On Linux a thread has a priority of its own.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
        while (job := self._jobs.get()) is not None:
            try:
                with _one_at_a_time(self._turn):
                    self._make(job)
            except (ClipImpossible, ModelError) as error:
                self._tell(ClipMissed(event=job.event, reason=str(error)))

    def _make(self, job: _Job) -> None:
        make = partial(clips.make, job.stretch, job.from_s, self._clips, self._masks, self._open_people())
        clip = make()
        time_us = self._clock_us() - round((self._clock_s() - clip.begins_s) * 1_000_000)
        made = ClipMade(
            event=job.event, time_us=time_us, width_px=clip.width_px, height_px=clip.height_px, mp4=clip.mp4
        )
        if self._seal is None:
            self._tell(made)
            return
        try:
            # Before the clip is told: whoever has seen it may take its original for kept.
            sealed = self._seal(make(blurred=False).mp4, time_us, "video/mp4")
        finally:
            self._tell(made)
        self._tell(SealedClip(event=job.event, time_us=time_us, sealed=sealed))


@contextmanager
def _one_at_a_time(file: int | None) -> Iterator[None]:
    """Waits for the lock of a file that the cameras of one gateway share; a process that dies lets go of it."""
    if file is None:
        yield
        return
    fcntl.lockf(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN)
