"""Raspberry Shake: emits the counts of its channels, each with the time that the Shake gives it.

Datagrams get lost and may come twice. One that is not newer than what was emitted of its channel, or far ahead of it,
is dropped and counted, so times only rise; a gap is counted and nothing is put into it. Where the Shake's clock is set,
its packets count again after three seconds, and their times begin anew.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import ClassVar

from haechi.adapters.raspberry_shake.config import RaspberryShakeConfig
from haechi.adapters.raspberry_shake.packets import Packet, parse
from haechi.contract.places import Datastream, Step
from haechi.sdk import Adapter, BadReading, Host, NotConnected, Sample
from haechi.sdk.record_times import RecordTimes, Word
from haechi.sdk.transports.udp import Datagrams
from haechi.text import _

_STEP = Step(1, 1)
_GAP_SAMPLES = 2.5
"""So many sample times beyond what the packet before held are a gap; the Shake's clock wanders by less."""
_AHEAD_S_MAX = 10.0
"""So far ahead of the time that has passed, a single packet is damaged or forged."""


class RaspberryShake(Adapter[RaspberryShakeConfig]):
    """One Shake."""

    Config: ClassVar = RaspberryShakeConfig

    def __init__(self, device: str, config: RaspberryShakeConfig, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        self._names = {channel: (f"{device}.{channel.lower()}",) for channel in config.channels}
        self._sample_us = 1_000_000 // config.rate_hz
        self._next_us: dict[str, int] = {}
        """Channel → when the sample after the last one emitted is due."""
        self._times = {channel: RecordTimes(_AHEAD_S_MAX) for channel in config.channels}

    def describe(self) -> list[Datastream]:
        """Return one datastream for each channel."""
        return [
            Datastream(
                id=self._names[channel][0],
                thing=self.device,
                observed_property="ground_motion_counts",
                unit="1",
                step=(_STEP.numerator, _STEP.denominator),
                period_s=1 / self.config.rate_hz,
                device_time=True,
            )
            for channel in self.config.channels
        ]

    async def probe(self) -> str:
        """Listen until a packet of one of the channels has come."""
        datagrams = self._datagrams()
        try:
            datagrams.open()
            packet = await self._next(datagrams)
        finally:
            datagrams.close()
        return _("{name} receives {channel} of {host}: {count} samples a packet").format(
            name=datagrams.name, channel=packet.channel, host=self.config.host, count=len(packet.samples)
        )

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield one sample a count, in the order of their times within each channel."""
        datagrams = self._datagrams()
        try:
            datagrams.open()
            while True:
                packet = await self._next(datagrams)
                for sample in self.samples_of(packet):
                    yield sample
        finally:
            datagrams.close()

    def samples_of(self, packet: Packet) -> list[Sample]:
        """Return the counts of a packet that goes on from what was emitted of its channel. Does no I/O."""
        names = self._names.get(packet.channel)
        if names is None:
            return []
        next_us = packet.first_us + len(packet.samples) * self._sample_us
        wanders_us = round(_GAP_SAMPLES * self._sample_us)
        word = self._times[packet.channel].judge(packet.first_us, next_us - wanders_us - 1, self.host.clock.now())
        due_us = self._next_us.get(packet.channel)
        if word is Word.STRAYS:
            self.host.count("packets_old" if due_us is None or packet.first_us < due_us else "packets_ahead")
            return []
        if word is Word.STEPPED:
            self.host.count("clock_steps")
        elif due_us is not None and packet.first_us - due_us > wanders_us:
            self.host.count("gaps")
        self._next_us[packet.channel] = next_us
        return [
            Sample(names, (_STEP.value(count),), device_time_us=packet.first_us + place * self._sample_us)
            for place, count in enumerate(packet.samples)
        ]

    async def _next(self, datagrams: Datagrams) -> Packet:
        """Return the next packet of one of the channels.

        Raises:
            NotConnected: none came within ``silence_s``.
        """
        config = self.config
        try:
            async with asyncio.timeout(config.silence_s):
                while True:
                    data = await datagrams.receive()
                    self._count_strays(datagrams)
                    try:
                        packet = parse(data)
                    except BadReading:
                        self.host.count("frames_bad")
                        continue
                    if packet.channel in self._names:
                        return packet
        except TimeoutError:
            self._count_strays(datagrams)
            what = _("{name}: no packet of {host} with {channels} within {seconds} s; look at the Shake's datacast")
            what = what.format(
                name=datagrams.name, host=config.host, channels=", ".join(config.channels), seconds=config.silence_s
            )
            raise NotConnected(what, config.retry_s) from None

    def _count_strays(self, datagrams: Datagrams) -> None:
        if datagrams.strays:
            self.host.count("strays", datagrams.strays)
        if datagrams.lost:
            self.host.count("datagrams_lost", datagrams.lost)
        datagrams.strays = datagrams.lost = 0

    def _datagrams(self) -> Datagrams:
        config = self.config
        return Datagrams(config.listen, config.port, config.host, retry_s=config.retry_s)
