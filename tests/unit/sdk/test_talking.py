"""Of what a device says by itself the newest is taken, damage is counted, and silence is told from a wrong speed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import ClassVar

import pytest

from haechi.contract.places import Datastream
from haechi.sdk import BadReading, ConfigError, Host, NotConnected, Sample
from haechi.sdk.framing import Delimited
from haechi.sdk.talker import ServedTalker, Talker
from haechi.sdk.talking import Frames, Talking, TalkKeys


class Counter(Talking[TalkKeys, bytes]):
    Config: ClassVar = TalkKeys
    frame_name = "counter"

    def describe(self) -> list[Datastream]:
        return [Datastream(id="c.count", thing="c", observed_property="count", unit="1")]

    def frames(self) -> Frames[bytes]:
        return Delimited(b"\n", size_max=8, is_sound=bytes.isdigit)

    def sample_of(self, frame: bytes) -> Sample | None:
        if frame == b"666":
            raise BadReading("no such number")
        return None if frame == b"0" else Sample(("c.count",), (float(frame),))


@asynccontextmanager
async def counter(said: bytes) -> AsyncIterator[tuple[Talker, Counter]]:
    async with Talker(lambda: said, period_s=0.01) as talker:
        written = {"serial_port": talker.port, "period_s": 0.02, "silence_s": 0.3, "retry_s": 0.1}
        yield talker, Counter("c", Counter.load_config(written), Host())


async def test_of_frames_that_come_together_the_newest_is_taken() -> None:
    async with counter(b"1\n2\n3\n") as (_talker, adapter):
        async with aclosing(adapter.samples()) as samples:
            assert (await anext(samples)).values == (3.0,)
        assert await adapter.probe() == f"{adapter.config.serial_port} says 1 values, count 3.0"


async def test_damage_and_impossible_frames_are_counted() -> None:
    async with counter(b"7\n") as (talker, adapter), aclosing(adapter.samples()) as samples:
        await anext(samples)
        talker.noise.extend([b"6x\n", b"666\n"] * 3)
        while adapter.host.counters["frames_bad"] < 4:
            assert (await anext(samples)).values == (7.0,)


async def test_a_frame_without_a_value_is_no_silence() -> None:
    async with counter(b"0\n") as (_talker, adapter):
        assert await adapter.probe() == f"{adapter.config.serial_port} talks but has no value"


async def test_a_sign_of_life_neither_hides_a_value_nor_uses_up_its_period() -> None:
    async with counter(b"7\n0\n") as (_talker, adapter), aclosing(adapter.samples()) as samples:
        assert (await anext(samples)).values == (7.0,)  # the newest that has a value, not the newest
    async with counter(b"0\n") as (talker, adapter):
        keys = {"serial_port": talker.port, "period_s": 30.0, "silence_s": 60.0}
        adapter = Counter("c", Counter.load_config(keys), Host())
        async with aclosing(adapter.samples()) as samples, asyncio.timeout(5):
            coming = asyncio.ensure_future(anext(samples))
            while not coming.done():  # the first frames are heard by nobody
                talker.noise.append(b"7\n")
                await asyncio.sleep(0.03)
            assert coming.result().values == (7.0,)


async def test_silence_is_told_from_bytes_that_are_no_frame() -> None:
    async with counter(b"\xf0\x0f") as (talker, adapter):
        with pytest.raises(NotConnected, match=r"bytes but no counter frame within 0\.3 s; look at speed"):
            await adapter.probe()
        talker.silent = True
        with pytest.raises(NotConnected, match=r"silent for 0\.3 s; look at power and wiring"):
            await adapter.probe()


def test_silence_is_longer_than_a_period() -> None:
    with pytest.raises(ConfigError, match=r"silence_s = 1\.0: expected at least period_s \(2\.0\)"):
        Counter.load_config({"serial_port": "/dev/null", "period_s": 2.0, "silence_s": 1.0})


async def to_the_end(samples: AsyncIterator[Sample]) -> None:
    async for _sample in samples:
        pass


async def test_behind_a_serial_server_it_is_the_same_and_a_server_that_is_gone_is_one_clear_line() -> None:
    async with ServedTalker(lambda: b"1\n2\n", period_s=0.01) as talker:
        keys = {"serial_port": talker.port, "period_s": 0.02, "silence_s": 0.3, "retry_s": 0.1}
        adapter = Counter("c", Counter.load_config(keys), Host())
        async with aclosing(adapter.samples()) as samples:
            assert (await anext(samples)).values == (2.0,)
            talker.silent = True
            with pytest.raises(NotConnected, match=rf"{talker.port}: silent for 0\.3 s"):
                await to_the_end(samples)
        talker.silent = False
        async with aclosing(adapter.samples()) as samples:
            await anext(samples)
            talker.unplug()
            with pytest.raises(NotConnected, match=r"127\.0\.0\.1:\d+: the connection "):
                await to_the_end(samples)
        with pytest.raises(NotConnected, match="refuses connections"):
            await adapter.probe()


@pytest.mark.parametrize(
    "port", ["tcp://gauge", "tcp://:4001", "tcp://a@b:1", "tcp://a:1/x", "udp://a:1", "tcp://a:70000"]
)
def test_a_serial_server_is_named_whole(port: str) -> None:
    with pytest.raises(ConfigError, match=r"serial_port = .*expected a serial port, or tcp://HOST:PORT"):
        Counter.load_config({"serial_port": port})
