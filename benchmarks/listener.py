"""A subscriber that acknowledges end to end at once, and looks into the parcels when the measurement is over.

So what it costs stays small beside what is measured, and the gateway is never held up by it.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import NamedTuple, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from haechi.contract.codec import decode
from haechi.contract.control import Acknowledgement, SettledRanges, decode_status, encode_control
from haechi.contract.envelope import unwrap
from haechi.contract.parcel import Parcel, ParcelName
from haechi.contract.ranges import RangeSet
from haechi.contract.topics import DOWN_ACK, UP_STATUS, parse, topic


class Arrival(NamedTuple):
    """One parcel, when it first came."""

    at_us: int
    payload: bytes
    channel: str


class Listener:
    """``async with Listener(port) as listener``; everything that came is in ``arrivals``."""

    def __init__(self, port: int) -> None:
        """Prepare a client of the broker on loopback."""
        self.arrivals: dict[ParcelName, Arrival] = {}
        self.repeats = 0
        self._settled: dict[bytes, RangeSet] = {}
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._ready, self._news = asyncio.Event(), asyncio.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.reconnect_delay_set(0.05, 0.1)  # type: ignore[arg-type]  # it takes any number
        self._client.on_connect = lambda client, *_: client.subscribe("haechi/v1/+/+/up/#", qos=1)
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._take

    async def __aenter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        await self._ready.wait()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until something is so; looked at again after every arrival."""
        while not reached():
            self._news.clear()
            await self._news.wait()

    def parcels(self, since_us: int = 0, until_us: int = 2**62) -> Iterator[tuple[int, Parcel]]:
        """Yield when they came, and the parcels that came within a time."""
        for arrival in list(self.arrivals.values()):
            if since_us <= arrival.at_us < until_us:
                yield arrival.at_us, decode(arrival.payload)[1]

    def _subscribed(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ready.set)

    def _take(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        at_us, payload = time.time_ns() // 1000, bytes(message.payload)
        address = parse(message.topic)
        question = None
        if address.channel == UP_STATUS:
            question = decode_status(payload).question
            if question is None:
                return
        else:
            name, _version, _body = unwrap(payload)
            if name in self.arrivals:
                self.repeats += 1
            else:
                self.arrivals[name] = Arrival(at_us, payload, address.channel)
            self._settled[name.epoch] = self._settled.get(name.epoch, RangeSet()).add(name.seq)
            self._loop.call_soon_threadsafe(self._news.set)
        acknowledgement = Acknowledgement(
            at_us=at_us,
            epochs=tuple(
                SettledRanges(epoch=epoch.hex(), settled=settled.ranges[:256])
                for epoch, settled in self._settled.items()
            ),
            answers=question,
        )
        self._client.publish(topic(address.tenant, address.gateway, DOWN_ACK), encode_control(acknowledgement), qos=1)
