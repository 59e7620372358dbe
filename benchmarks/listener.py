"""A subscriber that acknowledges end to end at once, and looks into the parcels when the measurement is over.

So what it costs stays small beside what is measured, and the gateway is never held up by it.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import paho.mqtt.client as mqtt

from benchmarks.subscriber import Subscriber
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


class Listener(Subscriber):
    """``async with Listener(port) as listener``; everything that came is in ``arrivals``."""

    def __init__(self, port: int) -> None:
        """Prepare a client of the broker on loopback."""
        super().__init__(port, "haechi/v1/+/+/up/#", self._take)
        self.arrivals: dict[ParcelName, Arrival] = {}
        self.repeats = 0
        self._settled: dict[bytes, RangeSet] = {}
        self._news = asyncio.Event()

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

    def _take(self, message: mqtt.MQTTMessage) -> None:
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
            self.call(self._news.set)
        acknowledgement = Acknowledgement(
            at_us=at_us,
            epochs=tuple(
                SettledRanges(epoch=epoch.hex(), settled=settled.ranges[:256])
                for epoch, settled in self._settled.items()
            ),
            answers=question,
        )
        self.publish(topic(address.tenant, address.gateway, DOWN_ACK), encode_control(acknowledgement))
