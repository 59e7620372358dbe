"""Pictures of one camera: a file, a stream or a USB camera, newest first.

Promise: :meth:`Capture.newest` gives the picture that was taken last, never one from a queue; a camera that stalls is
noticed within its time-out; a file plays at its own rate. All of FFmpeg's blocking happens in one thread, so whoever
asks for pictures never hangs with it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import av
from av.video.stream import VideoStream

from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.masked import masked
from haechi.edge.vision.masking import Masks
from haechi.edge.vision.picture import Decoded, Picture, quarter_turns
from haechi.edge.vision.repeats import Repeats
from haechi.edge.vision.ring import Ring
from haechi.edge.vision.source import CannotOpen, Source, is_device, is_stream, open_source
from haechi.edge.vision.stills import Stills, open_stills
from haechi.text import _

_NICENESS_BEHIND = 15
_STEP_S_MAX = 20.0  # of a file's own time from one picture to the next
_HUNG_AFTER = 2.0  # times its own time-outs: then FFmpeg itself hangs


class Frame(NamedTuple):
    """One picture and when it came."""

    picture: Picture
    time_us: int
    """Wall clock, microseconds since 1970 UTC: when it came, or when it was put into its folder. Never the stream's own
    time: that repeats, jumps and lies."""
    monotonic_s: float


class Capture:
    """An open camera. Close it when done."""

    def __init__(
        self,
        config: CameraConfig,
        *,
        clock_us: Callable[[], int],
        environment: Mapping[str, str] = os.environ,
        ring: Ring | None = None,
    ) -> None:
        """Begins to open the camera in a thread; :meth:`newest` tells how it went.

        Args:
            config: the camera's.
            clock_us: the wall clock.
            environment: where ``credentials_env`` is looked up.
            ring: keeps the last seconds of the stream.
        """
        self._config = config
        self._clock_us = clock_us
        self._environment = environment
        self._ring = ring
        self._masks = Masks(config.masks)
        self._changed = threading.Condition()
        self._wanted = False
        self._closing = False
        self._frame: Frame | None = None
        self._over: CannotOpen | None = None
        self._alive_s = time.monotonic()
        self.opened = False
        self.ended = False
        """A file has come to its end."""
        self.frames_read = 0
        self.decoding_cpu_s = 0.0
        """Computing time that decoding took so far."""
        self.description = ""
        """Size and codec, for people."""
        self.left_out = 0
        """Pictures of a live stream that were not decoded, because decoding did not keep up."""
        self._taken_s = self._advanced_s = self._alive_s
        self._stamp: float | None = None
        self._repeats = Repeats()
        self._something_new = False
        self._source: Source | None = None
        self._thread = threading.Thread(target=self._read, name="capture", daemon=True)
        self._thread.start()

    def newest(self, timeout_s: float) -> Frame | None:
        """Waits for the next picture to be taken; None when none came in time or a file ended.

        Raises:
            CannotOpen: the camera cannot be opened, or gives no pictures any more.
        """
        with self._changed:
            self._wanted, self._frame = True, None
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._frame or self._over or self.ended, timeout_s)
            frame, self._frame = self._frame, None
            if frame is None and self._over is not None:
                raise self._over.bare()
            return frame

    @property
    def hung(self) -> bool:
        """Whether FFmpeg itself hangs, far beyond its time-outs: only ending the process helps."""
        limit_s = self._config.read_timeout_s if self.opened else self._config.open_timeout_s
        source = self._source
        decoding_since_s = None if source is None else source.decoding_since_s
        since_s = self._alive_s if decoding_since_s is None else min(self._alive_s, decoding_since_s)
        return self._thread.is_alive() and time.monotonic() - since_s > _HUNG_AFTER * limit_s

    @property
    def standing_s(self) -> float:
        """For how long the stream's own time has not gone on while pictures came, or both went round in a loop."""
        return self._taken_s - self._advanced_s

    def make_way(self) -> None:
        """Decoding, and the thread that calls this, go on when nobody else wants to compute, from now on."""
        # On Linux a thread has a priority of its own; another one's is not changed by os.nice.
        for thread in (self._thread.native_id or 0, threading.get_native_id()):
            os.setpriority(os.PRIO_PROCESS, thread, _NICENESS_BEHIND)

    def close(self) -> None:
        """Ends the thread; returns at once."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def _read(self) -> None:
        over = CannotOpen(_("{url}: gives no pictures").format(url=masked(self._config.url)))
        try:
            if self._config.picture_every_s is not None:
                self._read_stills(open_stills(self._config, self._environment, self._rest, self._clock_us))
            else:
                source = self._source = open_source(self._config, self._environment)
                try:
                    self._read_all(source)
                finally:
                    self._source = None
                    source.close()
        except CannotOpen as error:
            over = error.bare()
        finally:
            # Whatever ended it, somebody waits for the next picture.
            if not self.ended:
                self._finish(over)

    def _read_all(self, source: Source) -> None:
        """Decodes until a file ends.

        Raises:
            CannotOpen: a camera gives no more pictures.
        """
        a_file = not is_stream(self._config.url) and not is_device(self._config.url)
        period_s = 1 / source.frames_a_s
        due_s = time.monotonic() - period_s
        before_s: float | None = None
        self._alive_s, self.opened, self.description = due_s, True, source.description
        if self._ring is not None:
            self._ring.begin(source.coding)
        for frame in source.frames(self._keep):
            if a_file:
                # By its own time where that goes on: key frames alone are a second or more apart.
                step_s = 0.0 if frame.time is None or before_s is None else frame.time - before_s
                due_s += step_s if 0 < step_s <= _STEP_S_MAX else period_s
                due_s, before_s = max(due_s, time.monotonic() - 1.0), frame.time
                self._rest(due_s - time.monotonic())
            if self._closing:
                return
            self.description, self.left_out = source.description, source.left_out
            self._take(frame, came_s=time.monotonic() if a_file else source.arrived_s)
            self.decoding_cpu_s += source.reading_cpu_s
        if a_file:
            self._rest(period_s)
        if not (a_file and self.frames_read):
            raise CannotOpen(_("{url}: gives no pictures").format(url=masked(self._config.url)))
        self._finish(None)

    def _read_stills(self, source: Stills) -> None:
        """Takes single pictures until it is closed.

        Raises:
            CannotOpen: a camera gives no more pictures.
        """
        self._alive_s, self.opened = time.monotonic(), True
        for frame in source.frames():
            # The next one may be an hour away: this one waits for whoever asks.
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._closing)
            self.description = source.description
            self._take(frame, came_s=time.monotonic(), still=True, put_there_us=source.taken_us)

    def _rest(self, seconds: float) -> bool:
        """Waits between pictures, which is no hanging; True when it is closed."""
        until_s = time.monotonic() + seconds
        while not self._closing and (left_s := until_s - time.monotonic()) > 0:
            self._alive_s = time.monotonic()
            self._pause(min(left_s, 1.0))
        return self._closing

    def _keep(self, packet: av.Packet[VideoStream]) -> None:
        self._alive_s = time.monotonic()
        content = bytes(packet)
        if self._repeats.is_new(packet.pts, content):
            self._something_new = True
        if self._ring is not None:
            self._ring.add(content, is_key=packet.is_keyframe, taken_s=time.monotonic())

    def _take(
        self, frame: av.VideoFrame, *, came_s: float, still: bool = False, put_there_us: int | None = None
    ) -> None:
        self._alive_s = self._taken_s = time.monotonic()
        taken_us = self._clock_us() - round((self._alive_s - came_s) * 1_000_000)
        if put_there_us is not None:
            taken_us = min(taken_us, put_there_us)
        self.decoding_cpu_s = time.thread_time()
        self.frames_read += 1
        if self._ring is not None:
            self._ring.turn(quarter_turns(frame))
        # A single picture has no time of its own.
        if frame.time is None or still or (frame.time != self._stamp and self._something_new):
            self._advanced_s = self._taken_s
        self._stamp, self._something_new = frame.time, False
        if self._wanted:
            with self._changed:
                self._frame = Frame(Decoded(frame, self._masks), taken_us, came_s)
                self._wanted = False
                self._changed.notify_all()

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            with self._changed:
                self._changed.wait_for(lambda: self._closing, seconds)

    def _finish(self, error: CannotOpen | None) -> None:
        with self._changed:
            self._over, self.ended = error, error is None
            self._changed.notify_all()
