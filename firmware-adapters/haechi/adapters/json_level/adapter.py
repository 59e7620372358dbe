"""Level gauges that send JSON over MQTT: emits distance and temperature as the gauge said them.

A reading that comes twice is dropped by its number; numbers that are missing are counted. A reading that the gauge, or
a broker, has kept is never given the time of its arrival. A gauge that has lost the time is still heard.
"""

from typing import ClassVar

from haechi.adapters.json_level.config import JsonLevelConfig
from haechi.adapters.json_level.messages import Reading, reading_of
from haechi.contract.observations import Quality, Value
from haechi.contract.places import Datastream, DeviceClock, Step
from haechi.sdk import Host, Sample
from haechi.sdk.listening import Listening
from haechi.sdk.transports.mqtt_frames import Message

_MILLIMETRE, _CENTIDEGREE = Step(1, 1000), Step(1, 100)
_OFFLINE = b"offline"
_RISEN_MIN = 3
_CLOCK = DeviceClock(zone="UTC", quality="synchronised")


class JsonLevel(Listening[JsonLevelConfig]):
    """One gauge."""

    Config: ClassVar = JsonLevelConfig

    def __init__(self, device: str, config: JsonLevelConfig, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        self._both = (f"{device}.distance", f"{device}.temperature")
        self._boot, self._seq = "", 0
        self._below, self._risen = 0, 0

    def describe(self) -> list[Datastream]:
        """Return distance and temperature."""
        rows = (("distance", "m", _MILLIMETRE), ("temperature", "Cel", _CENTIDEGREE))
        return [
            Datastream(
                id=f"{self.device}.{name}",
                thing=self.device,
                observed_property=name,
                unit=unit,
                step=(step.numerator, step.denominator),
                device_time=self.config.device_time,
                device_clock=_CLOCK if self.config.device_time else None,
            )
            for name, unit, step in rows
        ]

    def filters(self) -> tuple[str, ...]:
        """Return the topics of the readings and of the state."""
        return (self.config.topic, self._status_topic)

    def samples_of(self, message: Message) -> list[Sample] | None:
        """Return what a reading says; nothing for one that came before, is late, or holds no value.

        Raises:
            BadReading: it is no reading.
        """
        if message.topic == self._status_topic:
            self.state_of(message)
            return []
        reading = reading_of(message.payload)
        if not self._is_new(reading) or not self._is_timely(reading, message.waited_s):
            return []
        values: list[Value] = []
        qualities = []
        names = []
        if reading.distance_mm is None:
            self.host.count("no_echo")
        else:
            distance_m = _MILLIMETRE.value(reading.distance_mm)
            is_sure = reading.state == "ok" and distance_m > self.config.range_min_m
            names.append(self._both[0])
            values.append(distance_m)
            qualities.append(Quality.GOOD if is_sure else Quality.UNCERTAIN)
        if reading.temperature_cc is not None:
            names.append(self._both[1])
            values.append(_CENTIDEGREE.value(reading.temperature_cc))
            qualities.append(Quality.GOOD if reading.state != "warming_up" else Quality.UNCERTAIN)
        if not names:
            return []
        time_us = reading.time_ms * 1000 if self.config.device_time and reading.time_ms is not None else None
        uncertain = tuple(qualities) if any(qualities) else None
        return [
            Sample(tuple(names), tuple(values), uncertain, time_us, history=self._is_late(reading, message.waited_s))
        ]

    def state_of(self, message: Message) -> None:
        """Count that the broker has told us that the gauge is gone."""
        if message.topic == self._status_topic:
            if message.payload == _OFFLINE:
                self.host.count("offline")
        else:
            super().state_of(message)

    @property
    def _status_topic(self) -> str:
        return f"{self.config.topic}/status"

    def _is_new(self, reading: Reading) -> bool:
        if reading.boot != self._boot:
            if self._boot:
                self.host.count("restarts")
            self._boot, self._seq, self._below, self._risen = reading.boot, reading.seq, 0, 0
            return True
        if reading.seq <= self._seq:
            if not self._goes_on_below(reading.seq):
                self.host.count("readings_repeated")
                return False
            self.host.count("numbers_wrong")
        elif reading.seq > self._seq + 1:
            self.host.count("readings_missed", reading.seq - self._seq - 1)
        self._seq, self._below, self._risen = reading.seq, 0, 0
        return True

    def _goes_on_below(self, seq: int) -> bool:
        """Tell whether numbers below the newest rise again and again: then it was the newest that was wrong."""
        if seq != self._below:
            self._risen = self._risen + 1 if seq > self._below else 1
            self._below = seq
        return self._risen >= _RISEN_MIN

    def _is_timely(self, reading: Reading, waited_s: float) -> bool:
        if self.config.device_time:
            if reading.time_ms is not None:
                return True
            self.host.count("time_missing")
            if self.config.client_id is not None:
                return False  # the broker may have kept it for hours
        is_late = self._is_late(reading, waited_s)
        if is_late:
            self.host.count("readings_late")
        return not is_late

    def _is_late(self, reading: Reading, waited_s: float) -> bool:
        return reading.age_ms + 1000 * waited_s > self.config.age_ms_max
