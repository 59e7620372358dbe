"""A broker, a river gauge and a gateway that reads it; all real, all on loopback."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from haechi.adapters.modbus.simulator import ModbusSimulator
from support.gateway import RIVER, GatewayProcess, River
from support.mosquitto import Mosquitto


@pytest.fixture
async def river() -> AsyncIterator[River]:
    async with ModbusSimulator() as simulator:
        gauge = River(simulator)
        gauge.is_low()
        yield gauge


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with Mosquitto(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
async def new_gateway(tmp_path: Path, river: River) -> AsyncIterator[Callable[..., GatewayProcess]]:
    made: list[GatewayProcess] = []

    def make(broker_url: str, *, uplink: tuple[str, ...] = (), folder: str = "gateway") -> GatewayProcess:
        made.append(GatewayProcess(tmp_path / folder, broker_url, RIVER.format(port=river.port), uplink=uplink))
        return made[-1]

    yield make
    for gateway in made:
        if gateway.running:
            await gateway.kill()
        assert "Traceback" not in gateway.log
