"""Devices whose messages come by an MQTT broker: connected, listened to, silence noticed, what is foreign counted.

An adapter for such a device says what it subscribes to (``filters``) and what a message means (``samples_of``). What
was retained is a state of unknown age: it is handed to ``state_of`` and by default never becomes a reading.
"""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from typing import TypeVar

from haechi.sdk.adapter import Adapter
from haechi.sdk.errors import BadReading, NotConnected
from haechi.sdk.host import Host
from haechi.sdk.sample import Sample
from haechi.sdk.transports.mqtt_frames import Message
from haechi.sdk.transports.mqtt_in import MqttIn, MqttKeys
from haechi.text import _

_PROBE_S = 5.0

KeysT = TypeVar("KeysT", bound=MqttKeys)


class Listening(Adapter[KeysT]):
    """An adapter for such a device, or for several behind one broker."""

    def __init__(self, device: str, config: KeysT, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        self._mqtt = MqttIn(config, self.filters(), count=host.count)

    @abstractmethod
    def filters(self) -> tuple[str, ...]:
        """Return the topics to subscribe to; asked once, before anything is opened."""

    @abstractmethod
    def samples_of(self, message: Message) -> Sequence[Sample] | None:
        """Return what a new message says, empty where the device has no value; None where it is another device's.

        Does no I/O.

        Raises:
            BadReading: it is not what this kind of device says.
        """

    def state_of(self, message: Message) -> Sequence[Sample] | None:  # noqa: ARG002
        """Take a retained message: how the device stood at a time that nobody knows; return what of it still holds.

        Whoever returns something must be sure that it is true now: it bears the time of its arrival.
        """
        self.host.count("retained")
        return None

    async def probe(self) -> str:
        """Look whether the broker lets us listen, and whether the device says something within seconds."""
        mqtt = self._mqtt
        try:
            await mqtt.open()
            heard = await self._listen(mqtt, min(_PROBE_S, self.config.silence_s))
        except TimeoutError:
            what = _(
                "{name} lets us listen to {topics}; nothing came within {seconds:g} s, which is well if it says little"
            )
            return what.format(name=mqtt.name, topics=", ".join(self.filters()), seconds=_PROBE_S)
        finally:
            mqtt.close()
        first = next((sample for sample in heard if sample.datastreams), None)
        if first is None:
            return _("{name} passes on what the device says, which has no value at present").format(name=mqtt.name)
        return _("{name} passes on what the device says: {datastream} {value}").format(
            name=mqtt.name, datastream=first.datastreams[0].partition(".")[2], value=first.values[0]
        )

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield what messages say, as they come."""
        mqtt = self._mqtt
        try:
            await mqtt.open()
            while True:
                try:
                    heard = await self._listen(mqtt, self.config.silence_s)
                except TimeoutError:
                    what = _("{name}: no message of the device within {seconds:g} s; look at device and topic")
                    what = what.format(name=mqtt.name, seconds=self.config.silence_s)
                    raise NotConnected(what, self.config.retry_s) from None
                for sample in heard:
                    yield sample
        finally:
            mqtt.close()

    async def _listen(self, mqtt: MqttIn, seconds: float) -> Sequence[Sample]:
        """Return what the next message of the device says.

        Raises:
            TimeoutError: none came within ``seconds``.
            NotConnected: the connection broke.
        """
        async with asyncio.timeout(seconds):
            while True:
                message = await mqtt.receive()
                if message.retained:
                    if state := self.state_of(message):
                        return state
                    continue
                try:
                    samples = self.samples_of(message)
                except BadReading:
                    self.host.count("messages_bad")
                    continue
                if samples is not None:
                    return samples
                self.host.count("strays")
