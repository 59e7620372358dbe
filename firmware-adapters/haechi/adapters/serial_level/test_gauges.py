"""What a gauge says reaches the gateway as it was said; what it does not say is never made up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from haechi.adapters.serial_level.adapter import SerialLevel
from haechi.adapters.serial_level.protocols import A02, MaxbotixR
from haechi.adapters.serial_level.simulator import SerialLevelSimulator, frame_of
from haechi.contract.observations import Quality
from haechi.sdk import ConfigError, Host, NotConnected, Sample

_FRAME_S = 0.02


@asynccontextmanager
async def gauge(protocol: str = "maxbotix_r", **keys: Any) -> AsyncIterator[tuple[SerialLevelSimulator, SerialLevel]]:
    async with SerialLevelSimulator(protocol, period_s=_FRAME_S) as simulator:
        written = {"port": simulator.port, "protocol": protocol, "period_s": 0.05, "silence_s": 0.3, **keys}
        yield simulator, SerialLevel("gauge-1", SerialLevel.load_config(written), Host())


async def drain(samples: AsyncIterator[Sample]) -> None:
    async for _sample in samples:
        pass


async def until(adapter: SerialLevel, distance_m: float) -> Sample:
    async with aclosing(adapter.samples()) as samples, asyncio.timeout(10):
        async for sample in samples:
            if sample.values == (distance_m,):
                return sample
    raise AssertionError


@pytest.mark.parametrize("protocol", ["maxbotix_r", "a02"])
async def test_at_its_nearest_the_water_may_be_nearer(protocol: str) -> None:
    async with gauge(protocol, range_min_m=0.3) as (simulator, adapter):
        simulator.distance_m = 0.3
        assert (await until(adapter, 0.3)).qualities == (Quality.UNCERTAIN,)
        simulator.distance_m = 0.301
        assert (await until(adapter, 0.301)).qualities is None


@pytest.mark.parametrize(("protocol", "no_echo_m"), [("maxbotix_r", 5.0), ("a02", 4.5), ("a02", 0.0)])
async def test_no_echo_is_no_value_and_no_silence(protocol: str, no_echo_m: float) -> None:
    async with gauge(protocol, silence_s=0.2) as (simulator, adapter), asyncio.timeout(10):
        samples = adapter.samples()
        await anext(samples)
        simulator.distance_m = no_echo_m
        waiting = asyncio.ensure_future(anext(samples))
        while adapter.host.counters["no_echo"] < 8:
            assert not waiting.done()
            await asyncio.sleep(_FRAME_S)
        simulator.distance_m = 1.5
        assert (await waiting).values == (1.5,)
        await samples.aclose()


@pytest.mark.parametrize(
    ("protocol", "damaged"),
    [("a02", b"\xff\x07\xa1\xa8"), ("maxbotix_r", b"R12x4\r"), ("maxbotix_r", b"R123\r"), ("maxbotix_r", b"R12345\r")],
)
async def test_damaged_frames_are_counted_and_dropped(protocol: str, damaged: bytes) -> None:
    async with gauge(protocol) as (simulator, adapter), aclosing(adapter.samples()) as samples, asyncio.timeout(10):
        await anext(samples)
        simulator.noise.extend([damaged] * 3)
        while adapter.host.counters["frames_bad"] < (1 if protocol == "a02" else 3):
            assert (await anext(samples)).values == (2.0,)
        simulator.distance_m = 1.25
        while (await anext(samples)).values != (1.25,):
            pass


async def test_a_burst_gives_its_newest_frame() -> None:
    async with gauge(period_s=0.05) as (simulator, adapter):
        simulator.silent = True
        async with aclosing(adapter.samples()) as samples, asyncio.timeout(10):
            waiting = asyncio.ensure_future(anext(samples))
            await asyncio.sleep(0)  # the first step of the iterator opens the port
            assert simulator.is_held
            simulator.put(b"".join(frame_of("maxbotix_r", millimetres / 1000) for millimetres in range(1000, 1050)))
            assert (await waiting).values == (1.049,)


async def test_wrong_protocol_or_speed_is_told_apart_from_silence() -> None:
    async with gauge("a02", silence_s=0.2) as (simulator, adapter):
        simulator.protocol = "maxbotix_r"
        with pytest.raises(NotConnected, match=r"bytes but no a02 frame within 0.2 s; look at speed and device"):
            await adapter.probe()
        simulator.silent = True
        with pytest.raises(NotConnected, match=r"silent for 0.2 s; look at power and wiring"):
            await adapter.probe()


async def test_a_cable_that_is_pulled_out_is_one_clear_line() -> None:
    async with gauge(silence_s=5.0) as (simulator, adapter):
        async with aclosing(adapter.samples()) as samples, asyncio.timeout(3):
            await anext(samples)
            simulator.unplug()
            with pytest.raises(NotConnected, match="the serial port is gone"):
                await drain(samples)
        with pytest.raises(NotConnected, match="no such serial port"):
            await adapter.probe()


def test_centimetres_have_their_own_step() -> None:
    talker = MaxbotixR("cm", 3)
    assert [talker.step.value(count) for count in talker.feed(b"95\rR195\rR020\rR1950\r")] == [1.95, 0.2]
    assert talker.bad == 1


def test_a_frame_that_no_gauge_of_the_family_can_mean_is_damaged() -> None:
    talker = A02()
    good = frame_of("a02", 1.0)
    assert talker.feed(good + good) == [1000, 1000]
    assert talker.feed(frame_of("a02", 9.0) + good + good) == [1000, 1000]
    assert talker.bad == 1


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"protocol": "sr04"}, "protocol = 'sr04': expected 'maxbotix_r' or 'a02'"),
        ({"protocol": "a02", "resolution": "cm"}, "resolution = 'cm': expected nothing, because protocol is a02"),
        ({"range_min_m": 6.0}, "range_min_m = 6.0: expected range_min_m 6.0 below range_max_m 5.0"),
        ({"period_s": 10.0}, "silence_s = 5.0: expected at least period_s (10.0)"),
        ({"speed": 9600}, "speed = 9600: expected no such key"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SerialLevel.load_config({"port": "/dev/ttyUSB0", "protocol": "maxbotix_r", **written})
    assert str(caught.value) == line
