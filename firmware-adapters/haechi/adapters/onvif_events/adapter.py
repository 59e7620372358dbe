"""ONVIF camera events, by PullPoint or over MQTT: emits each change that the camera tells, as it tells it.

**``Initialized`` is never an alarm.** After subscribing, a camera, or its broker, repeats how everything stands.
What is true then has not happened now: it is counted and not emitted. What is false then is emitted, so that what ended
while nobody listened ends here too.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import ClassVar

from haechi.adapters.onvif_events.by_mqtt import ByMqtt
from haechi.adapters.onvif_events.config import OnvifEventsConfig
from haechi.adapters.onvif_events.notifications import Notification
from haechi.adapters.onvif_events.pullpoint import PullPoint
from haechi.contract.places import Datastream
from haechi.sdk import Adapter, Host, Sample


class OnvifEvents(Adapter[OnvifEventsConfig]):
    """One camera."""

    Config: ClassVar = OnvifEventsConfig

    def __init__(self, device: str, config: OnvifEventsConfig, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        self._names = {one.name: (f"{device}.{one.name}",) for one in config.topics}
        self.by_mqtt = None if config.mqtt is None else ByMqtt(device, config.mqtt, host, self.samples_of)
        """What listens to a broker, where the camera tells its events there."""

    def describe(self) -> list[Datastream]:
        """Return one truth a topic."""
        return [
            self.datastream(one.name, "1", observed_property=one.observed_property, kind="bool")
            for one in self.config.topics
        ]

    async def probe(self) -> str:
        """Ask for the camera's maker and model, or look whether the broker lets us listen."""
        if self.by_mqtt is not None:
            return await self.by_mqtt.probe()
        return await PullPoint(self.config, self.host.clock).probe()

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield each change as soon as the camera tells it."""
        by_mqtt = self.by_mqtt
        async with aclosing(self._pulled() if by_mqtt is None else by_mqtt.samples()) as samples:
            async for sample in samples:
                yield sample

    def samples_of(self, one: Notification) -> list[Sample]:
        """Return what a notification says of the topics that are listened to. Does no I/O."""
        samples = []
        for topic in self.config.topics:
            if topic.path != one.path or (topic.source is not None and topic.source not in one.sources):
                continue
            value = one.truth(topic.item)
            if one.operation == "Deleted":
                self.host.count("deleted")
            elif value is None:
                self.host.count("values_bad")
            elif value and (one.operation == "Initialized" or (one.stands and not topic.momentary)):
                self.host.count("initialized_true")
            else:
                samples.append(Sample(self._names[topic.name], (value,)))
        return samples

    async def _pulled(self) -> AsyncGenerator[Sample, None]:
        async with aclosing(PullPoint(self.config, self.host.clock).notifications()) as told:
            async for one in told:
                for sample in self.samples_of(one):
                    yield sample
