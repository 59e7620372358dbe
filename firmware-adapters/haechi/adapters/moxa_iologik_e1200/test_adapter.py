"""The module keeps the rules of every adapter; contacts may tell by opening, counters are absolute."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from haechi.adapters.moxa_iologik_e1200.adapter import IologikE1200
from haechi.adapters.moxa_iologik_e1200.simulator import IologikE1200Simulator
from haechi.contract.observations import Value
from haechi.sdk import BadReading, ConfigError, Host, NotConnected
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.peers import told
from haechi.sdk.transports.modbus_frames import data_of, take_tcp_frame

_CALL = {"name": "call", "channel": 0, "observed_property": "emergency_call"}
_DOOR = {"name": "door", "channel": 5, "true_when": "off", "observed_property": "door_open"}
_INPUTS = {"contact": [_CALL, _DOOR], "counter": [{"name": "loop", "channel": 8}, {"name": "rain", "channel": 11}]}
_CHANNELS = {"call": 0, "door": 5, "loop": 8, "rain": 11}


class ModulePeer:
    """The simulator as the suite sees it."""

    def __init__(self, simulator: IologikE1200Simulator) -> None:
        self._simulator = simulator

    def config(self) -> Mapping[str, Any]:
        reach = {"host": "127.0.0.1", "port": self._simulator.slave.port}
        return {**reach, "period_s": 0.01, "timeout_s": 0.3, "retry_s": 0.1, **_INPUTS}

    def show(self, property_name: str, value: Value) -> None:
        channel = _CHANNELS[property_name]
        if isinstance(value, bool):
            self._simulator.switch(channel, on=value != (property_name == "door"))
        else:
            self._simulator.count(channel, int(value))

    def fall_silent(self) -> None:
        self._simulator.slave.silent = True

    def is_held(self) -> bool:
        return self._simulator.slave.is_held


class TestIologikE1200(AdapterConformance):
    adapter = IologikE1200
    entry_point = "moxa_iologik_e1200"
    folder = Path(__file__).parent
    shown: ClassVar[Mapping[str, Sequence[Value]]] = {
        "call": (False, True, False),
        "door": (False, True, True),
        "loop": (0.0, 65536.0, 4294967295.0),
        "rain": (7.0, 8.0),
    }

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[ModulePeer]:
        async with IologikE1200Simulator() as simulator:
            yield ModulePeer(simulator)

    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        module = IologikE1200("device-1", IologikE1200.load_config(recording.config), Host())
        buffer = bytearray(data)
        answers = []
        for read in module.reads():
            try:
                frame = take_tcp_frame(buffer)
                if frame is None or frame.unit != module.config.unit_id:
                    return []
                answers.append(data_of(read, frame.pdu))
            except BadReading:
                return []
        sample = module.sample_of(answers)
        return told(sample)


async def test_a_smaller_model_is_told_from_a_dead_one() -> None:
    async with IologikE1200Simulator(inputs=6) as simulator:
        written = {**ModulePeer(simulator).config()}
        module = IologikE1200("m", IologikE1200.load_config(written), Host())
        with pytest.raises(NotConnected, match=r"refuses input 32…39.*is it an ioLogik E1200 with as many"):
            await module.probe()


@pytest.mark.parametrize("keys", [{"contact": [_CALL]}, {"counter": [{"name": "loop", "channel": 0}]}])
async def test_one_kind_of_input_is_enough(keys: dict[str, Any]) -> None:
    async with IologikE1200Simulator() as simulator:
        simulator.switch(0, on=True)
        simulator.count(0, 1)
        config = IologikE1200.load_config({"host": "127.0.0.1", "port": simulator.slave.port, **keys})
        async with aclosing(IologikE1200("m", config, Host()).samples()) as samples:
            assert (await anext(samples)).values == (1,)


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({}, "contact = None: expected at least one"),
        ({"contact": [_CALL, _CALL]}, "contact[1].name = 'call': expected a name that no other input"),
        (
            {"contact": [_CALL], "counter": [{"name": "call", "channel": 1}]},
            "counter[0].name = 'call': expected a name",
        ),
        ({"counter": [{"name": "loop", "channel": 16}]}, "counter[0].channel = 16: expected less than 16"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        IologikE1200.load_config({"host": "192.0.2.20", **written})
    assert line in str(caught.value)
