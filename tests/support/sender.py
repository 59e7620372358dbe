"""A gateway reduced to its sending half: makes parcels, publishes them, and notes what the cloud acknowledges."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from haechi.contract import codec
from haechi.contract.control import Acknowledgement, GatewayStatus, HeldEpoch, decode_acknowledgement, encode_control
from haechi.contract.events import Event, Phase, Severity
from haechi.contract.observations import Quality, Table, Value
from haechi.contract.parcel import Parcel, ParcelName
from haechi.contract.ranges import RangeSet
from haechi.contract.topics import DOWN_ACK, UP_STATUS, topic

EPOCH = bytes(range(16))


def now_us() -> int:
    return time.time_ns() // 1000


def table(
    datastreams: Sequence[str],
    times_us: Sequence[int],
    columns: Sequence[Sequence[Value]],
    qualities: dict[int, list[Quality]] | None = None,
) -> Table:
    """Observations as columns."""
    return Table(
        datastreams=tuple(datastreams),
        times_us=list(times_us),
        columns=[list(column) for column in columns],
        steps=(None,) * len(datastreams),
        qualities=qualities or {},
    )


def level(time_us: int, *values: float, datastream: str = "river-1.level") -> Parcel:
    """A parcel with one water level a second."""
    times_us = [time_us + 1_000_000 * index for index in range(len(values))]
    return Parcel(epoch_order=1, epoch_number=7, tables=[table([datastream], times_us, [values])])


def flood(event_id: str, phase: Phase = Phase.RAISED, **changed: Any) -> Event:
    """A flood event at a bridge."""
    fields: dict[str, Any] = {
        "id": event_id,
        "type": "flood.level_high",
        "source": "river-1",
        "subject": "bridge",
        "time_us": now_us(),
        "phase": phase,
        "condition": "river-1.level.alarm",
        "severity": Severity.SEVERE,
        "place_name": "Bridge",
        "datastream": "river-1.level",
    }
    return Event(**{**fields, **changed})


def alarm(*events: Event, order: int = 1) -> Parcel:
    """A parcel with events only."""
    return Parcel(epoch_order=order, epoch_number=7, events=list(events))


class Sender:
    """Connects, publishes at QoS 1, and gathers acknowledgements."""

    def __init__(
        self,
        port: int,
        tenant: str = "city",
        gateway: str = "cabinet-1",
        username: str | None = None,
        password: str | None = None,
        tls_ca: str | None = None,
    ) -> None:
        self.tenant, self.gateway = tenant, gateway
        self.acknowledgements: list[Acknowledgement] = []
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._subscribed = asyncio.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        if username is not None:
            self._client.username_pw_set(username, password)
        if tls_ca is not None:
            self._client.tls_set(ca_certs=tls_ca)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("localhost" if tls_ca else "127.0.0.1", port, clean_start=True)
        self._client.loop_start()

    async def __aenter__(self) -> "Sender":
        async with asyncio.timeout(20):
            await self._subscribed.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, seq: int, parcel: Parcel, channel: str = "live", epoch: bytes = EPOCH) -> None:
        """Publish a parcel."""
        self.send_raw(codec.encode(ParcelName(epoch, seq), parcel), channel)

    def send_raw(self, payload: bytes, channel: str = "live") -> None:
        """Publish whatever it is."""
        self.publish(topic(self.tenant, self.gateway, f"up/{channel}"), payload)

    def publish(self, name: str, payload: bytes, retain: bool = False) -> None:
        assert self._client.publish(name, payload, qos=1, retain=retain).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def ask(self, question: str, lowest: int, next_seq: int, *epochs: bytes) -> None:
        """Publish a status with a question."""
        status = GatewayStatus(
            state="online",
            at_us=now_us(),
            question=question,
            epochs=tuple(
                HeldEpoch(epoch=epoch.hex(), order=1, lowest=lowest, next=next_seq) for epoch in epochs or (EPOCH,)
            ),
        )
        self.publish(topic(self.tenant, self.gateway, UP_STATUS), encode_control(status), retain=True)

    def settled(self, epoch: bytes = EPOCH) -> RangeSet:
        """Everything that was acknowledged so far."""
        found = RangeSet()
        for acknowledgement in self.acknowledgements:
            for one in acknowledgement.epochs:
                if one.epoch == epoch.hex():
                    found |= one.range_set()
        return found

    async def until_settled(self, *numbers: int, epoch: bytes = EPOCH, timeout_s: float = 15) -> None:
        """Wait until the numbers are acknowledged."""
        await self._until(lambda: all(number in self.settled(epoch) for number in numbers), timeout_s)

    async def answer_to(self, question: str, timeout_s: float = 15) -> Acknowledgement:
        """Wait for the answer to a question."""
        await self._until(lambda: any(one.answers == question for one in self.acknowledgements), timeout_s)
        return next(one for one in self.acknowledgements if one.answers == question)

    async def _until(self, true: Any, timeout_s: float) -> None:
        async with asyncio.timeout(timeout_s):
            while not true():
                self._news.clear()
                await self._news.wait()

    def _on_connect(self, *_: Any) -> None:
        self._client.subscribe(topic(self.tenant, self.gateway, DOWN_ACK), qos=1)

    def _on_subscribe(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self._subscribed.set)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self._note, bytes(message.payload))

    def _note(self, payload: bytes) -> None:
        self.acknowledgements.append(decode_acknowledgement(payload))
        self._news.set()
