"""One MQTT 5 connection to the broker, kept up; a message is acknowledged only when its handler has returned.

Every connection is a client of its own: when it is lost, it is thrown away whole and a new one is made, so that no
acknowledgement of an old connection can reach a new one, and no library decides when to come back. The session
starts clean each time: what was in flight is sent again by its gateway, which waits for our own acknowledgement.

A broker that freezes without closing is noticed after ``2 × KEEPALIVE_S`` without a byte.
"""

import asyncio
import contextlib
import logging
import secrets
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import gmqtt
from gmqtt.mqtt.constants import MQTTv50
from gmqtt.mqtt.handler import MQTTConnectError
from gmqtt.storage import PersistentStorage

from haechi.cloud.event_broker.arrivals import Arrival

log = logging.getLogger(__name__)

KEEPALIVE_S = 4
ANSWER_S_MAX = 5.0
BACK_OFF_S_FIRST, BACK_OFF_S_MAX = 0.2, 2.0
PACKET_BYTES_MAX = 256 * 1024
"""Larger ones the broker keeps to itself; a parcel has 64 KiB at most."""
IN_FLIGHT_MAX = 64
REFUSAL_SHOWN_US = 60_000_000
_LOOK_S = 0.5
_REFUSED = 128
_NOT_TAKEN = 0x83
"""Implementation specific error (MQTT 5.0, section 3.4.2.1). Without a reason code gmqtt prints a traceback."""

Take = Callable[[Arrival], Awaitable[None]]
Answer = TypeVar("Answer")


class LinkLost(Exception):  # noqa: N818
    """There is no connection; the text says why. A new one is tried by itself."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and how to enter it."""

    host: str
    port: int
    tls: bool = False
    ca_file: Path | None = None
    username: str | None = None
    password: str = field(default="", repr=False)
    password_file: Path | None = field(default=None, repr=False)
    """Read anew at every connection, so that a changed password needs no restart."""

    def __str__(self) -> str:
        return f"mqtt{'s' if self.tls else ''}://{self.host}:{self.port}"


class _InFlight(PersistentStorage):  # type: ignore[misc]  # gmqtt has no types
    """Counts our own messages that the broker has not acknowledged, and tells when there is room for another."""

    def __init__(self) -> None:
        super().__init__()
        self.room = asyncio.Event()
        self.room.set()
        self.count_max = IN_FLIGHT_MAX

    def push_message(self, mid: int, raw_package: bytes) -> None:
        super().push_message(mid, raw_package)
        if len(self.get_all()) >= self.count_max:
            self.room.clear()

    def remove_message_by_mid(self, mid: int) -> None:
        super().remove_message_by_mid(mid)
        if len(self.get_all()) < self.count_max:
            self.room.set()


class BrokerLink:
    """A connection with its subscriptions; :meth:`run` keeps it up."""

    def __init__(
        self,
        name: str,
        address: BrokerAddress,
        subscriptions: Sequence[str],
        take: Take,
        receive_maximum: int,
        clock_us: Callable[[], int],
        connected: Callable[[str], None] = lambda _name: None,
        passed_over: Callable[[str], None] = lambda _name: None,
    ) -> None:
        """Make a link; nothing happens before :meth:`run`.

        Args:
            name: part of the client id, and the name in logs.
            address: the broker.
            subscriptions: topic filters, at QoS 1.
            take: given each message; its return lets the broker forget the message.
            receive_maximum: how many messages may be with ``take`` at a time.
            clock_us: microseconds since 1970, now.
            connected: called after each connection that subscribed.
            passed_over: called for each message at QoS 0, which no window holds back and nobody would send again.
        """
        self.name = name
        self._address = address
        self._subscriptions = tuple(subscriptions)
        self._take = take
        self._receive_maximum = receive_maximum
        self._clock_us = clock_us
        self._connected = connected
        self._passed_over = passed_over
        self._taking: set[asyncio.Task[Any]] = set()
        self._client: gmqtt.Client | None = None
        self._in_flight = _InFlight()
        self._lost = asyncio.Event()
        self.trouble: str | None = "not connected yet"
        """Why there is no connection, one line; None when there is one."""
        self._refusal = ""
        self._refused_us = 0

    @property
    def refusal(self) -> str | None:
        """Why the broker refused one of our own messages lately, one line; None when it takes them."""
        lately = self._refusal and self._clock_us() - self._refused_us < REFUSAL_SHOWN_US
        return self._refusal if lately else None

    async def run(self) -> None:
        """Connect, subscribe, serve; again whenever the connection is lost; until cancelled."""
        back_off_s = BACK_OFF_S_FIRST
        while True:
            try:
                await self._connect()
                back_off_s = BACK_OFF_S_FIRST
                self._note(None)
                self._connected(self.name)
                await self._until_lost()
                self._note("the broker closed the connection or fell silent")
            except LinkLost as error:
                self._note(str(error))
            finally:
                await self._drop()
            await asyncio.sleep(back_off_s)
            back_off_s = min(back_off_s * 2, BACK_OFF_S_MAX)

    async def publish(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1, waiting for room; dropped when there is no connection."""
        while self._client is not None:
            try:
                async with asyncio.timeout(ANSWER_S_MAX):
                    await self._in_flight.room.wait()
            except TimeoutError:
                return  # the link is as good as lost; whoever needs the message asks again
            client = self._client
            if client is None or not client.is_connected:
                return
            try:
                client.publish(topic, payload, qos=1)
            except OverflowError:
                # The broker's own Receive Maximum is smaller than ours: wait until something is acknowledged.
                self._in_flight.count_max = max(len(self._in_flight.get_all()), 1)
                self._in_flight.room.clear()
                continue
            return

    async def _connect(self) -> None:
        self._lost = asyncio.Event()
        self._in_flight = _InFlight()
        subscribed: asyncio.Future[tuple[int, ...]] = asyncio.get_running_loop().create_future()
        client = gmqtt.Client(
            f"haechi-cloud-{self.name}-{secrets.token_hex(4)}",
            clean_session=True,
            optimistic_acknowledgement=False,
            persistent_storage=self._in_flight,
            receive_maximum=self._receive_maximum,
            maximum_packet_size=PACKET_BYTES_MAX,
        )
        client.set_config({"reconnect_retries": -2})  # below gmqtt's own -1, "for ever": it must never come back itself
        self._listen_to_answers(client)
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = lambda _client, _mid, granted, _properties: (
            None if subscribed.done() else subscribed.set_result(tuple(granted))
        )
        self._authenticate(client)
        self._client = client
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                await self._unless_lost(
                    client.connect(
                        self._address.host, self._address.port, ssl=self._tls(), keepalive=KEEPALIVE_S, version=MQTTv50
                    )
                )
        except TimeoutError as error:
            raise LinkLost(
                f"{self._address} gives no answer to MQTT 5 within {ANSWER_S_MAX:.0f} s; "
                "a broker with MQTT 5 is needed (mosquitto 2, EMQX, HiveMQ …)"
            ) from error
        except MQTTConnectError as error:
            raise LinkLost(f"{self._address} refuses: {error}") from error
        except (OSError, ssl.SSLError) as error:
            raise LinkLost(f"{self._address} cannot be reached: {error}") from error
        client.subscribe([gmqtt.Subscription(one, qos=1) for one in self._subscriptions])
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                granted = await self._unless_lost(subscribed)
        except TimeoutError as error:
            raise LinkLost(f"{self._address} does not answer a subscription") from error
        if any(code >= _REFUSED for code in granted):
            raise LinkLost(f"{self._address} refuses the subscription to {', '.join(self._subscriptions)} (ACL)")

    async def _unless_lost(self, answer: Awaitable[Answer]) -> Answer:
        """Wait for an answer of the broker, but no longer than the connection stands.

        Raises:
            LinkLost: it ended before.
        """
        waiting = asyncio.ensure_future(answer)
        ending = asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait((waiting, ending), return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
            raise LinkLost(f"{self._address} closed the connection unanswered: it stops, or knows no MQTT 5")
        finally:
            for one in (waiting, ending):
                one.cancel()
            await asyncio.gather(waiting, ending, return_exceptions=True)

    def _authenticate(self, client: gmqtt.Client) -> None:
        if self._address.username is None:
            return
        password = self._address.password
        if self._address.password_file is not None:
            try:
                password = self._address.password_file.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise LinkLost(f"the password file cannot be read: {error}") from error
        client.set_auth_credentials(self._address.username, password)

    def _tls(self) -> ssl.SSLContext | bool:
        if not self._address.tls:
            return False
        try:
            return ssl.create_default_context(cafile=None if self._address.ca_file is None else self._address.ca_file)
        except OSError as error:
            raise LinkLost(f"the CA file {self._address.ca_file} cannot be used: {error}") from error

    async def _until_lost(self) -> None:
        while self._client is not None and self._client.is_connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._lost.wait()
            if self._lost.is_set():
                return

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        for task in tuple(self._taking):
            task.cancel()  # its broker never hears of it: it must not wait beside the window of the next connection
        self._in_flight.room.set()
        with contextlib.suppress(Exception):  # it is thrown away: whatever it says does not matter any more
            async with asyncio.timeout(0.5):
                await client.disconnect()

    async def _on_message(
        self, client: gmqtt.Client, topic: str | bytes, payload: bytes, qos: int, properties: dict[str, Any]
    ) -> int:
        if qos == 0:
            self._passed_over(self.name)
            return 0
        task = asyncio.current_task()
        if client is not self._client or task is None:
            return _NOT_TAKEN
        self._taking.add(task)
        if isinstance(topic, bytes):  # so gmqtt gives what is not UTF-8
            topic = topic.decode("utf-8", "replace")
        try:
            await self._take(Arrival(topic, bytes(payload), self._clock_us(), bool(properties.get("retain"))))
        except asyncio.CancelledError:
            return _NOT_TAKEN  # its gateway sends it again
        finally:
            self._taking.discard(task)
        return 0

    def _listen_to_answers(self, client: gmqtt.Client) -> None:
        """Hear what the broker says to our own messages (MQTT 5.0, section 3.4.2.1), which gmqtt reads over."""
        handler = client._package_handler
        read = handler._handle_puback_packet

        def hear(command: int, packet: bytes) -> None:
            self._on_answer(packet[2] if len(packet) > 2 else 0)
            read(command, packet)

        handler._handle_puback_packet = hear

    def _on_answer(self, reason: int) -> None:
        if reason < _REFUSED:
            return
        if self.refusal is None:
            log.warning("%s: acknowledgements are refused with reason code %d", self.name, reason)
        self._refused_us = self._clock_us()
        self._refusal = (
            f"{self._address} refuses acknowledgements (reason code {reason}), so gateways keep sending the same; "
            "let the cloud's user write to haechi/v1/+/+/down/# in the broker's access list"
        )

    def _on_disconnect(self, client: gmqtt.Client, _packet: object, _error: object = None) -> None:
        if client is self._client:
            self._lost.set()

    def _note(self, trouble: str | None) -> None:
        if trouble is None:
            log.info("%s: connected to %s", self.name, self._address)
        elif self.trouble is None or self.trouble != trouble:
            log.warning("%s: %s; trying again", self.name, trouble)
        self.trouble = trouble
