"""One device's, one block's or one cable's trouble stays its own and is told in one line."""

import asyncio
import logging
import math
import os
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import pytest
import serial

from haechi.adapters.modbus.adapter import Modbus
from haechi.adapters.modbus.simulator import ModbusSimulator
from haechi.contract.observations import Quality
from haechi.sdk import ConfigError, Host, NotConnected, Sample
from haechi.sdk.transports.modbus_frames import Table

QUICK = {"timeout_s": 0.1, "period_s": 0.05, "retry_s": 0.2}


def modbus(device: str, simulator: ModbusSimulator, *registers: dict[str, Any], **keys: Any) -> Modbus:
    reach: dict[str, Any] = {"transport": "tcp", "host": simulator.host, "port": simulator.port}
    if simulator.serial_port:
        reach = {"transport": "rtu", "serial_port": simulator.serial_port, "baud": 115200}
    config = Modbus.load_config({**reach, **QUICK, "register": list(registers), **keys})
    return Modbus(device, config, Host())


async def supervised(adapter: Modbus, came: "asyncio.Queue[Sample]") -> None:
    """Run an adapter as the gateway does."""
    while True:
        try:
            async with aclosing(adapter.samples()) as samples:
                async for sample in samples:
                    came.put_nowait(sample)
        except NotConnected as error:
            await asyncio.sleep(error.retry_after_s)


@asynccontextmanager
async def running(adapter: Modbus) -> AsyncIterator["asyncio.Queue[Sample]"]:
    came: asyncio.Queue[Sample] = asyncio.Queue()
    task = asyncio.create_task(supervised(adapter, came))
    try:
        async with asyncio.timeout(20):
            yield came
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_an_exception_stops_only_its_block_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with ModbusSimulator() as simulator:
        simulator.unit.refused[Table.HOLDING, 100] = 2
        adapter = modbus("river-1", simulator, {"name": "level", "address": 0}, {"name": "missing", "address": 100})
        async with running(adapter) as came:
            for _number in range(6):
                assert (await came.get()).datastreams == ("river-1.level",)
            said = [record.getMessage() for record in caplog.records]
            assert said == ["river-1.missing: holding 100: illegal data address (exception 2)"]
            assert adapter.host.counters["exceptions"] >= 3
            del simulator.unit.refused[Table.HOLDING, 100]
            while (await came.get()).datastreams != ("river-1.missing",):
                pass
        assert caplog.records[-1].getMessage() == "river-1.missing: read again without trouble"
        assert simulator.connections == 1


async def test_values_that_are_none_are_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    async with ModbusSimulator() as simulator:
        simulator.unit.show(0, math.nan, "float32")
        simulator.unit.show(2, -9999, "int16")
        simulator.unit.show(3, 500)
        registers = [
            {"name": "flow", "address": 0, "type": "float32"},
            {"name": "depth", "address": 2, "type": "int16", "invalid": [-9999]},
            {"name": "percent", "address": 3, "valid": [0, 100]},
        ]
        adapter = modbus("d", simulator, *registers)
        async with aclosing(adapter.samples()) as samples:
            assert await anext(samples) == Sample(("d.percent",), (500.0,), (Quality.BAD,))
        assert adapter.host.counters == {"values_not_finite": 1, "values_missing": 1, "values_implausible": 1}
        assert [record.getMessage() for record in caplog.records] == ["d.flow … d.percent: some values are not finite"]


async def test_a_probe_tells_what_does_not_answer() -> None:
    async with ModbusSimulator() as simulator:
        registers = [{"name": f"r{address}", "address": address} for address in (0, 100, 200)]
        simulator.unit.refused[Table.HOLDING, 100] = 2
        line = await modbus("d", simulator, *registers).probe()
        assert line.startswith(f"127.0.0.1:{simulator.port} answers: 2 of 3 reads, ")
        assert line.endswith("; holding 100: illegal data address (exception 2)")
        simulator.unit.unanswered.add((Table.HOLDING, 200))
        assert "answers: 1 of 3 reads" in await modbus("d", simulator, *registers).probe()


async def test_a_block_that_is_never_answered_leaves_the_others_alone() -> None:
    """Some firmware answers unknown addresses with silence instead of an exception."""
    async with ModbusSimulator() as simulator:
        simulator.unit.unanswered.add((Table.HOLDING, 100))
        registers = [{"name": f"r{address}", "address": address} for address in (0, 100, 200)]
        async with running(modbus("d", simulator, *registers)) as came:
            seen = [(await came.get()).datastreams[0] for _number in range(20)]
    assert min(seen.count("d.r0"), seen.count("d.r200")) >= 8


async def test_a_dead_device_is_one_clear_line_and_comes_back() -> None:
    async with ModbusSimulator() as simulator:
        adapter = modbus("d", simulator, {"name": "level", "address": 0})
        async with aclosing(adapter.samples()) as samples:
            await anext(samples)
            simulator.unit.silent = True
            with pytest.raises(NotConnected) as caught:
                await anext(samples)
        name = f"127.0.0.1:{simulator.port}"
        assert str(caught.value) == f"{name} does not answer within 0.1 s; next try in 0.2 s"
        await simulator.stop()
        with pytest.raises(NotConnected, match=f"{name} refuses connections; next try in 0.2 s"):
            await adapter.probe()
        await simulator.listen()
        simulator.unit.silent = False
        async with running(adapter) as came:
            await came.get()


async def test_a_dead_device_is_noticed_by_its_quick_block_alone() -> None:
    async with ModbusSimulator() as simulator:
        registers = [{"name": "level", "address": 0}, {"name": "serial_number", "address": 50, "period_s": 3600.0}]
        adapter = modbus("d", simulator, *registers)
        async with aclosing(adapter.samples()) as samples, asyncio.timeout(5):
            for _number in range(4):
                await anext(samples)
            simulator.unit.silent = True
            with pytest.raises(NotConnected, match="does not answer"):
                await anext(samples)


async def test_a_connection_that_the_device_closes_is_opened_again_without_a_gap() -> None:
    async with ModbusSimulator() as simulator:
        adapter = modbus("d", simulator, {"name": "level", "address": 0})
        async with aclosing(adapter.samples()) as samples, asyncio.timeout(10):
            for _time in range(5):
                await anext(samples)
                simulator.hang_up()
            await anext(samples)
        assert simulator.connections >= 2


@pytest.mark.parametrize("host", ["unknown", "a..b", "x" * 70])
async def test_an_unknown_host_is_one_clear_line(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask_no_network(*_unused: object, **_unused_either: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    if host == "unknown":
        monkeypatch.setattr(socket, "getaddrinfo", ask_no_network)
    config = Modbus.load_config({"transport": "tcp", "host": host, **QUICK, "register": [{"name": "a", "address": 0}]})
    with pytest.raises(NotConnected, match=f"{host}: no such host"):
        await Modbus("d", config, Host()).probe()


async def test_a_gateway_that_says_its_device_is_silent_counts_as_silence() -> None:
    async with ModbusSimulator() as simulator:
        simulator.unit.refused[Table.HOLDING, 0] = 11
        adapter = modbus("d", simulator, {"name": "level", "address": 0})
        with pytest.raises(NotConnected, match="gateway target device failed to respond"):
            async with aclosing(adapter.samples()) as samples:
                await anext(samples)


async def test_a_dead_device_does_not_slow_another_over_tcp() -> None:
    async with ModbusSimulator() as dead, ModbusSimulator() as alive:
        dead.unit.silent = True
        slow = modbus("dead", dead, {"name": "level", "address": 0}, timeout_s=30.0)
        quick = modbus("alive", alive, {"name": "level", "address": 0})
        async with running(slow), running(quick) as came:
            async with asyncio.timeout(3):
                for _number in range(20):
                    await came.get()
        assert quick.host.counters["no_answer"] == 0


async def test_devices_share_a_bus_and_a_silent_one_is_asked_ever_less() -> None:
    async with ModbusSimulator((1, 2, 3), transport="rtu") as simulator:
        simulator.units[2].silent = True
        for number in (1, 3):
            simulator.units[number].show(0, number)
        adapters = [
            modbus(f"d{number}", simulator, {"name": "level", "address": 0}, unit_id=number) for number in (1, 2, 3)
        ]
        async with running(adapters[0]) as first, running(adapters[1]) as silent, running(adapters[2]) as third:
            for _number in range(20):
                assert (await first.get()).values == (1.0,)
                assert (await third.get()).values == (3.0,)
            assert silent.empty()
            assert simulator.is_held
        assert not simulator.is_held
        delays = []
        for _start in range(12):
            with pytest.raises(NotConnected) as caught:
                async with aclosing(adapters[1].samples()) as samples:
                    await anext(samples)
            delays.append(caught.value.retry_after_s)
        assert delays == sorted(delays)
        assert delays[-1] == 60


async def test_two_speeds_for_one_port_are_refused() -> None:
    async with ModbusSimulator((1, 2), transport="rtu") as simulator:
        one = modbus("one", simulator, {"name": "level", "address": 0})
        two = modbus("two", simulator, {"name": "level", "address": 0}, unit_id=2, baud=9600)
        async with running(one) as came:
            await came.get()
            with pytest.raises(ConfigError, match=r"9600 8N1.*the settings of the other devices.*115200 8N1"):
                await two.probe()
            await came.get()


async def test_a_bus_that_talks_nonsense_ends_in_one_clear_line() -> None:
    async with ModbusSimulator(transport="rtu") as simulator:
        simulator.unit.silent = True
        adapter = modbus("d", simulator, {"name": "level", "address": 0})

        async def babble() -> None:
            while True:
                simulator.send_to_all(os.urandom(20))
                await asyncio.sleep(0.01)

        task = asyncio.create_task(babble())
        with pytest.raises(NotConnected) as caught:
            async with aclosing(adapter.samples()) as samples, asyncio.timeout(10):
                await anext(samples)
        task.cancel()
        assert "no sound answer" in str(caught.value)
        assert adapter.host.counters["frames_bad"] >= 2


def rtu_at(port: str) -> Modbus:
    config = {"transport": "rtu", "serial_port": port, **QUICK, "register": [{"name": "a", "address": 0}]}
    return Modbus("d", Modbus.load_config(config), Host())


@pytest.mark.parametrize(
    ("port", "what"),
    [("/dev/no-such-port", "no such serial port"), ("/dev/null", "cannot be opened as /dev/null 9600 8N1")],
)
async def test_a_port_that_is_none_is_one_clear_line(port: str, what: str) -> None:
    with pytest.raises(NotConnected, match=what) as caught:
        await rtu_at(port).probe()
    assert "\n" not in str(caught.value)


async def test_a_port_that_another_program_holds_is_one_clear_line() -> None:
    async with ModbusSimulator(transport="rtu") as simulator:
        with (
            serial.Serial(simulator.serial_port, exclusive=True),
            pytest.raises(NotConnected, match="another program holds the serial port"),
        ):
            await rtu_at(simulator.serial_port).probe()
        assert "1 of 1 reads" in await rtu_at(simulator.serial_port).probe()
