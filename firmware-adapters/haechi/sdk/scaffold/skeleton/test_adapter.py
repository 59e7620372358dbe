"""The gauge keeps the rules of every adapter."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

from haechi.contract.observations import Value
from haechi.sdk.scaffold.skeleton.adapter import AcmeGauge
from haechi.sdk.scaffold.skeleton.protocol import STEP, Lines
from haechi.sdk.scaffold.skeleton.simulator import AcmeGaugeSimulator
from haechi.sdk.testing import AdapterConformance, Recording


class GaugePeer:
    """The simulator as the suite sees it."""

    def __init__(self, simulator: AcmeGaugeSimulator) -> None:
        self._simulator = simulator

    def config(self) -> Mapping[str, Any]:
        return {"port": self._simulator.port, "period_s": 0.05, "silence_s": 0.5, "retry_s": 0.1}

    def show(self, property_name: str, value: Value) -> None:
        assert property_name == "level"
        self._simulator.level_m, self._simulator.state = float(value), 0

    def fall_silent(self) -> None:
        self._simulator.silent = True

    def is_held(self) -> bool:
        return self._simulator.terminal.is_held

    def refuse(self, property_name: str) -> None:
        assert property_name == "level"
        self._simulator.state = 2

    def warm_up(self) -> None:
        self._simulator.state = 1

    def hurry(self) -> None:
        self._simulator.period_s = 0.0


class TestAcmeGauge(AdapterConformance):
    adapter = AcmeGauge
    entry_point = "acme_gauge"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {"level": (0.0, 1.234, 9.999)}

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[GaugePeer]:
        async with AcmeGaugeSimulator(period_s=0.02) as simulator:
            yield GaugePeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        assert recording.config["port"]
        return [("level", STEP.value(said.level_mm)) for said in Lines().feed(data) if said.has_echo]
