"""An ONVIF camera's streams: which there are, and the address of the smallest one that suffices.

Promise: waits no longer than it is told; asks nobody but the host that was named, whatever addresses the camera's
answers hold, for the login travels along; fails with one line without secrets.
"""

from __future__ import annotations

import http.client
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit
from xml.etree.ElementTree import Element

from haechi.sdk.onvif import soap
from haechi.sdk.onvif.soap import Login, SoapError
from haechi.text import _

WIDTH_PX_ENOUGH, HEIGHT_PX_ENOUGH = 640, 352
"""What detection needs: the default detector sees 416×256, and small objects are cut out of a larger picture."""

_DEVICE_SERVICE, _MEDIA_SERVICE = "/onvif/device_service", "/onvif/media_service"
_STREAM_SCHEMES = frozenset({"rtsp", "rtsps", "http", "https"})
_ENCODINGS = frozenset({"H264", "H265", "JPEG", "MPEG4"})
_PROFILES_MAX = 64


class OnvifError(Exception):
    """The camera does not answer as an ONVIF camera should; one line without secrets."""

    def __init__(self, text: str, *, is_refused: bool = False) -> None:
        super().__init__(text)
        self.is_refused = is_refused
        """User or password is refused."""


class Profile(NamedTuple):
    """One stream that the camera offers."""

    token: str
    name: str
    encoding: str
    """``H264``, ``H265`` …"""
    width_px: int
    height_px: int
    frames_per_s: float
    """0 where the camera does not say."""


def smallest_sufficient(profiles: Sequence[Profile]) -> Profile | None:
    """The smallest stream that detection can do with, the largest where none is large enough; None without any."""
    usable = [one for one in profiles if one.encoding in _ENCODINGS and one.width_px > 0 and one.height_px > 0]
    enough = [one for one in usable if one.width_px >= WIDTH_PX_ENOUGH and one.height_px >= HEIGHT_PX_ENOUGH]

    def area(one: Profile) -> int:
        return one.width_px * one.height_px

    return min(enough, key=area) if enough else max(usable, key=area, default=None)


class OnvifCamera:
    """One camera. Methods block, each request up to ``timeout_s``."""

    def __init__(
        self,
        host: str,
        port: int,
        login: Login | None,
        *,
        timeout_s: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_nonce: Callable[[], bytes] = lambda: secrets.token_bytes(16),
    ) -> None:
        """Asks nothing yet."""
        self._host, self._port = host, port
        self._login = login
        self._timeout_s = timeout_s
        self._now, self._new_nonce = now, new_nonce
        self._ahead: timedelta | None = None
        self._media = ""

    def profiles(self) -> list[Profile]:
        """The streams that it offers.

        Raises:
            OnvifError: it does not answer, refuses, or offers none.
        """
        said = self._ask(self._media_path(), "<trt:GetProfiles/>")
        found = [_profile(one) for one in said.findall("trt:Profiles", soap.NAMESPACES)[:_PROFILES_MAX]]
        return [one for one in found if one.token]

    def stream_url(self, profile: Profile) -> str:
        """The address of a stream on the host that was named, without user and password.

        Raises:
            OnvifError: it does not answer, refuses, or names no stream.
        """
        said = self._ask(
            self._media_path(),
            "<trt:GetStreamUri><trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream>"
            "<tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport></trt:StreamSetup>"
            f"<trt:ProfileToken>{soap.text(profile.token)}</trt:ProfileToken></trt:GetStreamUri>",
        )
        parts = urlsplit(soap.text_of(said, "trt:MediaUri/tt:Uri"))
        try:
            port = parts.port
        except ValueError:
            port = None
        if parts.scheme not in _STREAM_SCHEMES:
            raise OnvifError(_("the camera names no stream"))
        # Behind a router it may know itself by another address, and no answer may lead the login elsewhere.
        where = _bracketed(self._host) + (f":{port}" if port else "")
        return urlunsplit((parts.scheme, where, parts.path, parts.query, ""))

    def _media_path(self) -> str:
        if not self._media:
            said = self._ask(
                _DEVICE_SERVICE, "<tds:GetCapabilities><tds:Category>Media</tds:Category></tds:GetCapabilities>"
            )
            self._media = (
                urlsplit(soap.text_of(said, "tds:Capabilities/tt:Media/tt:XAddr")).path or "/onvif/media_service"
            )
        return self._media

    def _ask(self, path: str, body: str) -> Element:
        if self._ahead is None:
            self._ahead = timedelta()
            if self._login is not None:
                self._ahead = self._clock() - self._now()
        return self._post(path, body, self._login)

    def _clock(self) -> datetime:
        """The camera's own time, which it judges a login by; ours where it does not say."""
        try:
            said = self._post(_DEVICE_SERVICE, "<tds:GetSystemDateAndTime/>", None)
        except OnvifError:
            return self._now()
        return soap.camera_time(said) or self._now()

    def _post(self, path: str, body: str, login: Login | None) -> Element:
        at = self._now() + (self._ahead or timedelta())
        message = soap.request(body, login=login, at=at, nonce=self._new_nonce())
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            connection.request("POST", path, message, {"Content-Type": soap.CONTENT_TYPE, "Connection": "close"})
            with connection.getresponse() as response:
                status, data = response.status, response.read(soap.ANSWER_BYTES_MAX + 1)
        except (OSError, http.client.HTTPException, ValueError):
            raise OnvifError(_("no answer, or refused")) from None
        finally:
            connection.close()
        if status in {401, 403}:
            raise OnvifError(_("user or password is refused; see credentials_file"), is_refused=True)
        try:
            return soap.answer(data)
        except SoapError as error:
            raise OnvifError(str(error), is_refused=error.is_refused) from None


def find_stream(host: str, port: int, login: Login | None, *, timeout_s: float) -> str:
    """The address of the smallest stream that suffices; asks four questions of up to `timeout_s` each.

    Raises:
        OnvifError: there is none.
    """
    camera = OnvifCamera(host, port, login, timeout_s=timeout_s)
    chosen = smallest_sufficient(camera.profiles())
    if chosen is None:
        raise OnvifError(_("the camera offers no stream"))
    return camera.stream_url(chosen)


def _profile(element: Element) -> Profile:
    encoder = "tt:VideoEncoderConfiguration/"
    return Profile(
        token=element.get("token", "")[:256],
        name=soap.text_of(element, "tt:Name")[:64],
        encoding=soap.text_of(element, encoder + "tt:Encoding").upper(),
        width_px=_whole(soap.text_of(element, encoder + "tt:Resolution/tt:Width")),
        height_px=_whole(soap.text_of(element, encoder + "tt:Resolution/tt:Height")),
        frames_per_s=float(_whole(soap.text_of(element, encoder + "tt:RateControl/tt:FrameRateLimit"))),
    )


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
