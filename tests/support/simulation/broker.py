"""An MQTT broker that may do whatever brokers were seen to do: lose, repeat, reorder, forget, freeze, refuse, die.

It confirms to a publisher what it has taken (PUBACK) before any subscriber has seen it, keeps what a subscriber has
not confirmed for as long as that connection lasts, and no longer.
"""

import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from haechi.contract.topics import parse
from support.simulation.loop import VirtualLoop

NO_SUBSCRIBER, NOT_AUTHORISED = 16, 135
_QUEUE_MAX = 1_000


@dataclass
class Weather:
    """How likely a message is lost, repeated or late on its way; 0 when the sky is clear."""

    loss: float = 0.0
    repeat: float = 0.0
    reorder: float = 0.0
    latency_s: float = 0.02


@dataclass(frozen=True, slots=True)
class Message:
    """What is published."""

    topic: str
    payload: bytes
    retained: bool = False


class Client(Protocol):
    """A gateway's connection, as the broker sees it."""

    client_id: str
    will: Message
    subscribed: set[str]

    def hear(self, message: Message) -> None:
        """Take a message."""

    def end(self, why: str) -> None:
        """Learn that the connection is over."""


@dataclass(eq=False)
class Subscription:
    """One connection of a cloud: what waits for it, and how much it has not confirmed."""

    lane: str
    window: int
    take: Callable[[Message], Awaitable[None]]
    start: Callable[[Awaitable[None]], None]
    waiting: deque[Message] = field(default_factory=deque)
    unconfirmed: int = 0
    last_s: float = 0.0
    over: bool = False


class Broker:
    """One broker."""

    def __init__(self, loop: VirtualLoop, chance: random.Random, weather: Weather) -> None:
        self._loop, self._chance, self.weather = loop, chance, weather
        self.up, self.frozen, self.refuses = True, False, False
        self._stuck: list[Callable[[], None]] = []
        self._clients: dict[str, Client] = {}
        self._subscriptions: list[Subscription] = []
        self._retained: dict[str, Message] = {}
        self.acknowledgements: list[Message] = []
        """Everything that clouds have ever published."""

    def later(self, work: Callable[[], None], after_s: float) -> None:
        """Do something in a while; a frozen broker does it when it thaws."""
        self._loop.call_later(after_s, self._or_stick, work)

    def _or_stick(self, work: Callable[[], None]) -> None:
        if self.frozen:
            self._stuck.append(work)
        elif self.up:
            work()

    def thaw(self) -> None:
        """Go on with everything that came meanwhile."""
        self.frozen = False
        stuck, self._stuck = self._stuck, []
        for work in stuck:
            self._or_stick(work)

    def crash(self, *, keeps_retained: bool) -> None:
        """Die with everything that was queued."""
        self.up = self.frozen = False
        self._stuck.clear()
        clients, self._clients = self._clients, {}
        for client in clients.values():
            client.end("the broker died")
        self._drop_subscriptions()
        if not keeps_retained:
            self._retained.clear()

    def restart(self) -> None:
        """Come back."""
        self.up = True

    def forget(self) -> None:
        """Lose what is queued for the clouds; every connection stays."""
        for subscription in self._subscriptions:
            subscription.waiting.clear()

    def connect(self, client: Client) -> None:
        """Let a gateway in; another one of its name is thrown out."""
        other = self._clients.pop(client.client_id, None)
        if other is not None:
            self._route(other.will)
            other.end("taken over")
        self._clients[client.client_id] = client

    def disconnect(self, client: Client, *, goodbye: bool) -> None:
        """Notice that a gateway's connection is over."""
        if self._clients.get(client.client_id) is client:
            del self._clients[client.client_id]
            if not goodbye:
                self._route(client.will)

    def publish(self, client: Client, message: Message) -> int | None:
        """Take a message of a gateway; return the reason code of its PUBACK, None where there will be none."""
        if self._clients.get(client.client_id) is not client:
            return None
        if self.refuses:
            return NOT_AUTHORISED
        return self._route(message)

    def subscribe(self, subscription: Subscription) -> None:
        """Begin to deliver to a cloud."""
        self._subscriptions.append(subscription)
        if subscription.lane == "status":
            for message in list(self._retained.values()):
                self._queue(subscription, Message(message.topic, message.payload, retained=True))

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a connection of a cloud with all that was meant for it."""
        subscription.over = True
        subscription.waiting.clear()
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def speak(self, message: Message) -> None:
        """Carry what a cloud says to the gateway that listens."""
        self.acknowledgements.append(message)
        if self._chance.random() < self.weather.loss:
            return
        for after_s in self._delays():
            self.later(lambda: self._deliver_down(message), after_s)

    def _deliver_down(self, message: Message) -> None:
        for client in list(self._clients.values()):
            if message.topic in client.subscribed:
                client.hear(message)

    def _route(self, message: Message) -> int:
        lane = _lane(message.topic)
        if message.retained:
            self._retained[message.topic] = message
            # MQTT 5, 3.3.1.3: only who subscribes later is told that it was kept.
            message = Message(message.topic, message.payload)
        heard_by = [one for one in self._subscriptions if one.lane == lane]
        if not heard_by:
            return NO_SUBSCRIBER
        # Several clouds share a subscription: each message goes to one of them.
        subscription = self._chance.choice(heard_by)
        if self._chance.random() >= self.weather.loss:
            for _ in range(2 if self._chance.random() < self.weather.repeat else 1):
                self._queue(subscription, message)
        return 0

    def _queue(self, subscription: Subscription, message: Message) -> None:
        if len(subscription.waiting) < _QUEUE_MAX:
            subscription.waiting.append(message)
            self._feed(subscription)

    def _feed(self, subscription: Subscription) -> None:
        while subscription.waiting and subscription.unconfirmed < subscription.window and not subscription.over:
            message = subscription.waiting.popleft()
            subscription.unconfirmed += 1
            after_s = self._chance.random() * self.weather.latency_s
            if subscription.lane == "status":
                # MQTT 5, 4.6: one topic keeps its order. Parcels are not granted even that.
                after_s = max(after_s, subscription.last_s - self._loop.time())
                subscription.last_s = self._loop.time() + after_s
            elif self._chance.random() < self.weather.reorder:
                after_s += self._chance.random() * 3.0
            self.later(lambda message=message: self._hand_over(subscription, message), after_s)  # type: ignore[misc]

    def _hand_over(self, subscription: Subscription, message: Message) -> None:
        if not subscription.over:
            subscription.start(self._carry(subscription, message))

    async def _carry(self, subscription: Subscription, message: Message) -> None:
        await subscription.take(message)
        subscription.unconfirmed -= 1
        self.later(lambda: self._feed(subscription), self.weather.latency_s)

    def _delays(self) -> list[float]:
        delays = []
        for _ in range(2 if self._chance.random() < self.weather.repeat else 1):
            late_s = self._chance.random() * 3.0 if self._chance.random() < self.weather.reorder else 0.0
            delays.append(self._chance.random() * self.weather.latency_s + late_s)
        return delays

    def _drop_subscriptions(self) -> None:
        for subscription in list(self._subscriptions):
            self.unsubscribe(subscription)


def _lane(topic: str) -> str:
    channel = parse(topic).channel.removeprefix("up/")
    return channel if channel in ("urgent", "status") else "bulk"
