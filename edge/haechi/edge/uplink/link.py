"""One connection to the broker: paho-mqtt inside an asyncio loop, without a thread of paho's own.

A Link is used once: opened, used, closed. Its client starts clean, keeps no queue worth mentioning (nothing is handed
to it while it still has bytes to write) and dies with the connection, so paho's own retransmission never runs.
Connecting blocks (name look-up, TCP, TLS), so that part happens in a thread.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from haechi.edge.uplink import LinkLost, LinkRefused, WrongProtocol
from haechi.text import _

_CONNACK_WAIT_S = 10.0
_GOODBYE_S = 1.0
_SLOTS_MAX = 64
_SLOTS_UNANNOUNCED = 20
"""MQTT 3.1.1 announces nothing; this is what the most common broker takes without queueing."""
_PACKET_BYTES_MAX = 256 * 1024
_UNSPECIFIED_ERROR, _UNSUPPORTED_PROTOCOL, _TAKEN_OVER = 128, 132, 142


@dataclass(frozen=True)
class Broker:
    """Where the broker is, and who we are there."""

    host: str
    port: int
    client_id: str
    keepalive_s: int
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return f"Broker({self.host}:{self.port})"


@dataclass(frozen=True)
class Ears:
    """Who is told what; every function is called from the event loop and must not block."""

    message: Callable[[str, bytes], None]
    confirmed: Callable[[int, int], None]
    """Message id and reason code (0 on MQTT 3.1.1) of a PUBACK."""
    wake: Callable[[], None]
    """Something changed: room on the wire, or the end."""


class Link:
    """One connection."""

    def __init__(self, broker: Broker, version: int, will: tuple[str, bytes], ears: Ears) -> None:
        """``version`` is 5 or 4 (3.1.1); ``will`` is the topic and payload that the broker publishes when we vanish."""
        self._broker, self._ears, self.version = broker, ears, version
        self._loop = asyncio.get_running_loop()
        self._connack: asyncio.Future[tuple[ReasonCode, Properties | None]] = self._loop.create_future()
        self._socket: socket.socket | None = None
        self._writing = False
        self._all_written = asyncio.Event()
        self._subscribed: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self.ended: str | None = None
        """Why the connection is over; None while it stands."""
        self.heard_s = self._loop.time()
        """When the broker was last heard of."""
        self.slots = _SLOTS_UNANNOUNCED
        self.packet_bytes_max = _PACKET_BYTES_MAX
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=broker.client_id,
            protocol=MQTTProtocolVersion(version),
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(0)
        if broker.username is not None:
            client.username_pw_set(broker.username, broker.password)
        if broker.tls is not None:
            client.tls_set_context(broker.tls)
        client.will_set(will[0], will[1], qos=1, retain=True)
        client.on_connect = lambda _client, _data, _flags, code, properties: self._answer(code, properties)
        client.on_disconnect = lambda _client, _data, _flags, code, _properties: self._end(_why(code))
        client.on_message = lambda _client, _data, message: ears.message(message.topic, bytes(message.payload))
        client.on_publish = lambda _client, _data, mid, code, _properties: ears.confirmed(mid, code.value)
        client.on_subscribe = lambda _client, _data, mid, codes, _properties: self._grant(mid, codes)
        client.on_socket_close = lambda _client, _data, closing: self._forget_socket(closing)
        self._client = client

    async def open(self) -> None:
        """Connect and wait for the broker's word.

        Raises:
            WrongProtocol: the broker does not speak this version.
            LinkRefused: it said no (password, certificate, banned …).
            LinkLost: it is not there, or its certificate is not trusted.
        """
        where = f"{self._broker.host}:{self._broker.port}"
        try:
            await asyncio.to_thread(self._connect)
        except ssl.SSLError as error:
            # What OpenSSL found wrong: the name, the dates (look at the clock), or the authority.
            said = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error.reason
            raise LinkRefused(
                _("{where}: no trusted TLS connection ({reason})").format(where=where, reason=said or error)
            ) from None
        except OSError as error:
            raise LinkLost(
                _("{where}: cannot be reached ({reason})").format(where=where, reason=error.strerror or error)
            ) from None
        self._socket = self._client.socket()  # type: ignore[assignment]  # TCP and TLS only, never a WebSocket
        if self._socket is None:
            raise LinkLost(_("{where}: closed the connection").format(where=where))
        self._loop.add_reader(self._socket, self._readable)
        self._watch_writing()
        try:
            async with asyncio.timeout(_CONNACK_WAIT_S):
                code, properties = await self._connack
        except (TimeoutError, LinkLost):
            self.drop(_("no answer to CONNECT"))
            # Some brokers close instead of refusing.
            said = _("{where}: gives no answer to an MQTT CONNECT: is it a broker, are user and password right?")
            raise WrongProtocol(said.format(where=where)) from None
        if code.is_failure:
            self.drop(str(code))
            if code.value == _UNSUPPORTED_PROTOCOL:
                raise WrongProtocol(_("{where}: does not speak this version of MQTT").format(where=where))
            raise LinkRefused(_("{where}: the broker refuses us: {reason}").format(where=where, reason=code))
        if self.version == mqtt.MQTTv5:
            self.slots = min(_SLOTS_MAX, getattr(properties, "ReceiveMaximum", _SLOTS_MAX))
            self.packet_bytes_max = min(_PACKET_BYTES_MAX, getattr(properties, "MaximumPacketSize", _PACKET_BYTES_MAX))

    async def subscribe(self, topics: list[str]) -> None:
        """Subscribe with QoS 1.

        Raises:
            LinkRefused: the broker refuses one of them.
            LinkLost: the connection ended meanwhile.
        """
        code, message = self._client.subscribe([(topic, 1) for topic in topics])
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or message is None:
            raise LinkLost(self.ended or str(code))
        self._watch_writing()
        granted = self._subscribed[message] = self._loop.create_future()
        try:
            async with asyncio.timeout(_CONNACK_WAIT_S):
                codes = await granted
        except TimeoutError:
            raise LinkLost(_("the broker does not answer a SUBSCRIBE")) from None
        for topic, reason in zip(topics, codes, strict=False):
            if reason.is_failure:
                raise LinkRefused(
                    _("the broker refuses us the topic {topic}: {reason}").format(topic=topic, reason=reason)
                )

    @property
    def has_room(self) -> bool:
        """Whether everything handed over so far has left for the network."""
        return self.ended is None and not self._client.want_write()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int | None:
        """Put a message on the wire with QoS 1; return its id for the PUBACK, None when the link has ended."""
        if self.ended is not None:
            return None
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        self._watch_writing()
        return info.mid if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def tend(self) -> None:
        """Let paho send its sign of life; call once a second."""
        if self.ended is None:
            self._client.loop_misc()
            self._watch_writing()

    async def close(self) -> None:
        """Say goodbye and close; what is not written within a second is left."""
        if self.ended is None:
            self._client.disconnect()
            self._watch_writing()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE_S):
                    await self._all_written.wait()
        self.drop(_("closed"))

    def drop(self, why: str) -> None:
        """Close at once, without a goodbye: the broker will publish the will."""
        self._end(why)
        self._unwatch()
        closing, self._socket = self._socket, None
        if closing is not None:
            closing.close()

    def _connect(self) -> None:
        properties = None
        if self.version == mqtt.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
            properties.MaximumPacketSize = _PACKET_BYTES_MAX
        self._client.connect(
            self._broker.host,
            self._broker.port,
            keepalive=self._broker.keepalive_s,
            clean_start=True if self.version == mqtt.MQTTv5 else mqtt.MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
        )

    def _readable(self) -> None:
        self.heard_s = self._loop.time()
        # A TLS socket may hold more than select sees, so drain what it has already decrypted.
        while self.ended is None:
            self._client.loop_read()
            reading = self._client.socket()
            if reading is None or not isinstance(reading, ssl.SSLSocket) or not reading.pending():
                break
        self._watch_writing()

    def _writable(self) -> None:
        self._client.loop_write()
        self._watch_writing()
        if not self._writing:
            self._ears.wake()

    def _watch_writing(self) -> None:
        wants = self._socket is not None and self.ended is None and self._client.want_write()
        if wants and not self._writing and self._socket is not None:
            self._loop.add_writer(self._socket, self._writable)
        elif not wants and self._writing and self._socket is not None:
            self._loop.remove_writer(self._socket)
        self._writing = wants
        if wants:
            self._all_written.clear()
        else:
            self._all_written.set()

    def _unwatch(self) -> None:
        if self._socket is not None and self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._writing = False

    def _end(self, why: str) -> None:
        if self.ended is None:
            self.ended = why
            if not self._connack.done():
                self._connack.set_exception(LinkLost(why))
                self._connack.exception()
            for granted in self._subscribed.values():
                if not granted.done():
                    granted.set_exception(LinkLost(why))
                    granted.exception()
            self._ears.wake()

    def _answer(self, code: ReasonCode, properties: Properties | None) -> None:
        if not self._connack.done():
            self._connack.set_result((code, properties))

    def _grant(self, message: int, codes: list[ReasonCode]) -> None:
        granted = self._subscribed.pop(message, None)
        if granted is not None and not granted.done():
            granted.set_result(codes)

    def _forget_socket(self, closing: Any) -> None:
        if closing is self._socket:
            self._unwatch()
            self._socket = None


def _why(code: ReasonCode) -> str:
    if code.value == _UNSPECIFIED_ERROR:
        return _("the connection broke")
    if code.value == _TAKEN_OVER:
        return _("another client uses this gateway's identity at the broker; is an agent running twice?")
    return _("the broker ended the connection: {reason}").format(reason=code)
