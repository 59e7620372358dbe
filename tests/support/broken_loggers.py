"""Loggers that each break a rule about memories, and the suite that judges a logger."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from msgspec import structs

from haechi.contract.observations import Value
from haechi.contract.places import Datastream
from haechi.sdk import Sample
from haechi.sdk.recording import Recording
from haechi.sdk.testing import AdapterConformance
from support.memory_logger import ZONE_S, LoggerDevice, MemoryLogger


class Hurrying(MemoryLogger):
    """Takes for durable what it is about to say."""

    async def samples(self) -> AsyncGenerator[Sample, None]:
        async for sample in super().samples():
            yield structs.replace(sample, cursor=str(int(sample.cursor or 0) + 1))


class Restamping(MemoryLogger):
    begun = 0

    async def samples(self) -> AsyncGenerator[Sample, None]:
        Restamping.begun += 1
        async for sample in super().samples():
            yield structs.replace(sample, device_time_us=(sample.device_time_us or 0) + self.begun)


class Local(MemoryLogger):
    """Takes the device's wall clock for UTC."""

    async def samples(self) -> AsyncGenerator[Sample, None]:
        async for sample in super().samples():
            yield structs.replace(sample, device_time_us=(sample.device_time_us or 0) + ZONE_S * 1_000_000)


class Zoneless(MemoryLogger):
    def describe(self) -> list[Datastream]:
        return [structs.replace(one, device_clock=None) for one in super().describe()]


class LoggerPeer:
    """The logger as the suite sees it; nothing else of it is tried here."""

    def __init__(self, device: LoggerDevice) -> None:
        self._device = device

    def config(self) -> Mapping[str, Any]:
        return {"port": self._device.port}

    def show(self, property_name: str, value: Value) -> None:
        raise NotImplementedError

    def fall_silent(self) -> None:
        raise NotImplementedError

    def is_held(self) -> bool:
        raise NotImplementedError

    def remember(self) -> Sequence[tuple[int, Mapping[str, Value]]]:
        made = len(self._device.levels_mm)
        self._device.record(*range(1000 + made, 1003 + made))
        levels = [{"level": level_mm / 1000} for level_mm in self._device.levels_mm[made:]]
        return list(zip(self._device.times_us[made:], levels, strict=True))


class LoggerSuite(AdapterConformance):
    adapter = MemoryLogger
    entry_point = "memory_logger"
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {}

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[LoggerPeer]:
        async with LoggerDevice() as device:
            yield LoggerPeer(device)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        raise NotImplementedError
