"""The Modbus adapter keeps the rules of every adapter, here over TCP and over a serial bus."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

from haechi.adapters.modbus.adapter import Modbus
from haechi.adapters.modbus.config import ModbusConfig
from haechi.adapters.modbus.decode import BlockDecoder
from haechi.adapters.modbus.plan import plan
from haechi.adapters.modbus.simulator import ModbusSimulator
from haechi.contract.observations import Value
from haechi.sdk import BadReading
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.transports.modbus_frames import Table, rtu_frame, take_rtu_answer, tcp_frame

_MAP = [
    {"name": "level", "address": 0, "type": "int16", "scale": 0.001, "unit": "m"},
    {"name": "warm", "address": 1, "scale": 0.1, "offset": -273.15, "unit": "Cel"},
    {"name": "flow", "address": 20, "type": "float32", "word_order": "CDAB", "unit": "m3/s", "table": "input"},
    {"name": "door", "address": 3, "table": "discrete"},
]


class ModbusPeer:
    """The simulator as the suite sees it."""

    def __init__(self, simulator: ModbusSimulator, reach: Mapping[str, Any]) -> None:
        self._simulator, self._reach = simulator, reach

    def config(self) -> Mapping[str, Any]:
        return {**self._reach, "period_s": 0.05, "timeout_s": 0.2, "retry_s": 0.1, "register": _MAP}

    def show(self, property_name: str, value: Value) -> None:
        unit = self._simulator.unit
        match property_name:
            case "level":
                unit.refused.clear()
                unit.show(0, round(float(value) * 1000), "int16")
            case "warm":
                unit.show(1, round((float(value) + 273.15) * 10))
            case "flow":
                unit.show(20, float(value), "float32", "CDAB", Table.INPUT)
            case _:
                unit.set(Table.DISCRETE, 3, int(value))

    def fall_silent(self) -> None:
        self._simulator.unit.silent = True

    def is_held(self) -> bool:
        return self._simulator.is_held

    def refuse(self, property_name: str) -> None:
        assert property_name == "level"
        self._simulator.unit.refused[Table.HOLDING, 0] = 6

    def restart(self) -> None:
        self._simulator.hang_up()


class TestModbusTcp(AdapterConformance):
    adapter = Modbus
    entry_point = "modbus"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        "level": (0.0, 1.234, -0.5, 32.767),
        "warm": (-273.15, 21.45, 0.05),
        "flow": (0.0, 3.5, -0.125),
        "door": (False, True, False, True),
    }
    foreign: ClassVar[Sequence[bytes]] = (
        tcp_frame(0xEEEE, 1, b"\x03\x04\x03\xe7\x03\xe7"),  # an answer to nothing that was asked
        tcp_frame(0xEEEF, 7, b"\x04\x04\x40\x60\x00\x00"),
    )
    transport = "tcp"

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[ModbusPeer]:
        async with ModbusSimulator(transport=self.transport) as simulator:
            reach = {"transport": "tcp", "host": simulator.host, "port": simulator.port}
            if self.transport == "rtu":
                reach = {"transport": "rtu", "serial_port": simulator.serial_port, "baud": 115200}
            peer = ModbusPeer(simulator, reach)
            for name, values in self.shown.items():
                peer.show(name, values[0])
            yield peer

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        config: ModbusConfig = Modbus.load_config(recording.config)
        (block,) = plan(config.register_map(), registers_max=125, bits_max=2000, gap_max=config.gap_max)
        try:
            answer = take_rtu_answer(bytearray(data), config.unit_id, block.read)
        except BadReading:
            return []
        if answer is None:
            return []
        sample = BlockDecoder("device-1", block).decode(answer).sample
        if sample is None:
            return []
        names = [datastream.partition(".")[2] for datastream in sample.datastreams]
        return list(zip(names, sample.values, strict=True))


class TestModbusRtu(TestModbusTcp):
    foreign: ClassVar[Sequence[bytes]] = (
        rtu_frame(7, b"\x03\x00\x00\x00\x02"),  # another master asks another device
        rtu_frame(7, b"\x03\x04\x03\xe7\x03\xe7"),  # which answers in the shape of ours
    )
    transport = "rtu"
