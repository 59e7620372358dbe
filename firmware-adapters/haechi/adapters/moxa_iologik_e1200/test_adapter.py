"""The module keeps the rules of every adapter; contacts may tell by opening, counters are absolute, and what
may be switched is what the configuration names.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from haechi.adapters.moxa_iologik_e1200.adapter import IologikE1200
from haechi.adapters.moxa_iologik_e1200.simulator import IologikE1200Simulator
from haechi.contract.observations import Value
from haechi.sdk import BadReading, ConfigError, Host, NotConnected, NotDone
from haechi.sdk.testing import AdapterConformance, Recording
from haechi.sdk.testing.peers import told
from haechi.sdk.transports.modbus_frames import Table, data_of, take_tcp_frame

_CALL = {"name": "call", "channel": 0, "observed_property": "emergency_call"}
_DOOR = {"name": "door", "channel": 5, "true_when": "off", "observed_property": "door_open"}
_SIREN = {"name": "siren", "channel": 2}
_BARRIER = {"name": "barrier", "channel": 4, "true_when": "off", "fail_safe": False, "on_s_max": 300.0}
_INPUTS = {"contact": [_CALL, _DOOR], "counter": [{"name": "loop", "channel": 8}, {"name": "rain", "channel": 11}]}
_OUTPUTS = {"output": [_SIREN, _BARRIER]}
_CHANNELS = {"call": 0, "door": 5, "loop": 8, "rain": 11}
_RELAYS = {"siren": 2, "barrier": 4}
_INVERTED = ("door", "barrier")


class ModulePeer:
    """The simulator as the suite sees it."""

    def __init__(self, simulator: IologikE1200Simulator) -> None:
        self._simulator = simulator

    def config(self) -> Mapping[str, Any]:
        reach = {"host": "127.0.0.1", "port": self._simulator.slave.port}
        return {**reach, "period_s": 0.01, "timeout_s": 0.3, "retry_s": 0.1, **_INPUTS, **_OUTPUTS}

    def show(self, property_name: str, value: Value) -> None:
        if property_name in _RELAYS:
            self._simulator.relay(_RELAYS[property_name], on=value != (property_name in _INVERTED))
        elif isinstance(value, bool):
            self._simulator.switch(_CHANNELS[property_name], on=value != (property_name in _INVERTED))
        else:
            self._simulator.count(_CHANNELS[property_name], int(value))

    def told(self) -> list[tuple[str, Value]]:
        names = {channel: name for name, channel in _RELAYS.items()}
        return [(names[channel], on != (names[channel] in _INVERTED)) for channel, on in self._simulator.written]

    def stands(self, actuator: str) -> Value:
        element = self._simulator.slave.element(Table.COIL, _RELAYS[actuator])
        return (element == 1) != (actuator in _INVERTED)

    def hesitate(self, seconds: float) -> None:
        self._simulator.slave.writes_delayed_s = seconds

    def jam(self, actuator: str) -> None:
        self._simulator.slave.jammed.add((Table.COIL, _RELAYS[actuator]))

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
        "siren": (False, True, False),
        "barrier": (True, False),
    }

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[ModulePeer]:
        async with IologikE1200Simulator(outputs=6) as simulator:
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


@asynccontextmanager
async def module(**keys: Any) -> AsyncIterator[tuple[IologikE1200Simulator, IologikE1200]]:
    async with IologikE1200Simulator(outputs=6) as simulator, asyncio.timeout(10):
        written = {"host": "127.0.0.1", "port": simulator.slave.port, "timeout_s": 0.3, **(keys or _OUTPUTS)}
        yield simulator, IologikE1200("cabinet", IologikE1200.load_config(written), Host())


async def test_a_siren_and_a_barrier_are_switched_once_and_read_back() -> None:
    async with module() as (simulator, adapter), aclosing(adapter.samples()) as samples:
        assert (await anext(samples)).values == (False, True)  # relays without current: silent, and closed
        await adapter.actuate("siren", True, 60.0)
        await adapter.actuate("barrier", False, 300.0)
        assert simulator.written == [(2, True), (4, True)]
        while (await anext(samples)).values != (True, False):
            pass
        await adapter.actuate("siren", False, 60.0)
        assert simulator.written[-1] == (2, False)


@pytest.mark.parametrize(
    ("actuator", "value", "on_s", "why"),
    [
        ("pump", True, 1.0, "pump: this device has nothing of that name"),
        ("siren", 1.0, 1.0, "siren: expected true or false"),
        ("siren", True, 61.0, "siren: expected 0 to 60 s"),
        ("siren", True, float("nan"), "siren: expected 0 to 60 s"),
    ],
)
async def test_what_may_not_be_never_leaves(actuator: str, value: Value, on_s: float, why: str) -> None:
    async with module() as (simulator, adapter):
        with pytest.raises(NotDone, match=why):
            await adapter.actuate(actuator, value, on_s)
        assert simulator.written == []


async def test_without_outputs_it_only_reads() -> None:
    async with module(contact=[_CALL]) as (simulator, adapter):
        assert adapter.actuators() == []
        with pytest.raises(NotDone):
            await adapter.actuate("siren", True, 1.0)
        await adapter.probe()
        assert simulator.written == []


async def test_an_output_that_the_module_lacks_is_refused_and_one_that_is_stuck_is_not_done() -> None:
    async with module(output=[{"name": "siren", "channel": 9}, {"name": "light", "channel": 1}]) as (
        simulator,
        adapter,
    ):
        with pytest.raises(NotDone, match=r"refuses a write \(exception 2\)"):
            await adapter.actuate("siren", True, 1.0)
        simulator.slave.jammed.add((Table.COIL, 1))
        with pytest.raises(BadReading, match="does not stand so"):
            await adapter.actuate("light", True, 1.0)
        assert simulator.written == [(1, True)]


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
        ({"contact": [_CALL, _CALL]}, "contact[1].name = 'call': expected a name that no other channel"),
        (
            {"contact": [_CALL], "counter": [{"name": "call", "channel": 1}]},
            "counter[0].name = 'call': expected a name",
        ),
        ({"output": [_SIREN], "unit_id": 0}, "unit_id = 0: expected 1 to 255 where there are outputs: a broadcast"),
        (
            {"output": [_SIREN, {**_SIREN, "name": "light"}]},
            "output[1].channel = 2: expected an output that is used once",
        ),
        ({"contact": [{**_CALL, "name": "siren"}], "output": [_SIREN]}, "output[0].name = 'siren': expected a name"),
        ({"output": [{**_SIREN, "on_s_max": 1e9}]}, "output[0].on_s_max = 1000000000.0: expected less than"),
        ({"counter": [{"name": "loop", "channel": 16}]}, "counter[0].channel = 16: expected less than 16"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        IologikE1200.load_config({"host": "192.0.2.20", **written})
    assert line in str(caught.value)
