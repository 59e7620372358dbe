"""An MQTT broker for simulators: it runs inside a test, so that a partner needs no server to try an adapter.

It passes on what is published, keeps what is retained, and can be silent or restarted. It has no TLS, no QoS 2, and
no sessions: try those with a real broker.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from typing import Self

from haechi.sdk.errors import BadReading
from haechi.sdk.transports import mqtt_frames as frames
from haechi.sdk.transports.mqtt_frames import Kind, Message, Packet, Packets, matches

_PACKET_BYTES_MAX = 256 * 1024
_RETAINED_MAX = 1000
_REMEMBERED = 50
_USERNAME, _PASSWORD, _WILL = 0x80, 0x40, 0x04
_WRONG_PASSWORD = 4


class LittleBroker:
    """One broker on a free port of 127.0.0.1. An async context manager: entering starts it."""

    def __init__(self, *, password: str | None = None) -> None:
        """Let in who knows ``password``; None lets everybody in."""
        self.port = 0
        self.silent = False
        """True: it passes nothing on; connections stay open."""
        self.acknowledged: deque[int] = deque(maxlen=_REMEMBERED)
        """Packet identifiers that subscribers have acknowledged, the newest of them."""
        self.published: deque[Message] = deque(maxlen=_REMEMBERED)
        """What clients have published, the newest of it."""
        self._password = password
        self._retained: dict[str, Message] = {}
        self._clients: set[_Client] = set()
        self._server: asyncio.Server | None = None
        self._last_id = 0

    @property
    def url(self) -> str:
        """What an adapter's ``broker_url`` is."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def is_held(self) -> bool:
        """Tell whether anybody is connected."""
        return bool(self._clients)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_unused: object) -> None:
        if self._server is not None:
            self._server.close()
        self.restart()
        await asyncio.sleep(0)  # the connections close in the loop's next step

    def restart(self) -> None:
        """Close every connection; who comes back is let in at once."""
        for client in list(self._clients):
            client.close()

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Pass a message on to who has subscribed to it; an empty one takes away what was retained (3.3.1.3)."""
        if retain and not payload:
            self._retained.pop(topic, None)
        elif retain and (topic in self._retained or len(self._retained) < _RETAINED_MAX):
            self._retained[topic] = Message(topic, payload, qos, retained=True)
        for client in list(self._clients):
            if not self.silent and any(matches(one, topic) for one in client.filters):
                client.deliver(Message(topic, payload, qos, packet_id=self._next_id() if qos else 0))

    async def hand_over(self, topic: str, payload: bytes) -> None:
        """Pass a message on and return when every subscriber has used it, or gone."""
        self.publish(topic, payload, qos=1)
        while any(client.owes for client in self._clients):  # noqa: ASYNC110 - there may be several
            await asyncio.sleep(0)

    def admits(self, password: str | None) -> bool:
        """Tell whether somebody with ``password`` is let in."""
        return self._password is None or password == self._password

    def join(self, client: "_Client") -> None:
        """Learn that somebody has connected."""
        self._clients.add(client)

    def leave(self, client: "_Client") -> None:
        """Learn that somebody has gone."""
        self._clients.discard(client)

    def retained_for(self, topic_filter: str) -> list[Message]:
        """Return what is kept for a subscription."""
        kept = [message for topic, message in self._retained.items() if matches(topic_filter, topic)]
        return [message._replace(packet_id=self._next_id() if message.qos else 0) for message in kept]

    def _next_id(self) -> int:
        self._last_id = self._last_id % 0xFFFF + 1
        return self._last_id


class Publishing(ABC):
    """A device that is not there and publishes by itself. An async context manager: entering starts it and a broker."""

    def __init__(self, *, period_s: float) -> None:
        """Publish every ``period_s``; zero is as fast as it is read, and no faster."""
        self.broker = LittleBroker()
        self.period_s = period_s
        self.silent = False
        """True: it says nothing."""
        self._task: asyncio.Task[None] | None = None

    @property
    @abstractmethod
    def topic(self) -> str:
        """Where it publishes."""

    @abstractmethod
    def message(self) -> bytes:
        """Return what it publishes next."""

    async def __aenter__(self) -> Self:
        await self.broker.__aenter__()
        self._task = asyncio.create_task(self._talk())
        return self

    async def __aexit__(self, *_unused: object) -> None:
        if self._task is not None:
            self._task.cancel()
        await self.broker.__aexit__()

    async def _talk(self) -> None:
        while True:
            if not self.silent and self.broker.is_held:
                if self.period_s:
                    self.broker.publish(self.topic, self.message())
                else:
                    await self.broker.hand_over(self.topic, self.message())
            await asyncio.sleep(self.period_s)


class _Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, broker: LittleBroker) -> None:
        self.filters: list[str] = []
        self.owes: set[int] = set()
        """Packet identifiers that it has not acknowledged yet."""
        self._broker = broker
        self._packets = Packets(_PACKET_BYTES_MAX)
        self._transport: asyncio.Transport | None = None

    def say(self, packet: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(packet)

    def deliver(self, message: Message) -> None:
        if message.packet_id:
            self.owes.add(message.packet_id)
        self.say(frames.publish(message))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio promises it to a stream protocol
        self._transport = transport
        self._broker.join(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._broker.leave(self)

    def data_received(self, data: bytes) -> None:
        try:
            for packet in self._packets.feed(data):
                self._answer(packet)
        except BadReading:
            self.close()

    def _answer(self, packet: Packet) -> None:
        match packet.kind:
            case Kind.CONNECT:
                code = 0 if self._broker.admits(_password_of(packet.body)) else _WRONG_PASSWORD
                self.say(frames.packet(Kind.CONNACK, bytes((0, code))))
            case Kind.SUBSCRIBE:
                self._subscribe(packet.body)
            case Kind.PUBLISH:
                self._take(frames.message_of(packet), packet)
            case Kind.PUBACK:
                packet_id, _rest = frames.number_of(packet.body)
                self.owes.discard(packet_id)
                self._broker.acknowledged.append(packet_id)
            case Kind.PINGREQ:
                if not self._broker.silent:
                    self.say(frames.packet(Kind.PINGRESP))
            case Kind.DISCONNECT:
                self.close()
            case _:
                raise BadReading(f"type {packet.kind}")

    def _subscribe(self, body: bytes) -> None:
        packet_id, rest = frames.number_of(body)
        wanted = []
        while rest:
            topic_filter, rest = frames.text_of(rest)
            wanted.append(topic_filter)
            rest = rest[1:]
        self.filters += wanted
        self.say(frames.packet(Kind.SUBACK, packet_id.to_bytes(2, "big") + bytes((1,)) * len(wanted)))
        for topic_filter in wanted:
            for message in self._broker.retained_for(topic_filter):
                self.deliver(message)

    def _take(self, message: Message, packet: Packet) -> None:
        self._broker.published.append(message)
        if message.qos:
            self.say(frames.puback(message.packet_id))
        self._broker.publish(message.topic, message.payload, qos=message.qos, retain=bool(packet.flags & 1))


def _password_of(body: bytes) -> str | None:
    """Return the password of a CONNECT (3.1.3)."""
    _name, rest = frames.text_of(body)
    flags, rest = rest[1], rest[4:]
    _client_id, rest = frames.text_of(rest)
    for _part in range(2 if flags & _WILL else 0):
        size, rest = frames.number_of(rest)
        rest = rest[size:]
    if flags & _USERNAME:
        _username, rest = frames.text_of(rest)
    return frames.text_of(rest)[0] if flags & _PASSWORD else None
