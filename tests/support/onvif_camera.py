"""A small ONVIF camera on loopback: SOAP over HTTP with a login by digest, and answers to a search."""

import base64
import contextlib
import hashlib
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from haechi.sdk.onvif.soap import NAMESPACES

USER, PASSWORD = "operator", "hunter2!/@"
_SPACES = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
_PARTS_OF_TIME = ("Year", "Month", "Day", "Hour", "Minute", "Second")
STREAMS = (
    ("main", "H264", 2560, 1440, 25),
    ("sub", "H264", 704, 576, 15),
    ("small", "H264", 352, 288, 10),
    ("third", "H264", 640, 360, 15),
)


def envelope(body: str) -> bytes:
    """An answer with this body."""
    return f'<?xml version="1.0"?><s:Envelope {_SPACES}><s:Body>{body}</s:Body></s:Envelope>'.encode()


class OnvifCamera:
    """What it says and what it was asked; change it to be another camera."""

    def __init__(self) -> None:
        self.port = 0
        self.ahead = timedelta(hours=9)
        self.streams = STREAMS
        self.stream_port = 554
        self.stream_host = "10.0.0.7"
        self.stream_query = "a=1&amp;b=2"
        self.garbage: bytes | None = None
        self.asked: list[str] = []
        self.refused = 0

    def answer(self, data: bytes) -> tuple[int, bytes]:
        """Status and body for a request."""
        if self.garbage is not None:
            return 200, self.garbage
        message = fromstring(data)
        body = message.find("s:Body", NAMESPACES)
        assert body is not None
        name = body[0].tag.rpartition("}")[2]
        self.asked.append(name)
        now = datetime.now(UTC) + self.ahead
        if name == "GetSystemDateAndTime":
            parts = dict(zip(_PARTS_OF_TIME, now.timetuple()[:6], strict=True))
            date, time = (
                "".join(f"<tt:{name}>{parts[name]}</tt:{name}>" for name in names)
                for names in (_PARTS_OF_TIME[:3], _PARTS_OF_TIME[3:])
            )
            at = f"<tt:UTCDateTime><tt:Time>{time}</tt:Time><tt:Date>{date}</tt:Date></tt:UTCDateTime>"
            inner = f"<tds:SystemDateAndTime>{at}</tds:SystemDateAndTime>"
            return 200, envelope(f"<tds:GetSystemDateAndTimeResponse>{inner}</tds:GetSystemDateAndTimeResponse>")
        if not self._lets_in(message, now):
            self.refused += 1
            code = "<s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode>"
            return 400, envelope(
                f"<s:Fault>{code}<s:Reason><s:Text>Sender not Authorized</s:Text></s:Reason></s:Fault>"
            )
        return 200, envelope(_ANSWERS[name](self, body[0]))

    def _lets_in(self, message: Element, now: datetime) -> bool:
        token = "s:Header/wsse:Security/wsse:UsernameToken/"
        user, given, nonce, created = (
            message.findtext(token + part, "", NAMESPACES)
            for part in ("wsse:Username", "wsse:Password", "wsse:Nonce", "wsu:Created")
        )
        wanted = hashlib.sha1(  # noqa: S324 - the profile wants it
            base64.b64decode(nonce) + created.encode() + PASSWORD.encode()
        ).digest()
        if user != USER or given != base64.b64encode(wanted).decode():
            return False
        return abs(datetime.fromisoformat(created) - now) < timedelta(seconds=5)

    def _capabilities(self, _asked: Element) -> str:
        media = "<tt:Media><tt:XAddr>http://10.0.0.7/onvif/Media</tt:XAddr></tt:Media>"
        inner = f"<tds:Capabilities>{media}</tds:Capabilities>"
        return f"<tds:GetCapabilitiesResponse>{inner}</tds:GetCapabilitiesResponse>"

    def _profiles(self, _asked: Element) -> str:
        profiles = ""
        for token, encoding, width, height, rate in self.streams:
            size = f"<tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height>"
            encoder = f"<tt:Encoding>{encoding}</tt:Encoding><tt:Resolution>{size}</tt:Resolution>"
            encoder += f"<tt:RateControl><tt:FrameRateLimit>{rate}</tt:FrameRateLimit></tt:RateControl>"
            inner = f"<tt:Name>{token}</tt:Name><tt:VideoEncoderConfiguration>{encoder}</tt:VideoEncoderConfiguration>"
            profiles += f'<trt:Profiles token="{token}">{inner}</trt:Profiles>'
        return f"<trt:GetProfilesResponse>{profiles}</trt:GetProfilesResponse>"

    def _stream(self, asked: Element) -> str:
        token = asked.findtext("trt:ProfileToken", "", NAMESPACES)
        secret = PASSWORD.replace("/", "%2F").replace("@", "%40")
        uri = f"rtsp://{USER}:{secret}@{self.stream_host}:{self.stream_port}/{token}?{self.stream_query}"
        inner = f"<trt:MediaUri><tt:Uri>{uri}</tt:Uri></trt:MediaUri>"
        return f"<trt:GetStreamUriResponse>{inner}</trt:GetStreamUriResponse>"


_ANSWERS = {
    "GetCapabilities": OnvifCamera._capabilities,
    "GetProfiles": OnvifCamera._profiles,
    "GetStreamUri": OnvifCamera._stream,
}


@contextlib.contextmanager
def onvif_camera() -> Iterator[OnvifCamera]:
    """Run one for as long as the context lasts."""
    camera = OnvifCamera()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = camera.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_unused: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        camera.port = server.server_address[1]
        server.daemon_threads = False  # their sockets must be closed when the camera is gone
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield camera
        finally:
            server.shutdown()
            serving.join()


@contextlib.contextmanager
def answering_searches(*answers: bytes) -> Iterator[tuple[str, int]]:
    """Listen for one search on loopback and send these answers; gives the address to ask."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(10)

        def answer() -> None:
            question, sender = listening.recvfrom(65_535)
            assert b"NetworkVideoTransmitter" in question
            for one in answers:
                listening.sendto(one, sender)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listening.getsockname()
        thread.join()
