"""Many gateways on one MQTT connection: publishes parcels and waits until the cloud has settled every one of them.

So that a broker's own queue limits never drop anything, no more than a window of messages is unsettled at a time.
"""

import asyncio
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

import paho.mqtt.client as mqtt

from benchmarks.subscriber import Subscriber
from haechi.contract.control import decode_acknowledgement
from haechi.contract.topics import DOWN_ACK, parse, topic

WINDOW = 400
"""Below mosquitto's queue of 1,000 messages a client, beside the cloud's own window of 512."""


class Message(NamedTuple):
    """Something to publish. ``token`` is what the acknowledgement shows it by: (epoch, seq), or a question."""

    gateway: str
    channel: str
    payload: bytes
    token: tuple[str, int] | str
    retain: bool = False


class Feeder(Subscriber):
    """``async with Feeder(port, tenant) as feeder``."""

    def __init__(self, port: int, tenant: str) -> None:
        """Prepare a client of the broker on loopback."""
        super().__init__(port, f"haechi/v1/{tenant}/+/{DOWN_ACK}", self._settle)
        self._tenant = tenant
        self._unsettled: dict[str, set[tuple[str, int] | str]] = {}
        self._count = 0
        self._changed = threading.Condition()

    async def feed(self, messages: Iterable[Message], limit_s: float) -> float:
        """Publish all; return the seconds from the first one published to the last one settled."""
        return await asyncio.to_thread(self._feed, messages, time.monotonic() + limit_s)

    def _feed(self, messages: Iterable[Message], until_s: float) -> float:
        begun_s = time.monotonic()
        for message in messages:
            self._wait(WINDOW - 1, until_s)
            with self._changed:
                self._unsettled.setdefault(message.gateway, set()).add(message.token)
                self._count += 1
            where = topic(self._tenant, message.gateway, message.channel)
            self.publish(where, message.payload, retain=message.retain)
        self._wait(0, until_s)
        return time.monotonic() - begun_s

    def _wait(self, unsettled_max: int, until_s: float) -> None:
        with self._changed:
            while self._count > unsettled_max:
                if not self._changed.wait(max(0.0, until_s - time.monotonic())):
                    raise TimeoutError(f"{self._count} messages are not settled")

    def _settle(self, message: mqtt.MQTTMessage) -> None:
        acknowledgement = decode_acknowledgement(bytes(message.payload))
        gateway = parse(message.topic).gateway
        with self._changed:
            unsettled = self._unsettled.get(gateway, set())
            settled: set[tuple[str, int] | str] = {token for token in unsettled if token == acknowledgement.answers}
            for one in acknowledgement.epochs:
                ranges = one.range_set()
                settled.update(
                    token
                    for token in unsettled
                    if isinstance(token, tuple) and token[0] == one.epoch and token[1] in ranges
                )
            unsettled -= settled
            self._count -= len(settled)
            if settled:
                self._changed.notify_all()
