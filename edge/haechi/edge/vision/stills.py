"""Pictures that come one at a time, minutes apart: a folder that a camera uploads to, or an address that is asked.

Promise: each picture is given once, the newest first; one that is half written, damaged or too large is passed over.
What lies in a folder bears the time at which it was put there: after a restart an old picture is no news. A folder or
camera that is not there fails with one line that says what is wrong, without secrets.
"""

from __future__ import annotations

import hashlib
import io
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import Request

import av
import av.error

from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.masked import filled_in, masked
from haechi.edge.vision.source import CannotOpen, is_stream, login_of
from haechi.text import _

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
_BYTES_MAX = 16 * 1024 * 1024
_SIDE_PX_MAX = 8192
_LOGIN_HEADER = "Authorization"
_LOOK_EVERY_S = 1.0  # into a folder
_AHEAD_MAX_US = 60 * 1_000_000
_REFUSALS, _NOT_FOUND = frozenset({401, 403}), 404
_HASHES = {"MD5": "md5", "SHA-256": "sha256"}

Wait = Callable[[float], bool]
"""Waits so many seconds, or until nobody wants pictures any more: then True."""


class _Still(NamedTuple):
    content: bytes
    taken_us: int | None = None


class Stills:
    """A source of single pictures; see :class:`~haechi.edge.vision.source.Source`."""

    def __init__(self, newest: Callable[[], _Still | None], *, every_s: float, wait: Wait) -> None:
        """Takes what gives the newest picture, None when there is none that was not given before."""
        self._newest, self._wait = newest, wait
        self._every_s = every_s
        self._size = ""
        self.taken_us: int | None = None
        """When the last picture was taken, microseconds since 1970 UTC; None where only its coming tells."""

    @property
    def description(self) -> str:
        """Size, for people."""
        return f"{self._size} stills".strip()

    def frames(self) -> Iterator[av.VideoFrame]:
        """Every picture, until nobody wants them any more.

        Raises:
            CannotOpen: no more can come.
        """
        while True:
            still = self._newest()
            frame = None if still is None else decoded(still.content)
            if still is not None and frame is not None:
                self._size = f"{frame.width}x{frame.height}"
                self.taken_us = still.taken_us
                yield frame
            if self._wait(self._every_s):
                return

    def close(self) -> None:
        """Nothing is held open."""


def open_stills(
    config: CameraConfig, environment: Mapping[str, str], wait: Wait, clock_us: Callable[[], int]
) -> Stills:
    """Opens what a camera's ``url`` names: a folder, or an http address.

    Raises:
        CannotOpen: it is not there.
    """
    every_s = config.picture_every_s or _LOOK_EVERY_S
    if is_stream(config.url):
        polled = _Polled(config, environment)
        return Stills(polled.newest, every_s=every_s, wait=wait)
    folder = _Folder(Path(config.url), clock_us)
    folder.check()
    return Stills(folder.newest, every_s=min(every_s, _LOOK_EVERY_S), wait=wait)


def decoded(content: bytes) -> av.VideoFrame | None:
    """A picture from the bytes of a JPEG or PNG file; None when it is none, or too large."""
    try:
        with av.open(io.BytesIO(content), mode="r") as container:
            if not container.streams.video:
                return None
            context = container.streams.video[0].codec_context
            context.thread_count = 1
            if context.name not in {"mjpeg", "png"} or max(context.width, context.height) > _SIDE_PX_MAX:
                return None
            return next((frame for frame in container.decode(video=0) if not frame.is_corrupt), None)
    except (av.error.FFmpegError, OSError, ValueError):
        return None


def pictures(folder: Path, now_us: int | None = None) -> list[Path]:
    """The pictures of a folder, oldest first.

    Args:
        folder: that holds them.
        now_us: pictures of a later time, microseconds since 1970 UTC, come before all others: the clock that they bear
            was wrong, and they must not hide what comes after them.

    Raises:
        OSError: it cannot be listed.
    """
    found = []
    for path in folder.iterdir():
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith("."):
            try:
                put_there_us = path.stat().st_mtime_ns // 1000
            except OSError:
                continue  # it was there a moment ago
            believed = now_us is None or put_there_us <= now_us + _AHEAD_MAX_US
            found.append((believed, put_there_us, path.name, path))
    return [path for _believed, _time, _name, path in sorted(found)]


class _Folder:
    def __init__(self, path: Path, clock_us: Callable[[], int]) -> None:
        self._path, self._clock_us = path, clock_us
        self._given: tuple[str, int, int] | None = None

    def check(self) -> None:
        if not self._path.is_dir():
            raise CannotOpen(_("{url}: there is no such folder").format(url=self._path))

    def newest(self) -> _Still | None:
        self.check()
        try:
            for path in reversed(pictures(self._path, self._clock_us())):
                status = path.stat()
                known = (path.name, status.st_mtime_ns, status.st_size)
                if known == self._given:
                    return None
                if not 0 < status.st_size <= _BYTES_MAX:
                    continue
                content = path.read_bytes()
                if decoded(content) is None:
                    continue  # still being written, or damaged: the one before it is newer than nothing
                self._given = known
                return _Still(content, status.st_mtime_ns // 1000)
        except OSError as error:
            raise CannotOpen(
                _("{url}: cannot be read: {reason}").format(url=self._path, reason=error.strerror)
            ) from None
        return None


class _Digest(urllib.request.HTTPDigestAuthHandler):
    """Answers a challenge once (RFC 7616): asked again it was refused, and cameras lock out who goes on."""

    def http_error_401(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage) -> Any:
        fp.close()
        return None if req.has_header(_LOGIN_HEADER) else super().http_error_401(req, fp, code, msg, headers)

    def get_algorithm_impls(self, algorithm: str) -> tuple[Callable[[str], str], Callable[[str, str], str]]:
        name = _HASHES.get(algorithm.upper())
        if name is None:
            raise ValueError(f"digest algorithm {algorithm}")

        def hashed(text: str) -> str:
            return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

        return hashed, lambda secret, text: hashed(f"{secret}:{text}")


class _Basic(urllib.request.HTTPBasicAuthHandler):
    """Answers a challenge once, and none that a digest was refused for: the password would go out as it is."""

    def http_error_401(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage) -> Any:
        fp.close()
        return None if req.has_header(_LOGIN_HEADER) else super().http_error_401(req, fp, code, msg, headers)


class _Polled:
    def __init__(self, config: CameraConfig, environment: Mapping[str, str]) -> None:
        self._url, self._shown = config.url, masked(config.url)
        self._timeout_s = config.read_timeout_s
        self._given: bytes | None = None
        known = login_of(config, environment)
        if known is not None:
            self._url = filled_in(self._url, *known)
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if known is not None:
            # Only for this host: a camera that points elsewhere sends no password there.
            passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            passwords.add_password(None, f"{urlsplit(self._url).scheme}://{urlsplit(self._url).netloc}", *known)
            handlers += [_Digest(passwords), _Basic(passwords)]
        self._opener = urllib.request.build_opener(*handlers)

    def newest(self) -> _Still | None:
        try:
            with self._opener.open(self._url, timeout=self._timeout_s) as answer:
                content: bytes = answer.read(_BYTES_MAX + 1)
        except urllib.error.HTTPError as error:
            error.close()
            text = _("{url}: cannot be opened: {reason}").format(url=self._shown, reason=_reason(error.code))
            raise CannotOpen(text, is_refused=error.code in _REFUSALS) from None
        except (OSError, HTTPException, ValueError):
            # Its own words may hold the address with its password.
            raise CannotOpen(
                _("{url}: cannot be opened: {reason}").format(url=self._shown, reason=_("no answer, or refused"))
            ) from None
        if content == self._given or len(content) > _BYTES_MAX:
            return None  # two pictures of one view are never the same to the last bit
        if decoded(content) is None:
            raise CannotOpen(_("{url}: is not a picture (JPEG or PNG)").format(url=self._shown))
        self._given = content
        return _Still(content)


def _reason(code: int) -> str:
    if code in _REFUSALS:
        return _("user or password is refused; see credentials_file")
    if code == _NOT_FOUND:
        return _("the camera has no such picture; see the path of url")
    return _("the camera answers with error {code}").format(code=code)
