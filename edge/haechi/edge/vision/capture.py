"""Pictures of one camera: a file, a stream or a USB camera, newest first.

Promise: :meth:`Capture.newest` gives the picture that was taken last, never one from a queue; a camera that stalls is
noticed within its time-out; a file plays at its own rate. All of OpenCV's blocking happens in one thread, so whoever
asks for pictures never hangs with it.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.masking import Masks
from haechi.text import _

_FILE_RATE_DEFAULT = 25.0
_HUNG_AFTER = 2.0  # times its own time-outs: then OpenCV itself hangs


class CannotOpen(Exception):  # noqa: N818 - reads as what it is
    """The camera gives no pictures: try again later. The text is one line without secrets."""


class Frame(NamedTuple):
    """One picture and when it was grabbed."""

    picture: NDArray[np.uint8]
    time_us: int
    """Wall clock, microseconds since 1970 UTC. Never the stream's own time: that repeats, jumps and lies."""
    monotonic_s: float


def is_stream(url: str) -> bool:
    """Whether pictures come over the network."""
    return "://" in url


def is_device(url: str) -> bool:
    """Whether it is a camera at this machine."""
    return url.startswith(("usb:", "/dev/"))


def masked(text: str) -> str:
    """The text with user and password of every address in it hidden."""
    return re.sub(r"//[^/@\s]*@", "//***@", text)


class Capture:
    """An open camera. Close it when done."""

    def __init__(
        self, config: CameraConfig, *, clock_us: Callable[[], int], environment: Mapping[str, str] = os.environ
    ) -> None:
        """Begins to open the camera in a thread; :meth:`newest` tells how it went.

        Args:
            config: the camera's.
            clock_us: the wall clock.
            environment: where ``credentials_env`` is looked up.
        """
        self._config = config
        self._clock_us = clock_us
        self._environment = environment
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
        self._thread = threading.Thread(target=self._read, name="capture", daemon=True)
        self._thread.start()

    def newest(self, timeout_s: float) -> Frame | None:
        """Waits for the next picture to be taken; None when none came in time or a file ended.

        Raises:
            CannotOpen: the camera cannot be opened, or gives no pictures any more.
        """
        with self._changed:
            self._wanted, self._frame = True, None
            self._changed.wait_for(lambda: self._frame or self._over or self.ended, timeout_s)
            frame, self._frame = self._frame, None
            if frame is None and self._over is not None:
                raise self._over
            return frame

    @property
    def hung(self) -> bool:
        """Whether OpenCV itself hangs, far beyond its time-outs: only ending the process helps."""
        limit_s = self._config.read_timeout_s if self.opened else self._config.open_timeout_s
        return self._thread.is_alive() and time.monotonic() - self._alive_s > _HUNG_AFTER * limit_s

    def close(self) -> None:
        """Ends the thread; returns at once."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def _read(self) -> None:
        try:
            source = open_source(self._config, self._environment)
        except CannotOpen as error:
            self._finish(error)
            return
        try:
            self._grab_all(source)
        finally:
            source.release()

    def _grab_all(self, source: Any) -> None:
        rate = source.get(cv2.CAP_PROP_FPS)
        a_file = not is_stream(self._config.url) and not is_device(self._config.url)
        period_s = 1 / (rate if 0 < rate < 1000 else _FILE_RATE_DEFAULT) if a_file else 0.0
        due_s = time.monotonic()
        self.opened = True
        while not self._closing:
            if not source.grab():
                if a_file and self.frames_read:
                    self._finish(None)
                else:
                    self._finish(CannotOpen(_("{url}: gives no pictures").format(url=masked(self._config.url))))
                return
            grabbed_us, self._alive_s = self._clock_us(), time.monotonic()
            self.frames_read += 1
            if self._wanted:
                self._hand_over(source, grabbed_us)
            if a_file:
                due_s = max(due_s + period_s, time.monotonic() - 1.0)
                self._pause(due_s - time.monotonic())

    def _hand_over(self, source: Any, grabbed_us: int) -> None:
        taken, picture = source.retrieve()
        if not taken or picture is None:
            return
        self._masks.black_out(picture)
        with self._changed:
            self._frame, self._wanted = Frame(picture, grabbed_us, self._alive_s), False
            self._changed.notify_all()

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            with self._changed:
                self._changed.wait_for(lambda: self._closing, seconds)

    def _finish(self, error: CannotOpen | None) -> None:
        with self._changed:
            self._over, self.ended = error, error is None
            self._changed.notify_all()


def open_source(config: CameraConfig, environment: Mapping[str, str]) -> Any:
    """Opens what a camera's ``url`` names as OpenCV's capture, decoding in one thread; blocks up to ``open_timeout_s``.

    Raises:
        CannotOpen: it is not there, answers nothing, or is no video.
    """
    url = config.url
    shown = masked(url)
    if is_device(url):
        number_or_path: Any = int(url[4:]) if url.startswith("usb:") else url
        path = Path(f"/dev/video{url[4:]}" if url.startswith("usb:") else url)
        if not path.exists():
            raise CannotOpen(_("{url}: there is no camera {path} at this machine").format(url=shown, path=path))
        source = cv2.VideoCapture(number_or_path, cv2.CAP_V4L2)
    else:
        if not is_stream(url) and not Path(url).is_file():
            raise CannotOpen(_("{url}: there is no such file").format(url=shown))
        # FFmpeg takes the transport from here alone; UDP through a city's networks loses half of the picture.
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;tcp"
        limits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(config.open_timeout_s * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(config.read_timeout_s * 1000),
            cv2.CAP_PROP_N_THREADS, 1,
        ]  # fmt: skip
        source = cv2.VideoCapture(_with_credentials(config, environment), cv2.CAP_FFMPEG, limits)
    if not source.isOpened():
        source.release()
        expected = _("no answer, or refused") if is_stream(url) else _("not a video, or it cannot be read")
        raise CannotOpen(_("{url}: cannot be opened: {reason}").format(url=shown, reason=expected))
    return source


def _with_credentials(config: CameraConfig, environment: Mapping[str, str]) -> str:
    if config.credentials_file is not None:
        try:
            secret = config.credentials_file.read_text(encoding="utf-8").split("\n")[0].strip()
        except (OSError, UnicodeDecodeError):
            raise CannotOpen(
                _("credentials_file {path}: cannot be read").format(path=config.credentials_file)
            ) from None
    elif config.credentials_env is not None:
        secret = environment.get(config.credentials_env, "")
    else:
        return config.url
    user, separator, password = secret.partition(":")
    if not separator:
        raise CannotOpen(
            _("{name}: expected user:password").format(name=config.credentials_file or config.credentials_env)
        )
    parts = urlsplit(config.url)
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"))
