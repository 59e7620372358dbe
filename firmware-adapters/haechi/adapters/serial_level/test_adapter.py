"""The gauges keep the rules of every adapter, each kind for itself."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

from haechi.adapters.serial_level.adapter import SerialLevel, talker_for
from haechi.adapters.serial_level.simulator import SerialLevelSimulator
from haechi.contract.observations import Value
from haechi.sdk.testing import AdapterConformance, Recording

_NO_ECHO_M = 5.0
"""What both kinds of gauge say, or more, when they hear no echo."""


class GaugePeer:
    """The simulator as the suite sees it."""

    def __init__(self, simulator: SerialLevelSimulator) -> None:
        self._simulator = simulator

    def config(self) -> Mapping[str, Any]:
        simulator = self._simulator
        return {
            "port": simulator.port,
            "protocol": simulator.protocol,
            "period_s": 0.05,
            "silence_s": 1.0,
            "retry_s": 0.1,
        }

    def show(self, property_name: str, value: Value) -> None:
        assert property_name == "distance"
        self._simulator.distance_m = float(value)

    def fall_silent(self) -> None:
        self._simulator.silent = True

    def is_held(self) -> bool:
        return self._simulator.is_held

    def refuse(self, property_name: str) -> None:
        assert property_name == "distance"
        self._simulator.distance_m = _NO_ECHO_M

    def hurry(self) -> None:
        self._simulator.period_s = 0.0


class TestMaxbotixR(AdapterConformance):
    adapter = SerialLevel
    entry_point = "serial_level"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {"distance": (2.0, 1.953, 0.3, 4.321)}
    protocol = "maxbotix_r"

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[GaugePeer]:
        first = float(self.shown["distance"][0])
        async with SerialLevelSimulator(self.protocol, distance_m=first, period_s=0.02) as simulator:
            yield GaugePeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        talker = talker_for(SerialLevel.load_config(recording.config))
        return [("distance", talker.step.value(count)) for count in talker.feed(data)]


class TestA02(TestMaxbotixR):
    protocol = "a02"
