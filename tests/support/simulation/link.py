"""The gateway's connection to the simulated broker; stands where :class:`haechi.edge.uplink.link.Link` stands.

It keeps that class's promises and no others: bytes arrive in order until the connection breaks, and nobody knows how
many of the last ones did.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from haechi.edge.uplink import LinkLost, WrongProtocol, session
from haechi.edge.uplink.link import Broker as Address
from haechi.edge.uplink.link import Ears
from support.simulation.broker import Broker, Message
from support.simulation.loop import EXECUTING, VirtualLoop
from support.simulation.process import Process

_KEEPALIVE_S = 4.0
_CONNACK_WAIT_S = 10.0
_SLOTS = 20
_BUFFER_MESSAGES = 8


class Wire:
    """What lies between one gateway and the broker; outlives connections."""

    def __init__(self, loop: VirtualLoop, broker: Broker) -> None:
        self.loop, self.broker = loop, broker
        self.swallows = False
        """Everything vanishes, nothing is closed."""
        self.links: list[SimulatedLink] = []

    def cut(self) -> None:
        """Break the connection that stands."""
        for link in list(self.links):
            link.end("the connection broke")

    def carry(self, link: "SimulatedLink", work: Callable[[], None]) -> None:
        """Bring something to the other end, after all that was sent before it."""
        at_s = max(self.loop.time() + link.chance() * self.broker.weather.latency_s, link.last_arrival_s)
        link.last_arrival_s = at_s
        self.loop.call_at(at_s, self._arrive, link, work)

    def _arrive(self, link: "SimulatedLink", work: Callable[[], None]) -> None:
        # What was under way when a connection broke arrives or does not.
        if not self.swallows and (link.ended is None or link.chance() < 0.5):
            self.broker.later(work, 0.0)


class SimulatedLink:
    """One connection."""

    def __init__(self, wire: Wire, chance: Callable[[], float], version: int, will: tuple[str, bytes], ears: Ears):
        self._wire, self._ears, self.version = wire, ears, version
        self.chance = chance
        self.client_id = will[0]
        self.will = Message(*will, retained=True)
        self.subscribed: set[str] = set()
        self.ended: str | None = None
        self.heard_s = wire.loop.time()
        self.last_arrival_s = 0.0
        self.slots, self.packet_bytes_max = _SLOTS, 256 * 1024
        self._messages = 0
        self._unconfirmed = 0
        self._pinged_s = wire.loop.time()
        self._said_goodbye = False

    async def open(self) -> None:
        """Connect; see :class:`haechi.edge.uplink.link.Link`."""
        broker = self._wire.broker
        if not broker.up:
            await asyncio.sleep(broker.weather.latency_s)
            raise LinkLost("connection refused")
        connected = self._wire.loop.create_future()

        def admit() -> None:
            if self.ended is None and not connected.done():
                broker.connect(self)
                connected.set_result(None)

        self._wire.links.append(self)
        self._wire.carry(self, admit)
        try:
            async with asyncio.timeout(_CONNACK_WAIT_S):
                await connected
        except TimeoutError:
            self.drop("no answer to CONNECT")
            raise WrongProtocol("no answer to CONNECT") from None
        self.heard_s = self._wire.loop.time()

    async def subscribe(self, topics: list[str]) -> None:
        """Subscribe."""
        await asyncio.sleep(self._wire.broker.weather.latency_s)
        if self.ended is not None:
            raise LinkLost(self.ended)
        self.subscribed.update(topics)

    @property
    def has_room(self) -> bool:
        """Whether the kernel takes more."""
        silent = self._wire.swallows or self._wire.broker.frozen
        return self.ended is None and not (silent and self._unconfirmed >= _BUFFER_MESSAGES)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int | None:
        """Send a message; its PUBACK comes back later, or does not."""
        if self.ended is not None:
            return None
        self._messages += 1
        number, message = self._messages, Message(topic, payload, retain)
        self._unconfirmed += 1

        def arrive() -> None:
            code = self._wire.broker.publish(self, message)
            if code is not None:
                self._back(lambda: self._confirmed(number, code if self.version == 5 else 0))

        self._wire.carry(self, arrive)
        return number

    def tend(self) -> None:
        """Send a sign of life; a broker that answered none for long is given up, as paho does."""
        now_s = self._wire.loop.time()
        if self.ended is None and now_s - self._pinged_s >= _KEEPALIVE_S:
            if self.heard_s < self._pinged_s - _KEEPALIVE_S:
                self.end("no answer to a sign of life")
                return
            self._pinged_s = now_s
            self._wire.carry(self, lambda: self._back(lambda: None))

    async def close(self) -> None:
        """Say goodbye."""
        self._said_goodbye = True
        await asyncio.sleep(0)
        self.drop("closed")

    def drop(self, why: str) -> None:
        """Close at once."""
        self.end(why)

    def end(self, why: str) -> None:
        """Be over, whoever ended it; the broker notices sooner or later."""
        if self.ended is not None:
            return
        self.ended = why
        if self in self._wire.links:
            self._wire.links.remove(self)
        self._wire.broker.later(
            lambda: self._wire.broker.disconnect(self, goodbye=self._said_goodbye), self.chance() * 5.0
        )
        self._ears.wake()

    def hear(self, message: Message) -> None:
        """Take a message from the broker."""
        self._back(lambda: self._ears.message(message.topic, message.payload))

    def _confirmed(self, number: int, code: int) -> None:
        self._unconfirmed -= 1
        self._ears.confirmed(number, code)

    def _back(self, work: Callable[[], None]) -> None:
        self._wire.loop.call_later(self.chance() * self._wire.broker.weather.latency_s, self._heard, work)

    def _heard(self, work: Callable[[], None]) -> None:
        if self.ended is None and not self._wire.swallows:
            self.heard_s = self._wire.loop.time()
            work()


@contextmanager
def in_place_of_mqtt(wires: dict[Process, Wire], chance: Callable[[], float]) -> Iterator[None]:
    """Let every uplink session that a process opens use its wire."""

    def link(_broker: Address, version: int, will: tuple[str, bytes], ears: Ears) -> SimulatedLink:
        process = EXECUTING.get()
        assert isinstance(process, Process)
        made = SimulatedLink(wires[process], chance, version, will, ears)
        process.on_death.append(lambda: made.end("killed"))
        return made

    with patch.object(session, "Link", link):
        yield
