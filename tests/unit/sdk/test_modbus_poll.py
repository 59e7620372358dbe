"""A round counts whole or not at all; one that fails is counted, two in a row mean that the device is gone."""

import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import ClassVar

import pytest

from haechi.contract.places import Datastream
from haechi.sdk import Host, NotConnected, Sample
from haechi.sdk.modbus_slave import ModbusSlave
from haechi.sdk.transports.modbus_frames import Read, Table
from haechi.sdk.transports.modbus_poll import ModbusKeys, ModbusPolled


class Thermometer(ModbusPolled[ModbusKeys]):
    Config: ClassVar = ModbusKeys
    kind = "a thermometer"

    def describe(self) -> list[Datastream]:
        return [Datastream(id="t.warm", thing="t", observed_property="warm", unit="Cel")]

    def reads(self) -> Sequence[Read]:
        return (Read(Table.INPUT, 10, 4), Read(Table.INPUT, 20, 1))

    def sample_of(self, answers: Sequence[bytes]) -> Sample | None:
        value, _spare = struct.unpack(">ff", answers[0])
        return Sample(("t.warm",), (value,)) if answers[1] == b"\0\0" else None


@asynccontextmanager
async def thermometer() -> AsyncIterator[tuple[ModbusSlave, Thermometer]]:
    async with ModbusSlave() as slave:
        slave.set_packed(Table.INPUT, 10, ">ff", 21.5, 0.0)
        slave.set(Table.INPUT, 20, 0)
        written = {"serial_port": slave.serial_port, "baud": 115200, "period_s": 0.01, "timeout_s": 0.2, "retry_s": 0.1}
        yield slave, Thermometer("t", Thermometer.load_config(written), Host())


async def test_one_damaged_answer_costs_one_round() -> None:
    async with thermometer() as (slave, adapter), aclosing(adapter.samples()) as samples:
        assert (await anext(samples)).values == (21.5,)
        slave.damaged.append(4)
        assert (await anext(samples)).values == (21.5,)
        assert adapter.host.counters["frames_bad"] == 1


async def test_a_late_answer_is_never_taken_for_the_next() -> None:
    async with thermometer() as (slave, adapter), aclosing(adapter.samples()) as samples:
        await anext(samples)
        slave.delays_s.append(0.25)
        slave.set_packed(Table.INPUT, 10, ">ff", 30.0, 0.0)
        assert (await anext(samples)).values == (30.0,)
        assert adapter.host.counters["no_answer"] == 1


async def test_two_silent_rounds_mean_that_it_is_gone_and_then_it_is_tried_less_often() -> None:
    async with thermometer() as (slave, adapter):
        slave.silent = True
        delays_s = []
        for _start in range(2):
            with pytest.raises(NotConnected, match="unit 1 does not answer") as caught:
                async with aclosing(adapter.samples()) as samples:
                    await anext(samples)
            delays_s.append(caught.value.retry_after_s)
        assert delays_s[0] == 0.1
        assert delays_s[1] > 0.1


async def test_a_refusal_asks_whether_it_is_such_a_device() -> None:
    async with thermometer() as (slave, adapter), aclosing(adapter.samples()) as samples:
        slave.registers_max = 1
        with pytest.raises(NotConnected, match=r"refuses input 10…13: illegal data value .*; is it a thermometer\?"):
            await anext(samples)
        assert adapter.host.counters["refusals"] == 2


async def test_without_a_value_nothing_is_emitted_but_it_is_there() -> None:
    async with thermometer() as (slave, adapter):
        slave.set(Table.INPUT, 20, 1)
        assert "answers but has no value" in await adapter.probe()
        slave.set(Table.INPUT, 20, 0)
        assert await adapter.probe() == f"{slave.serial_port} unit 1 answers: 1 values, warm 21.5"
