"""Messages of an MQTT broker on the gateway or in its network: subscribed to, bounded, acknowledged when they are used.

- A message of QoS 1 is acknowledged when the one after it is asked for, so what an adapter held when it was killed
  comes again, where the broker keeps a session (``client_id``). So messages may repeat; adapters tell by counters.
- What the broker had before we came is marked ``retained``: how something stood once, and no new reading.
- When 256 messages wait, the connection is read no further where they are of QoS 1, so the broker keeps the rest; of
  QoS 0 the oldest goes and is counted (``messages_lost``). Each says how long it waited. A packet that is too long is
  refused before it has come.
- Every failure waits longer than the one before, up to ``retry_max_s``, so that a thousand gateways do not come back
  at once; a message ends that.

MQTT 3.1.1, because every broker and network server that sensors speak to has it. A protocol of our own over
asyncio: it listens only, needs no thread for TLS, knows how long a packet is before it takes it, and lies on the
wire (:mod:`haechi.sdk.wire`), so that it can be recorded and tried with faults.
"""

import asyncio
import random
import secrets
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from haechi.sdk.adapter import AdapterConfig
from haechi.sdk.errors import BadReading, NotConnected, wrong
from haechi.sdk.transports import mqtt_frames as frames
from haechi.sdk.transports.credentials import (
    CaFile,
    PasswordFile,
    UserName,
    is_loopback,
    parts_of,
    secret_in,
    tls_context,
)
from haechi.sdk.transports.dialling import dial, name_of
from haechi.sdk.transports.mqtt_frames import Kind, Message
from haechi.sdk.transports.mqtt_stream import MqttStream
from haechi.text import _

_SUBSCRIPTION = 1


class MqttKeys(AdapterConfig):
    """What the configuration of every device behind a broker has."""

    broker_url: str = Field(max_length=255, description="`mqtts://HOST[:PORT]`, or `mqtt://…` on this machine.")
    username: UserName = None
    password_file: PasswordFile = None
    ca_file: CaFile = None
    cert_file: str | None = Field(
        default=None, min_length=1, max_length=255, description="PEM file of our own certificate."
    )
    key_file: str | None = Field(default=None, min_length=1, max_length=255, description="PEM file of its key.")
    insecure: bool = Field(
        default=False, description="True allows plain `mqtt://` to another machine: anybody can read along."
    )
    client_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="Name at the broker, no one else's. With it the broker keeps what comes while the gateway is away.",
    )
    keepalive_s: int = Field(
        default=30, ge=1, le=3600, description="A broker that is silent for twice as long is gone."
    )
    timeout_s: float = Field(default=10.0, ge=0.1, le=300, description="How long connecting may take.")
    silence_s: float = Field(
        default=3600.0, ge=0.1, le=1_000_000, description="Without a message of the device for so long it is gone."
    )
    retry_s: float = Field(default=2.0, ge=0.1, le=3600, description="How long to wait before the first new try.")
    retry_max_s: float = Field(default=60.0, ge=0.1, le=3600, description="How long before any; each try waits longer.")

    @field_validator("broker_url")
    @classmethod
    def _names_a_broker(cls, url: str) -> str:
        parts = parts_of("broker_url", url, ("mqtt", "mqtts"))
        if parts is None or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(_("mqtts://HOST[:PORT] or mqtt://HOST[:PORT]"))
        return url

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if not self.is_encrypted:
            if not self.insecure and not is_loopback(self.host):
                raise wrong("broker_url", self.broker_url, _("mqtts://, or insecure = true"))
            for key in ("ca_file", "cert_file"):
                if getattr(self, key) is not None:
                    raise wrong(key, getattr(self, key), _("nothing, because broker_url is not mqtts://"))
        if (self.cert_file is None) != (self.key_file is None):
            raise wrong("key_file", self.key_file, _("cert_file and key_file together, or neither"))
        if self.password_file is not None and self.username is None:
            raise wrong("password_file", self.password_file, _("a username with it"))
        if self.retry_max_s < self.retry_s:
            raise wrong("retry_max_s", self.retry_max_s, _("at least retry_s ({least})").format(least=self.retry_s))
        return self

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection is encrypted and the broker's certificate verified."""
        return urlsplit(self.broker_url).scheme == "mqtts"

    @property
    def host(self) -> str:
        """The broker's host."""
        return urlsplit(self.broker_url).hostname or ""

    @property
    def port(self) -> int:
        """The broker's port; 8883 or 1883 where the url names none."""
        return urlsplit(self.broker_url).port or (8883 if self.is_encrypted else 1883)


class MqttIn:
    """One subscription at one broker. Open it, receive what comes, close it; one reader at a time."""

    def __init__(
        self,
        keys: MqttKeys,
        filters: tuple[str, ...],
        *,
        count: Callable[[str], None],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Keep what is given; nothing is opened.

        Args:
            keys: which broker, and who we are there.
            filters: what to subscribe to, with QoS 1.
            count: takes ``messages_lost`` and ``strays`` (messages that nobody asked for).
            jitter: between 0 and 1; spreads new tries.
        """
        self.name = name_of(keys.host, keys.port)
        self._keys, self._filters, self._count, self._jitter = keys, filters, count, jitter
        self._failures = 0
        self._stream: MqttStream | None = None

    async def open(self) -> None:
        """Connect and subscribe; does nothing where that is done.

        Raises:
            NotConnected: the broker is not there, does not let us in, or refuses a topic.
            ConfigError: the password or a certificate cannot be read.
        """
        if self._stream is not None and self._stream.ended is None:
            return
        self.close()
        try:
            self._stream = await self._connect()
        except NotConnected as error:
            raise self._failed(error.what) from error.__cause__

    def close(self) -> None:
        """Say goodbye and release the connection at once; may be called at any time and more than once."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.say(frames.packet(Kind.DISCONNECT))
            stream.abort()

    async def receive(self) -> Message:
        """Wait for a message and return it; the one returned before is acknowledged now.

        They come in the broker's order; after a new connection some may come again.

        Raises:
            NotConnected: the connection is closed, broke, or the broker is silent for twice ``keepalive_s``.
        """
        stream = self._stream
        if stream is None:
            raise NotConnected(_("{name}: the connection is closed").format(name=self.name), self._keys.retry_s)
        stream.acknowledge()
        while not stream.waiting:
            if stream.ended is not None:
                raise self._failed(_("{name}: {why}").format(name=self.name, why=stream.ended))
            stream.came.clear()
            await stream.came.wait()
        self._failures = 0
        return stream.take()

    async def _connect(self) -> MqttStream:
        keys = self._keys
        password = None if keys.password_file is None else secret_in("password_file", keys.password_file)
        tls = tls_context(keys.ca_file, keys.cert_file, keys.key_file) if keys.is_encrypted else None
        hello = self._hello(keys.client_id or f"haechi-{secrets.token_hex(8)}", password)
        stream = await dial(
            keys.host,
            keys.port,
            lambda: MqttStream(self.name, self._filters, self._count, keys.keepalive_s),
            timeout_s=keys.timeout_s,
            retry_s=keys.retry_s,
            tls=tls,
        )
        why: object
        try:
            async with asyncio.timeout(keys.timeout_s):
                await self._greet(stream, hello)
        except TimeoutError:
            why = _("no answer to MQTT within {seconds} s").format(seconds=keys.timeout_s)
        except (BadReading, ConnectionError) as error:
            why = error
        except BaseException:
            stream.abort()
            raise
        else:
            return stream
        stream.abort()
        raise NotConnected(_("{name}: {why}").format(name=self.name, why=why), keys.retry_s)

    def _hello(self, client_id: str, password: str | None) -> bytes:
        keys = self._keys
        clean = keys.client_id is None
        return frames.connect(client_id, keys.keepalive_s, clean=clean, username=keys.username, password=password)

    async def _greet(self, stream: MqttStream, hello: bytes) -> None:
        shown = self._hello(self._keys.client_id or "haechi", None if self._keys.password_file is None else "***")
        code = frames.connack_of(await stream.ask(hello, shown))
        if code:
            raise ConnectionRefusedError(_("the broker refuses us: {why}").format(why=_refusal(code)))
        packet_id, codes = frames.suback_of(await stream.ask(frames.subscribe(_SUBSCRIPTION, self._filters, 1)))
        if packet_id != _SUBSCRIPTION or len(codes) != len(self._filters):
            raise BadReading(_("an answer to another SUBSCRIBE"))
        for topic, granted in zip(self._filters, codes, strict=True):
            if granted > 1:
                raise ConnectionRefusedError(_("the broker refuses us the topic {topic}").format(topic=topic))

    def _failed(self, what: str) -> NotConnected:
        """Return the error that waits twice as long as the one before, give or take a quarter."""
        keys = self._keys
        # Beyond 2^16 every retry_s has reached its maximum; the power must not grow for ever.
        delay_s = min(keys.retry_max_s, keys.retry_s * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return NotConnected(what, delay_s * (0.75 + self._jitter() / 2))


def _refusal(code: int) -> str:
    """Return what a CONNACK's code means (3.2.2.3)."""
    match code:
        case 1:
            return _("it does not speak MQTT 3.1.1")
        case 2:
            return _("it does not take the client_id")
        case 3:
            return _("it has no service at present")
        case 4:
            return _("wrong username or password")
        case 5:
            return _("not allowed in")
    return _("code {code}").format(code=code)
