"""A client of the broker on loopback that hears one filter of topics, in a thread of its own."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


class Subscriber:
    """``async with Subscriber(port, "haechi/#", heard)``; inside, the subscription stands."""

    def __init__(self, port: int, topics: str, heard: Callable[[mqtt.MQTTMessage], None]) -> None:
        """``heard`` is called in the client's thread."""
        self._port = port
        self._ready = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.max_queued_messages_set(0)
        self._client.reconnect_delay_set(0.05, 0.1)  # type: ignore[arg-type]  # it takes any number
        self._client.on_connect = lambda client, *_: client.subscribe(topics, qos=1)
        self._client.on_subscribe = lambda *_: self.call(self._ready.set)
        self._client.on_message = lambda _client, _data, message: heard(message)

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

    def call(self, what: Callable[[], None]) -> None:
        """Have something called in the loop, from the client's thread."""
        self._loop.call_soon_threadsafe(what)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish with QoS 1; callable from any thread."""
        self._client.publish(topic, payload, qos=1, retain=retain)
