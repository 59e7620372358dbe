"""The sensor keeps the rules of every adapter; damage is counted, particle counts come when wanted."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import ClassVar

from haechi.adapters.plantower_pms5003.adapter import PlantowerPms5003
from haechi.adapters.plantower_pms5003.simulator import PlantowerPms5003Simulator
from haechi.contract.observations import Value
from haechi.sdk import Host
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.peers import TalkerPeer, told

_PLACES = {"pm1": 3, "pm2_5": 4, "pm10": 5}


class DustPeer(TalkerPeer):
    """The simulator as the suite sees it."""

    def __init__(self, simulator: PlantowerPms5003Simulator) -> None:
        super().__init__(simulator.talker)
        self._simulator = simulator

    def show(self, property_name: str, value: Value) -> None:
        self._simulator.numbers[_PLACES[property_name]] = int(value)


class TestPlantowerPms5003(AdapterConformance):
    adapter = PlantowerPms5003
    entry_point = "plantower_pms5003"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        "pm1": (0.0, 8.0),
        "pm2_5": (12.0, 16973.0, 500.0),  # 16973 is the frame's own header, 42h 4Dh
        "pm10": (20.0, 40.0),
    }

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[DustPeer]:
        async with PlantowerPms5003Simulator() as simulator:
            yield DustPeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        sensor = PlantowerPms5003("device-1", PlantowerPms5003.load_config(recording.config), Host())
        samples = [sensor.sample_of(frame) for frame in sensor.frames().feed(data)]
        return [one for sample in samples for one in told(sample)]


async def test_particle_counts_come_when_wanted() -> None:
    async with PlantowerPms5003Simulator() as simulator:
        simulator.numbers[:] = range(1, 14)
        written = {**DustPeer(simulator).config(), "particle_counts": True}
        sensor = PlantowerPms5003("dust", PlantowerPms5003.load_config(written), Host())
        async with aclosing(sensor.samples()) as samples:
            sample = await anext(samples)
            assert set(sample.datastreams) == {one.id for one in sensor.describe()}
            assert sample.values == tuple(float(number) for number in range(4, 13))


async def test_a_damaged_frame_is_counted_and_dropped() -> None:
    async with PlantowerPms5003Simulator() as simulator:
        sensor = PlantowerPms5003("dust", PlantowerPms5003.load_config(DustPeer(simulator).config()), Host())
        async with aclosing(sensor.samples()) as samples:
            await anext(samples)
            damaged = bytearray(simulator.frame())
            damaged[13] ^= 0x10
            simulator.talker.noise.append(bytes(damaged))
            while not sensor.host.counters["frames_bad"]:
                assert (await anext(samples)).values == (0.0, 0.0, 0.0)
