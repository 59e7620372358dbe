"""A recorder gets what the sensor measured, once, whatever one lost or damaged answer does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from haechi.sdk import BadReading, ConfigError, MonotonicClock, NotConnected
from haechi.sdk.sdi12_sensor import Sdi12Sensor
from haechi.sdk.transports.sdi12 import Sdi12
from haechi.sdk.transports.serial_line import LineSettings

_VALUES = ["+1.234", "-21.5", "+0", "+123.4567", "+9999999", "-0.001", "+1.5", "+2.5", "+3.5"]


@asynccontextmanager
async def sensor(**keys: str) -> AsyncIterator[tuple[Sdi12Sensor, Sdi12]]:
    async with Sdi12Sensor(lambda number: _VALUES if number == 0 else [f"+{number}"], **keys) as one:
        settings = LineSettings(one.port, 1200)
        recorder = Sdi12(settings, keys.get("address", "0"), MonotonicClock(), timeout_s=0.2, retry_s=1)
        recorder.join()
        yield one, recorder
        recorder.close()
        assert not one.is_held


@pytest.mark.parametrize("with_crc", [False, True])
@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize("address", ["0", "Z"])
async def test_values_come_as_the_sensor_wrote_them(*, address: str, with_crc: bool, concurrent: bool) -> None:
    async with sensor(address=address) as (one, recorder):
        found = await recorder.measure(with_crc=with_crc, concurrent=concurrent)
        assert found == [Decimal(value) for value in _VALUES]
        assert one.commands[0] == (b"C" if concurrent else b"M") + (b"C" if with_crc else b"")
        assert await recorder.measure(number=3, with_crc=with_crc) == [Decimal(3)]


async def test_it_waits_for_the_service_request_and_no_longer() -> None:
    async with sensor() as (one, recorder):
        one.announced_s, one.takes_s = 30, 0.05
        assert len(await recorder.measure(with_crc=True)) == len(_VALUES)
        assert b"D0" in one.commands


async def test_a_lost_or_damaged_data_line_is_asked_for_again_without_measuring_again() -> None:
    async with sensor() as (one, recorder):
        one.deaf_to.append(b"D0")
        assert len(await recorder.measure(with_crc=True)) == len(_VALUES)
        one.damaged.update({b"MC": 0, b"D0": 2})
        assert len(await recorder.measure(with_crc=True)) == len(_VALUES)
        assert list(one.commands).count(b"MC") == 3


async def test_an_adapter_that_echoes_is_understood() -> None:
    async with sensor() as (one, recorder):
        one.echoes = True
        assert len(await recorder.measure(with_crc=True)) == len(_VALUES)


async def test_a_setting_is_asked_for_by_the_makers_own_command() -> None:
    async with sensor() as (one, recorder):
        one.settings[b"OSU"] = b"+2"
        assert await recorder.setting("OSU") == [Decimal(2)]


async def test_an_answer_that_is_still_owed_is_not_taken_for_the_next_commands() -> None:
    async with sensor() as (one, recorder):
        one.settings.update({b"OSU": b"+1", b"OST": b"+0"})
        put = one.say

        def say_late(line: bytes) -> None:
            asyncio.get_running_loop().call_later(0.36, put, line)

        one.say = say_late  # type: ignore[method-assign]
        assert await recorder.setting("OSU") == [Decimal(1)]
        one.say = put  # type: ignore[method-assign]
        assert await recorder.setting("OST") == [Decimal(0)]
        assert recorder.strays


async def test_silence_is_not_connected_after_three_attempts() -> None:
    async with sensor() as (one, recorder):
        one.silent = True
        with pytest.raises(NotConnected, match=r"sensor 0 does not answer 0MC! within 0\.2 s"):
            await recorder.measure(with_crc=True)


async def test_fewer_values_than_announced_are_no_reading() -> None:
    async with sensor() as (one, recorder):
        one.deaf_to.extend([b"D1"] * 3)
        with pytest.raises(NotConnected, match="0D1!"):
            await recorder.measure(with_crc=False)


async def test_a_measuring_time_beyond_belief_is_no_reading() -> None:
    async with sensor() as (one, recorder):
        one.announced_s, one.takes_s = 999, 60.0
        with pytest.raises(BadReading, match="999 s of measuring"):
            await recorder.measure(with_crc=True)


async def test_two_sensors_share_a_port_and_its_settings() -> None:
    async with sensor() as (one, recorder):
        other = Sdi12(LineSettings(one.port, 9600), "1", MonotonicClock(), timeout_s=0.2, retry_s=1)
        with pytest.raises(ConfigError, match="1200 8N1"):
            other.join()
        beside = Sdi12(LineSettings(one.port, 1200), "0", MonotonicClock(), timeout_s=0.2, retry_s=1)
        beside.join()
        recorder.close()
        assert await beside.measure(number=1, with_crc=True) == [Decimal(1)]
        beside.close()
