"""LoRaWAN devices of one place: emits what each told, with the time at which a radio gateway received it.

One adapter listens for all end devices of a place, over one connection to the network server's broker. What is not
among them is counted. A value whose time no radio gateway tells bears uncertain quality, unless the configuration says
that the server's time is good: it may be older than it looks.
"""

from typing import ClassVar

from haechi.adapters.lorawan.config import LorawanConfig
from haechi.adapters.lorawan.counters import FrameCounter, Verdict
from haechi.adapters.lorawan.payloads import payload_named
from haechi.adapters.lorawan.uplinks import Uplink, from_chirpstack, from_the_things_stack, received
from haechi.contract.observations import Quality
from haechi.contract.places import Datastream, DeviceClock
from haechi.sdk import Host, Sample
from haechi.sdk.lateness import Lateness
from haechi.sdk.listening import Listening
from haechi.sdk.transports.mqtt_frames import Message

_SECOND_US = 1_000_000
_CLOCK = DeviceClock(zone="UTC", quality="synchronised")
"""Radio gateways are disciplined by GNSS or NTP; where none can be believed, values are uncertain."""


class Lorawan(Listening[LorawanConfig]):
    """The end devices of one place, behind one network server."""

    Config: ClassVar = LorawanConfig

    def __init__(self, device: str, config: LorawanConfig, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        self._by_eui = config.by_eui
        self._payloads = {one.payload: payload_named(one.payload) for one in config.end_devices}
        self._lateness = Lateness()
        self._counters = {eui: FrameCounter() for eui in self._by_eui}
        self._read = from_chirpstack if config.network_server == "chirpstack" else from_the_things_stack

    def describe(self) -> list[Datastream]:
        """Return what every end device may tell."""
        return [
            Datastream(
                id=f"{self.device}.{one.name}.{told.name}",
                thing=self.device,
                observed_property=told.observed_property,
                unit=told.unit,
                kind=told.kind,
                step=told.step,
                device_time=True,
                device_clock=_CLOCK,
            )
            for one in self.config.end_devices
            for told in self._payloads[one.payload].properties
        ]

    def filters(self) -> tuple[str, ...]:
        """Return the topic of all uplinks of the application."""
        application = self.config.application
        if self.config.network_server == "chirpstack":
            return (f"application/{application}/device/+/event/up",)
        return (f"v3/{application}/devices/+/up",)

    def samples_of(self, message: Message) -> list[Sample] | None:
        """Return what an uplink says; nothing for one that came before or holds no value, None for a foreign device's.

        Raises:
            BadReading: it is no uplink, or holds what this kind of device never sends.
        """
        uplink = self._read(message.payload)
        one = self._by_eui.get(uplink.dev_eui)
        if one is None:
            return None
        config = self.config
        when = received(
            uplink,
            tolerance_us=round(config.clock_tolerance_s * _SECOND_US),
            delay_max_us=round(config.delay_max_s * _SECOND_US),
        )
        values = (
            self._payloads[one.payload].values(uplink.port, uplink.payload) if uplink.port and uplink.payload else {}
        )
        if not self._is_new(uplink, when.time_us):
            return []
        if not when.by_gateway:
            self.host.count("gateway_time_wrong" if uplink.gateway_times_us else "gateway_time_missing")
        if not values:
            self.host.count("no_value")
            return []
        is_good = when.by_gateway or config.server_time_is_good
        return [
            Sample(
                tuple(f"{self.device}.{one.name}.{name}" for name in values),
                tuple(values.values()),
                None if is_good else (Quality.UNCERTAIN,) * len(values),
                device_time_us=when.time_us,
                history=self._lateness.is_past((uplink.dev_eui,), when.delay_us, self.host.clock.now()),
            )
        ]

    def _is_new(self, uplink: Uplink, time_us: int) -> bool:
        counter = self._counters[uplink.dev_eui]
        match counter.judge(uplink, time_us):
            case Verdict.DUPLICATE:
                self.host.count("frames_repeated")
                return False
            case Verdict.OLD:
                self.host.count("frames_old")
                return False
            case Verdict.RESTARTED:
                self.host.count("counter_restarts")
        if counter.missed:
            self.host.count("frames_missed", counter.missed)
        return True
