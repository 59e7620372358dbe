"""A camera that is not there: tells its topics again and again, over HTTP (or HTTPS) or to a broker of its own.

From a shell: ``python -m haechi.adapters.onvif_events.simulator --port 8080``, or ``--mqtt``.
"""

import argparse
import asyncio
import base64
import json
import ssl
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Self
from xml.etree.ElementTree import Element

import h11
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from haechi.sdk.little_broker import Publishing
from haechi.sdk.onvif import soap
from haechi.sdk.onvif.soap import NAMESPACES

_SPACES = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
_TOPICS = {
    "motion": ("tns1:RuleEngine/CellMotionDetector/Motion", "IsMotion"),
    "input": ("tns1:Device/Trigger/tns1:DigitalInput", "LogicalState"),
}
_PATH = "/onvif/pull?id=7"


class OnvifCameraSimulator:
    """One camera. An async context manager: entering starts it, ``port`` is where it answers."""

    def __init__(
        self,
        *,
        period_s: float = 0.02,
        user: str = "",
        password: str = "",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Tell all topics every ``period_s``; over HTTPS where ``tls`` says with which certificate."""
        self._tls = tls
        self.port = port
        self.period_s = period_s
        self.user, self.password = user, password
        self.ahead = timedelta(hours=-9)
        self.truths: dict[str, str] = {"motion": "false", "input": "false"}
        self.operation = "Changed"
        self.silent = False
        self.closes = False
        """Whether it closes the connection after each answer, as many cameras do."""
        self.renewals = 0
        self.pulls = 0
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def is_held(self) -> bool:
        """Tell whether somebody is connected."""
        return bool(self._writers)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_unused: object) -> None:
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    def drop(self) -> None:
        """Lose every connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        http = h11.Connection(h11.SERVER)
        body = bytearray()
        try:
            while True:
                event = http.next_event()
                if event is h11.NEED_DATA:
                    http.receive_data(await reader.read(65_536))
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    while self.silent and await reader.read(65_536):
                        pass
                    await self._answer(http, writer, bytes(body))
                    body.clear()
                    if http.our_state is not h11.DONE:
                        return
                    http.start_next_cycle()
                elif not isinstance(event, h11.Request):
                    return
        except (OSError, h11.RemoteProtocolError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, http: h11.Connection, writer: asyncio.StreamWriter, message: bytes) -> None:
        status, said = await self.answer(message)
        headers = [("Content-Type", soap.CONTENT_TYPE), ("Content-Length", str(len(said)))]
        if self.closes:
            headers.append(("Connection", "close"))
        for event in (h11.Response(status_code=status, headers=headers), h11.Data(said), h11.EndOfMessage()):
            writer.write(http.send(event) or b"")
        await writer.drain()

    async def answer(self, message: bytes) -> tuple[int, bytes]:
        """Return status and body for a question."""
        envelope = fromstring(message)
        asked = envelope.find("s:Body", NAMESPACES)[0].tag.rpartition("}")[2]
        if asked != "GetSystemDateAndTime" and self.user and not self._lets_in(envelope):
            code = "<s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode>"
            return 400, _envelope(f"<s:Fault><s:Code>{code}</s:Code></s:Fault>")
        if asked == "PullMessages":
            self.pulls += 1
            await asyncio.sleep(self.period_s)
        elif asked == "Renew":
            self.renewals += 1
        return 200, _envelope(self._said(asked))

    def _said(self, asked: str) -> str:
        match asked:
            case "GetSystemDateAndTime":
                now = datetime.now(UTC) + self.ahead
                date = f"<tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
                hour, minute, second = now.hour, now.minute, now.second
                time = f"<tt:Hour>{hour}</tt:Hour><tt:Minute>{minute}</tt:Minute><tt:Second>{second}</tt:Second>"
                at = f"<tt:UTCDateTime><tt:Time>{time}</tt:Time><tt:Date>{date}</tt:Date></tt:UTCDateTime>"
                inner = f"<tds:SystemDateAndTime>{at}</tds:SystemDateAndTime>"
                return f"<tds:GetSystemDateAndTimeResponse>{inner}</tds:GetSystemDateAndTimeResponse>"
            case "GetDeviceInformation":
                model = "<tds:Manufacturer>Nobody</tds:Manufacturer><tds:Model>Simulator</tds:Model>"
                return f"<tds:GetDeviceInformationResponse>{model}</tds:GetDeviceInformationResponse>"
            case "GetCapabilities":
                events = "<tt:Events><tt:XAddr>http://10.0.0.7/onvif/Events</tt:XAddr></tt:Events>"
                inner = f"<tds:Capabilities>{events}</tds:Capabilities>"
                return f"<tds:GetCapabilitiesResponse>{inner}</tds:GetCapabilitiesResponse>"
            case "CreatePullPointSubscription":
                address = f"<wsa:Address>http://10.0.0.7{_PATH}</wsa:Address>"
                inner = f"<tev:SubscriptionReference>{address}</tev:SubscriptionReference>"
                return f"<tev:CreatePullPointSubscriptionResponse>{inner}</tev:CreatePullPointSubscriptionResponse>"
            case "PullMessages":
                told = "".join(notification(name, value, self.operation) for name, value in self.truths.items())
                return f"<tev:PullMessagesResponse>{told}</tev:PullMessagesResponse>"
            case _:
                return f"<wsnt:{asked}Response/>"

    def _lets_in(self, envelope: Element) -> bool:
        where = "s:Header/wsse:Security/wsse:UsernameToken/"
        parts = ("wsse:Username", "wsse:Password", "wsse:Nonce", "wsu:Created")
        user, given, nonce, created = (envelope.findtext(where + part, "", NAMESPACES) for part in parts)
        off = datetime.fromisoformat(created) - datetime.now(UTC) - self.ahead
        wanted = soap.digest(base64.b64decode(nonce), created, self.password)
        return user == self.user and given == wanted and abs(off) < timedelta(seconds=5)


class OnvifMqttSimulator(Publishing):
    """One camera that tells its topics in turn, and its broker. An async context manager: entering starts both."""

    PREFIX = "cameras/gate-1"

    def __init__(self, *, period_s: float = 0.02) -> None:
        """Tell one topic every ``period_s``."""
        super().__init__(period_s=period_s)
        self.truths: dict[str, str] = {"motion": "false", "input": "false"}
        self._turn = 0

    @property
    def topic(self) -> str:
        """Where it tells what is next."""
        return self.topic_of(list(self.truths)[self._turn])

    def message(self) -> bytes:
        """Return what it tells next."""
        name, value = list(self.truths.items())[self._turn]
        self._turn = (self._turn + 1) % len(self.truths)
        return self.payload(name, value)

    @classmethod
    def topic_of(cls, name: str, source: str = "VideoSource_1") -> str:
        """Return the MQTT topic: without ONVIF's own namespace, and with the source behind it."""
        return f"{cls.PREFIX}/onvif-ej/{_TOPICS[name][0].replace('tns1:', '')}/&{source}"

    @staticmethod
    def payload(name: str, value: str, *, source: str = "VideoSource_1") -> bytes:
        """Return an event as JSON; a property's operation does not stand in it."""
        said = {"UtcTime": "2026-11-22T08:00:00Z", "Source": {"Source": source}, "Data": {_TOPICS[name][1]: value}}
        return json.dumps(said, separators=(",", ":")).encode()


def notification(name: str, value: str, operation: str, *, source: str = "VideoSource_1") -> str:
    """Return one notification as the camera writes it."""
    topic, item = _TOPICS[name]
    parts = f'<tt:Source><tt:SimpleItem Name="Source" Value="{source}"/></tt:Source>'
    parts += f'<tt:Data><tt:SimpleItem Name="{item}" Value="{value}"/></tt:Data>'
    head = f'UtcTime="2026-11-22T08:00:00Z" PropertyOperation="{operation}"'
    message = f"<wsnt:Message><tt:Message {head}>{parts}</tt:Message></wsnt:Message>"
    return f"<wsnt:NotificationMessage><wsnt:Topic>{topic}</wsnt:Topic>{message}</wsnt:NotificationMessage>"


def _envelope(body: str) -> bytes:
    return f"<s:Envelope {_SPACES}><s:Body>{body}</s:Body></s:Envelope>".encode()


def main() -> None:
    """Stand in for a camera until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.onvif_events.simulator", description=main.__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--mqtt", action="store_true", help="tell a broker; the first line is its address")
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(arguments.port, by_mqtt=arguments.mqtt))


async def _main(port: int, *, by_mqtt: bool) -> None:
    if by_mqtt:
        async with OnvifMqttSimulator(period_s=1.0) as camera:
            await _stand_in(camera.broker.url)
    else:
        async with OnvifCameraSimulator(period_s=1.0, port=port) as simulator:
            await _stand_in(f"127.0.0.1:{simulator.port}")


async def _stand_in(where: str) -> None:
    sys.stdout.write(f"{where}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
