"""One connection to an MQTT broker: packets out of bytes, answers to who asked, messages into a bounded queue.

Promise: when 256 messages wait, the connection is read no further where they are of QoS 1, so the broker keeps the
rest; of QoS 0 the oldest goes and is counted. A broker that is silent for twice the keepalive is gone. What breaks a
rule of MQTT ends the connection.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from haechi.sdk.errors import BadReading
from haechi.sdk.transports import mqtt_frames as frames
from haechi.sdk.transports.dialling import Connection
from haechi.sdk.transports.mqtt_frames import Kind, Message, Packet, Packets, matches
from haechi.text import _

PACKET_BYTES_MAX = 64 * 1024
_WAITING_MAX = 256
_BURST_MAX = 4096
"""What one more look at the connection may add to those; beyond it even QoS 1 is dropped, and counted."""


class MqttStream(Connection):
    """One connection; its owner dials, greets, takes messages and acknowledges them."""

    def __init__(self, name: str, filters: tuple[str, ...], count: Callable[[str], None], keepalive_s: int) -> None:
        """Listen to ``filters``; ``count`` takes ``messages_lost`` and ``strays`` (messages that nobody asked for)."""
        super().__init__(name)
        self.ended: str | None = None
        """Why it is over, for a person; None while it lives."""
        self.waiting: deque[tuple[Message, float]] = deque()
        """Messages, and when each came."""
        self.came = asyncio.Event()
        self._filters, self._count, self._keepalive_s = filters, count, keepalive_s
        self._packets = Packets(PACKET_BYTES_MAX)
        self._asked: asyncio.Future[Packet] | None = None
        self._unacknowledged = 0
        self._heard = True
        self._is_paused = False
        self._timer: asyncio.TimerHandle | None = None

    async def ask(self, packet: bytes, shown: bytes | None = None) -> Packet:
        """Send ``packet`` and return the packet that is no message and comes next; ``shown`` as for :meth:`say`."""
        if self.ended is not None:
            raise ConnectionResetError(self.ended)
        self._asked = asyncio.get_running_loop().create_future()
        self.say(packet, shown)
        try:
            return await self._asked
        finally:
            self._asked = None

    def say(self, packet: bytes, shown: bytes | None = None) -> None:
        """Send; what is said into a connection that is over is lost.

        Who listens on the wire sees ``shown``, where that is given: a recording must hold no password.
        """
        if self._transport is not None and self.ended is None:
            shown = packet if shown is None else shown
            passed = self._tap.sent(shown)
            self._transport.write(packet if passed == shown else passed)

    def take(self) -> Message:
        """Return the oldest message that waits."""
        message, came_s = self.waiting.popleft()
        if self._is_paused and len(self.waiting) < _WAITING_MAX // 2 and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        self._unacknowledged = message.packet_id
        return message._replace(waited_s=asyncio.get_running_loop().time() - came_s)

    def acknowledge(self) -> None:
        """Tell the broker that the message taken last is used."""
        if self._unacknowledged:
            self.say(frames.puback(self._unacknowledged))
            self._unacknowledged = 0

    def abort(self) -> None:
        """Close without waiting for anything."""
        self._end(_("the connection is closed"))
        super().abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and begin to look for signs of life."""
        super().connection_made(transport)
        self._timer = asyncio.get_running_loop().call_later(self._keepalive_s, self._tick)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._end(_("the connection broke ({why})").format(why=exc) if exc else _("the broker closed the connection"))
        self._tap.closed()

    def _deliver(self, data: bytes) -> None:
        """Cut the stream into packets."""
        if not data or self.ended is not None:
            return
        self._heard = True
        try:
            for packet in self._packets.feed(data):
                self._sort(packet)
        except BadReading as error:
            self._end(_("the broker says what is no MQTT ({why})").format(why=error))
            super().abort()

    def _sort(self, packet: Packet) -> None:
        if packet.kind == Kind.PUBLISH:
            self._queue(frames.message_of(packet))
        elif packet.kind in (Kind.CONNACK, Kind.SUBACK) and self._asked is not None and not self._asked.done():
            self._asked.set_result(packet)
        elif packet.kind != Kind.PINGRESP:
            raise BadReading(_("a packet of type {kind} that nobody asked for").format(kind=packet.kind))

    def _queue(self, message: Message) -> None:
        if message.qos > 1:
            raise BadReading(_("a message of QoS 2, where 1 was asked for"))
        if not any(matches(one, message.topic) for one in self._filters):
            self._drop(message, "strays")
            return
        if len(self.waiting) >= (_BURST_MAX if message.qos else _WAITING_MAX):
            self._drop(self.waiting.popleft()[0], "messages_lost")
        self.waiting.append((message, asyncio.get_running_loop().time()))
        if message.qos and len(self.waiting) >= _WAITING_MAX and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self.came.set()

    def _drop(self, message: Message, counter: str) -> None:
        self._count(counter)
        if message.packet_id:  # else it would fill the broker's window for ever
            self.say(frames.puback(message.packet_id))

    def _tick(self) -> None:
        if not self._heard and not self._is_paused:
            self._end(_("the broker is silent for {seconds} s").format(seconds=2 * self._keepalive_s))
            super().abort()
            return
        self._heard = False
        self.say(frames.packet(Kind.PINGREQ))
        self._timer = asyncio.get_running_loop().call_later(self._keepalive_s, self._tick)

    def _end(self, why: str) -> None:
        if self.ended is not None:
            return
        self.ended = why
        self.came.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._asked is not None and not self._asked.done():
            with suppress(asyncio.InvalidStateError):
                self._asked.set_exception(ConnectionResetError(why))
