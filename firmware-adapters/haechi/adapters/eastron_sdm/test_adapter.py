"""The meters keep the rules of every adapter, each model for itself."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from haechi.adapters.eastron_sdm.adapter import EastronSdm
from haechi.adapters.eastron_sdm.simulator import EastronSdmSimulator
from haechi.contract.observations import Value
from haechi.sdk import Host
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.modbus_answers import values_in
from haechi.sdk.testing.peers import SlavePeer


class MeterPeer(SlavePeer):
    """The simulator as the suite sees it."""

    def __init__(self, simulator: EastronSdmSimulator) -> None:
        super().__init__(simulator.slave, model="sdm630")
        self._simulator = simulator

    def show(self, property_name: str, value: Value) -> None:
        self._simulator.show(property_name, float(value))

    def refuse(self, property_name: str) -> None:
        self._simulator.show(property_name, float("nan"))


class TestEastronSdm630(AdapterConformance):
    adapter = EastronSdm
    entry_point = "eastron_sdm"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        **{f"voltage_l{phase}": (230.0, 229.5) for phase in (1, 2, 3)},
        **{f"current_l{phase}": (0.0, 10.25 + phase) for phase in (1, 2, 3)},
        **{f"power_l{phase}": (0.0, -500.0 * phase) for phase in (1, 2, 3)},
        "power": (0.0, 7360.5, -1500.0),
        "power_factor": (1.0, 0.875),
        "frequency": (50.0, 59.9375),
        "energy_import": (0.0, 131072.25),
        "energy_export": (0.0, 12.5),
    }
    foreign = (bytes.fromhex("11030602 2b00000064c8ba"), bytes.fromhex("07830220f0"))

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[MeterPeer]:
        async with EastronSdmSimulator() as simulator:
            yield MeterPeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        return values_in(EastronSdm("device-1", EastronSdm.load_config(recording.config), Host()), data)


async def test_an_sdm72_gives_what_all_its_versions_have() -> None:
    async with EastronSdmSimulator() as simulator:
        simulator.show("power", 2300.0)
        simulator.show("energy_import", 1234.5)
        meter = EastronSdm("m", EastronSdm.load_config({**MeterPeer(simulator).config(), "model": "sdm72"}), Host())
        meter.open()
        sample = await meter.round()
        meter.close()
        assert sample is not None
        assert dict(zip(sample.datastreams, sample.values, strict=True)) == {
            "m.power": 2300.0,
            "m.energy_import": 1234.5,
            "m.energy_export": 0.0,
        }
