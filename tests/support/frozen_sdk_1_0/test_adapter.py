"""The frozen gauge keeps the twelve rules that there were when it was written."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

from haechi.contract.observations import Value
from haechi.sdk.testing import AdapterConformance, Recording
from support.frozen_sdk_1_0.adapter import FrozenGauge
from support.frozen_sdk_1_0.protocol import STEP, Lines
from support.frozen_sdk_1_0.simulator import FrozenGaugeSimulator


class GaugePeer:
    def __init__(self, simulator: FrozenGaugeSimulator) -> None:
        self._simulator = simulator

    def config(self) -> Mapping[str, Any]:
        return {"port": self._simulator.port, "period_s": 0.05, "silence_s": 0.5, "retry_s": 0.1}

    def show(self, property_name: str, value: Value) -> None:
        self._simulator.level_m = float(value)

    def fall_silent(self) -> None:
        self._simulator.silent = True

    def is_held(self) -> bool:
        return self._simulator.is_held


class TestFrozenGauge(AdapterConformance):
    adapter = FrozenGauge
    entry_point = "frozen_gauge"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {"level": (0.0, 1.234, 9.999)}

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[GaugePeer]:
        async with FrozenGaugeSimulator() as simulator:
            yield GaugePeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        return [("level", STEP.value(said.level_mm)) for said in Lines().feed(data) if said.has_echo]
