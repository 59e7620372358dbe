"""The scene as it is now, on a page for whoever sets a camera up; on this machine alone.

Promise: listens on loopback only and answers only to loopback's own names; the key in the address opens the page once,
whoever has opened it keeps a session, everybody else gets nothing. Heads are blurred in memory before a picture is
encoded; nothing is written to disk. A camera that is lost is said on the page and tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import html
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from haechi.edge.vision import closely
from haechi.edge.vision.capture import Capture
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.detector import Detector
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.preview import draw_jpeg
from haechi.edge.vision.retrying import Retrying
from haechi.edge.vision.source import CannotOpen, login_now
from haechi.sdk.onvif.soap import Login
from haechi.text import _

HOST = "127.0.0.1"
_COOKIE = "haechi_preview"
_HEAD_BYTES_MAX = 16 * 1024
_PATIENCE_S = 15.0
_READERS_MAX = 4
_WAIT_S = 5.0
_REOPEN_S = 2.0
_OWN_NAMES = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?")
_HEADERS = (
    "Content-Security-Policy: default-src 'none'; img-src 'self' blob:; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
    "Cache-Control: no-store\r\nConnection: close\r\n"
)
_STYLE = """body { margin: 0; background: #10171d; color: #e8eef2; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 1rem; }
img { display: block; width: 100%; background: #000; border-radius: 8px; }
h1 { font-size: 1.2rem; margin: 0 0 .6rem; }
p { margin: .6rem 0 0; min-height: 1.5em; color: #b9c6cf; }
"""
_SCRIPT = """const image = document.querySelector("img");
const said = document.querySelector("p");
async function show() {
  try {
    const answer = await fetch("/picture", { cache: "no-store" });
    if (answer.ok) {
      const url = URL.createObjectURL(await answer.blob());
      image.onload = () => URL.revokeObjectURL(url);
      image.src = url;
      said.textContent = image.dataset.live + " " + new Date().toLocaleTimeString();
    } else {
      said.textContent = await answer.text();
    }
  } catch {
    said.textContent = image.dataset.gone;
  }
  setTimeout(show, said.textContent.startsWith(image.dataset.live) ? 150 : 1500);
}
show();
"""


class Scene:
    """The newest picture of a camera, drawn when somebody asks. Methods block; one at a time."""

    def __init__(
        self,
        config: CameraConfig,
        detector: Detector,
        *,
        clock_us: Callable[[], int],
        clock_s: Callable[[], float] = time.monotonic,
        open_capture: Callable[..., Capture] = Capture,
    ) -> None:
        """Opens nothing before somebody asks.

        Args:
            config: the camera's.
            detector: finds people, whose heads are blurred.
            clock_us: wall clock.
            clock_s: only rises.
            open_capture: opens the camera.
        """
        self._clock_s = clock_s
        self._open_capture = open_capture
        self._config = config.model_copy(update={"loop": True})
        self._detector = detector
        self._clock_us = clock_us
        self._capture: Capture | None = None
        self._people_before: list[Box] = []
        self._lost = ""
        self._again_s = 0.0
        self._login: Login | None = None
        self._retrying = Retrying()
        self._lock = threading.Lock()

    def picture(self) -> bytes:
        """The picture as JPEG.

        Raises:
            CannotOpen: there is none now; one line for people.
        """
        with self._lock:
            if self._capture is None:
                login = login_now(self._config, os.environ)
                if self._clock_s() < self._again_s and login == self._login:
                    raise CannotOpen(self._lost)
                self._login = login
                self._capture = self._open_capture(self._config, clock_us=self._clock_us)
            try:
                frame = self._capture.newest(self._config.open_timeout_s if not self._capture.opened else _WAIT_S)
                ended = self._capture.ended
                if frame is None and not ended:
                    raise CannotOpen(_("no new picture for {seconds:g} s").format(seconds=_WAIT_S))
            except CannotOpen as error:
                pause_s = self._retrying.pause_s(is_refused=True) if error.is_refused else _REOPEN_S
                self._lost, self._again_s = str(error), self._clock_s() + pause_s
                self._close()
                raise
            if frame is None:  # a file is over: from its beginning
                self._close()
                raise CannotOpen(_("the file is over; it begins again"))
            self._retrying.worked()
            colours = frame.picture.colours()
            people = closely.people(self._detector, colours)
            # Whom the detector misses in one picture, it mostly saw in the one before.
            drawn = draw_jpeg(colours, self._config, [*people, *self._people_before])
            self._people_before = people
            return drawn

    def close(self) -> None:
        """Lets go of the camera."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._capture is not None:
            self._capture.close()
            self._capture = None


class LivePage:
    """Serves one scene."""

    def __init__(
        self, scene: Scene, title: str, *, new_secret: Callable[[], str] = lambda: secrets.token_urlsafe(24)
    ) -> None:
        """Draws key and session; serves nothing yet."""
        self._scene, self._title = scene, title
        self._key: str | None = new_secret()
        self._session = new_secret()
        self._readers = asyncio.Semaphore(_READERS_MAX)

    async def serve(self, port: int, on_listening: Callable[[str], None]) -> None:
        """Serves until cancelled; `on_listening` is told the address with its key.

        Raises:
            OSError: the port cannot be had.
        """
        server = await asyncio.start_server(self._answer, HOST, port, limit=_HEAD_BYTES_MAX)
        on_listening(f"http://{HOST}:{server.sockets[0].getsockname()[1]}/?key={self._key}")
        async with server:
            try:
                await server.serve_forever()
            finally:
                self._scene.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S), self._readers:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._reply(head.decode("latin-1")))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def _reply(self, head: str) -> bytes:
        line, *rest = head.split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _colon, value in (one.partition(":") for one in rest)}
        words = line.split(" ")
        if len(words) != 3 or words[0] != "GET":
            return _response(405, "text/plain", b"GET\n")
        if not _OWN_NAMES.fullmatch(headers.get("host", "")):
            return _response(421, "text/plain", b"127.0.0.1\n")
        parts = urlsplit(words[1])
        given = parse_qs(parts.query).get("key", [""])[0]
        if self._key is not None and hmac.compare_digest(given.encode(), self._key.encode()):
            self._key = None
            cookie = f"Set-Cookie: {_COOKIE}={self._session}; HttpOnly; SameSite=Strict; Path=/\r\n"
            return _response(303, "text/plain", b"", f"Location: /\r\n{cookie}")
        if not hmac.compare_digest(_cookie(headers.get("cookie", "")).encode(), self._session.encode()):
            text = _("This page opens once, with the key that the command has shown; start the command again.")
            return _response(403, "text/plain", text.encode())
        return await self._page(parts.path)

    async def _page(self, path: str) -> bytes:
        match path:
            case "/":
                return _response(200, "text/html", self._html().encode())
            case "/live.css":
                return _response(200, "text/css", _STYLE.encode())
            case "/live.js":
                return _response(200, "text/javascript", _SCRIPT.encode())
            case "/picture":
                try:
                    return _response(200, "image/jpeg", await asyncio.to_thread(self._scene.picture))
                except CannotOpen as error:
                    return _response(503, "text/plain", str(error).encode())
            case _:
                return _response(404, "text/plain", b"")

    def _html(self) -> str:
        title = html.escape(self._title)
        live, gone = html.escape(_("live;")), html.escape(_("the command has ended"))
        return (
            f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/live.css"></head>'
            f'<body><main><h1>{title}</h1><img alt="{title}" data-live="{live}" data-gone="{gone}">'
            '<p role="status"></p></main><script src="/live.js"></script></body></html>'
        )


def _cookie(header: str) -> str:
    with contextlib.suppress(CookieError):
        found = SimpleCookie(header).get(_COOKIE)
        return "" if found is None else found.value
    return ""


def _response(status: int, media_type: str, body: bytes, more: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status} \r\nContent-Type: {media_type}; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        f"{_HEADERS}{more}\r\n".encode()
        + body
    )
