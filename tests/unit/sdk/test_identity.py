"""Who answers is read again when a device is opened again; another one is told, and none of its values are taken."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, NamedTuple

import pytest

from haechi.adapters.eastron_sdm.adapter import EastronSdm
from haechi.adapters.eastron_sdm.simulator import EastronSdmSimulator
from haechi.adapters.lufft_irs31.adapter import LufftIrs31
from haechi.adapters.lufft_irs31.simulator import LufftIrs31Simulator
from haechi.adapters.modbus.adapter import Modbus
from haechi.adapters.ott_pls.adapter import OttPls
from haechi.adapters.ott_pls.simulator import OttPlsSimulator
from haechi.adapters.senseair_s8.adapter import SenseairS8
from haechi.adapters.senseair_s8.simulator import SenseairS8Simulator
from haechi.sdk import Adapter, BadReading, ConfigError, Host, NotConnected
from haechi.sdk.identity import Identity, OtherDevice
from haechi.sdk.modbus_slave import ModbusSlave
from haechi.sdk.transports.modbus_frames import Table


class Place(NamedTuple):
    """An adapter, and how another device comes to stand where its own was."""

    adapter: Adapter[Any]
    swap: Callable[[], None]
    put_back: Callable[[], None]


KEYS = {"period_s": 0.05, "timeout_s": 0.3, "retry_s": 0.1}


def made(adapter: type[Adapter[Any]], port: str, **written: Any) -> Adapter[Any]:
    return adapter("d", adapter.load_config({"serial_port": port, **KEYS, **written}), Host())


@asynccontextmanager
async def at_an_sdi12_line(**written: Any) -> AsyncIterator[Place]:
    async with OttPlsSimulator() as simulator:
        sensor = simulator.sensor
        own, other = sensor.identity, b"13OTTHACHPLS000100999999"
        adapter = made(OttPls, sensor.port, parity="none", databits=8, **written)  # as a pseudo-terminal speaks
        yield Place(adapter, lambda: setattr(sensor, "identity", other), lambda: setattr(sensor, "identity", own))


@asynccontextmanager
async def at_a_umb_bus() -> AsyncIterator[Place]:
    async with LufftIrs31Simulator() as simulator:
        own, other = dict(simulator.information), {**simulator.information, 0x13: b"another"}
        adapter = made(LufftIrs31, simulator.port)
        yield Place(
            adapter,
            lambda: setattr(simulator, "information", other),
            lambda: setattr(simulator, "information", own),
        )


@asynccontextmanager
async def at_a_modbus_meter() -> AsyncIterator[Place]:
    async with EastronSdmSimulator() as simulator:
        slave = simulator.slave
        adapter = made(EastronSdm, slave.serial_port, model="sdm630")
        yield Place(
            adapter,
            lambda: slave.set(Table.HOLDING, 0xFC00, 1, 2),
            lambda: slave.set(Table.HOLDING, 0xFC00, 0x0143, 0xB2F7),
        )


@asynccontextmanager
async def at_a_modbus_sensor() -> AsyncIterator[Place]:
    async with SenseairS8Simulator() as simulator:
        slave = simulator.slave
        adapter = made(SenseairS8, slave.serial_port)
        yield Place(adapter, lambda: slave.set(Table.INPUT, 30, 0x4A2D), lambda: slave.set(Table.INPUT, 30, 0x4A2C))


@asynccontextmanager
async def at_any_modbus_device() -> AsyncIterator[Place]:
    async with ModbusSlave() as slave:
        slave.set(Table.HOLDING, 0, 7)
        slave.set(Table.INPUT, 900, 1, 2)
        written = {"transport": "rtu", "unit_id": 1, "register": [{"name": "level", "address": 0}]}
        adapter = made(Modbus, slave.serial_port, **written, identity={"table": "input", "first": 900})
        yield Place(adapter, lambda: slave.set(Table.INPUT, 900, 1, 3), lambda: slave.set(Table.INPUT, 900, 1, 2))


PLACES = [at_any_modbus_device, at_an_sdi12_line, at_a_umb_bus, at_a_modbus_meter, at_a_modbus_sensor]


@pytest.mark.parametrize("place", PLACES)
async def test_another_device_in_its_place_is_told_and_not_read(place: Any) -> None:
    async with place() as (adapter, swap, put_back):
        async with aclosing(adapter.samples()) as samples:
            assert (await anext(samples)).values
        swap()
        for _time in range(2):  # and it stays so, however often it is tried
            async with aclosing(adapter.samples()) as samples:
                with pytest.raises(NotConnected, match=r"another device answers, .*; it was .*Nothing is read of it"):
                    await anext(samples)
        assert adapter.host.counters["other_device"] == 2
        put_back()
        async with aclosing(adapter.samples()) as samples:
            assert (await anext(samples)).values


@pytest.mark.parametrize("place", PLACES)
async def test_the_same_device_is_read_on_whatever_happens_to_the_line(place: Any) -> None:
    async with place() as (adapter, _swap, _put_back):
        for _time in range(2):
            async with aclosing(adapter.samples()) as samples:
                assert (await anext(samples)).values
                assert (await anext(samples)).values
        assert not adapter.host.counters.keys() & {"other_device", "frames_bad", "no_answer", "refusals"}


async def test_who_must_answer_can_be_written_down() -> None:
    async with at_an_sdi12_line(identity="13OTTHACHPLS000100999999") as (adapter, swap, _put_back):
        async with aclosing(adapter.samples()) as samples:
            with pytest.raises(NotConnected, match="another device answers"):
                await anext(samples)
        swap()
        async with aclosing(adapter.samples()) as samples:
            assert (await anext(samples)).values


async def test_a_damaged_answer_makes_no_stranger() -> None:
    said = iter(["A", "A", "B", "A", "A", "B", "B"])

    async def read() -> str:
        return next(said)

    who = Identity()
    await who.heed("x", read, retry_s=1)
    assert who.known == "A"
    with pytest.raises(BadReading, match="x does not say twice who it is"):
        await who.heed("x", read, retry_s=1)
    await who.heed("x", read, retry_s=1)
    with pytest.raises(OtherDevice, match="x: another device answers, 'B'; it was 'A'"):
        await who.heed("x", read, retry_s=1)


async def test_one_that_never_says_who_it_is_is_read_and_one_that_stops_is_not() -> None:
    async def silent() -> str:
        raise NotConnected("silent", 1)

    await Identity().heed("x", silent, retry_s=1)
    with pytest.raises(NotConnected, match="silent"):
        await Identity("A").heed("x", silent, retry_s=1)


async def test_any_modbus_device_that_has_no_such_registers_is_read_and_a_stranger_to_what_is_written_is_not() -> None:
    async with ModbusSlave() as slave:
        slave.set(Table.HOLDING, 0, 7)
        written = {"transport": "rtu", "unit_id": 1, "register": [{"name": "level", "address": 0}]}
        adapter = made(Modbus, slave.serial_port, **written, identity={"first": 900})
        async with aclosing(adapter.samples()) as samples:
            assert (await anext(samples)).values == (7.0,)
        adapter = made(Modbus, slave.serial_port, **written, identity={"first": 900, "expected": "00010002"})
        async with aclosing(adapter.samples()) as samples:
            with pytest.raises(NotConnected, match="another device answers, one that does not say who it is"):
                await anext(samples)
    with pytest.raises(
        ConfigError, match=r"identity.expected = '0001': expected four hexadecimal digits for each of 2"
    ):
        made(Modbus, "/dev/null", **written, identity={"first": 900, "expected": "0001"})
