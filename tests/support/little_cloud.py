"""A cloud in forty lines, for the gateway's own tests: decodes every parcel, remembers it, acknowledges end to end.

Independent of the real cloud on purpose. It can be told to keep silent, so that parcels stay unacknowledged.
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from haechi.contract.codec import decode
from haechi.contract.control import (
    Acknowledgement,
    Command,
    GatewayStatus,
    SettledRanges,
    decode_status,
    encode_control,
)
from haechi.contract.parcel import Parcel, ParcelName
from haechi.contract.ranges import RangeSet
from haechi.contract.topics import DOWN_ACK, DOWN_COMMAND, UP_STATUS, parse, topic


class LittleCloud:
    """``async with LittleCloud(port) as cloud`` connects and listens to every gateway."""

    def __init__(
        self,
        port: int,
        *,
        username: str | None = None,
        password: str | None = None,
        client_id: str = "",
        persistent: bool = False,
        authority: str | None = None,
    ) -> None:
        """Prepare a client of the broker on loopback."""
        self.parcels: dict[ParcelName, Parcel] = {}
        self.arrivals: list[tuple[str, ParcelName]] = []
        """(channel, name) of every arrival, repetitions included."""
        self.statuses: list[GatewayStatus] = []
        self.silent = False
        """True: stores nothing, acknowledges nothing."""
        self._settled: dict[bytes, RangeSet] = {}
        self._port = port
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id or f"little-cloud-{uuid.uuid4().hex[:8]}",
            protocol=MQTTProtocolVersion.MQTTv311,
            clean_session=not persistent,
        )
        if username is not None:
            self._client.username_pw_set(username, password)
        if authority is not None:
            self._client.tls_set(authority)
        self._client.reconnect_delay_set(1, 1)
        self._ready = asyncio.Event()
        self._client.on_connect = lambda client, *_: client.subscribe([("haechi/v1/+/+/up/#", 1)])
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._received

    def _subscribed(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ready.set)

    def _received(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self._take, message.topic, bytes(message.payload))

    async def __aenter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        async with asyncio.timeout(10):
            await self._ready.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def until(self, reached: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Wait until something is so; looked at again after every arrival."""
        async with asyncio.timeout(timeout_s):
            while not reached():
                self._changed.clear()
                await self._changed.wait()

    @property
    def observations(self) -> int:
        """How many observations were stored, each parcel once."""
        return sum(parcel.observation_count for parcel in self.parcels.values())

    @property
    def status(self) -> GatewayStatus | None:
        """The last status."""
        return self.statuses[-1] if self.statuses else None

    def _take(self, where: str, payload: bytes) -> None:
        address = parse(where)
        if address.channel == UP_STATUS:
            status = decode_status(payload)
            self.statuses.append(status)
            if status.question is not None and not self.silent:
                self._acknowledge(address.tenant, address.gateway, status.question)
        elif not self.silent:
            name, parcel = decode(payload)
            self.arrivals.append((address.channel, name))
            self.parcels.setdefault(name, parcel)
            self._settled[name.epoch] = self._settled.get(name.epoch, RangeSet()).add(name.seq)
            self._acknowledge(address.tenant, address.gateway, None)
        self._changed.set()

    def command(self, tenant: str, gateway: str, command: Command) -> None:
        """Ask a gateway for something."""
        self._client.publish(topic(tenant, gateway, DOWN_COMMAND), encode_control(command), qos=1)

    def _acknowledge(self, tenant: str, gateway: str, question: str | None) -> None:
        acknowledgement = Acknowledgement(
            at_us=time.time_ns() // 1000,
            epochs=tuple(
                SettledRanges(epoch=epoch.hex(), settled=settled.ranges[:256])
                for epoch, settled in self._settled.items()
            ),
            answers=question,
        )
        self._client.publish(topic(tenant, gateway, DOWN_ACK), encode_control(acknowledgement), qos=1)
