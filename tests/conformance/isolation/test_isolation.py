"""A partner's adapter in a process of its own: what it does wrong is told in one line, and nobody else notices."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import pytest

from haechi.contract.observations import Quality
from haechi.sdk import ConfigError, Host, NotConnected, Sample
from haechi.sdk.isolation import Isolated, Limits
from support.processes import is_alive


def isolated(does: str, **limits: Any) -> Isolated:
    return Isolated("faulty", "river-1", {"does": does}, Host(), Limits()._replace(retry_s=9.0, **limits))


async def how_it_ends(adapter: Isolated) -> tuple[NotConnected, int]:
    """Read until it ends; returns why, and which process that was."""
    process = 0
    with pytest.raises(NotConnected) as caught:  # noqa: PT012 - the error comes at an unknown draw
        async with asyncio.timeout(90), aclosing(adapter.samples()) as samples:
            async for sample in samples:
                process = process or int(sample.values[0])
    assert "\n" not in str(caught.value)
    assert not is_alive(process)
    return caught.value, process


async def test_it_is_an_adapter_like_any_other(partner: Path, caplog: pytest.LogCaptureFixture) -> None:
    adapter = isolated("well")
    (described,) = adapter.describe()
    assert (described.id, described.unit) == ("river-1.level", "m")
    assert (await adapter.probe()).endswith(" answers")
    for _time in range(2):
        async with asyncio.timeout(60), aclosing(adapter.samples()) as samples:
            first = await anext(samples)
            process = int(first.values[0])
            assert process != os.getpid()
            assert first == Sample(("river-1.level",), (float(process),), (Quality.UNCERTAIN,))
            assert await anext(samples) == Sample(("river-1.level",), (1.0,))
            while adapter.host.counters["begun"] < _time + 1:
                await anext(samples)
        assert not is_alive(process)
    assert adapter.host.counters["begun"] == 2
    assert [record.getMessage() for record in caplog.records].count("begins") == 2
    assert "partner_faulty" not in sys.modules


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("crash", "faulty: its process ended with signal 11: about to fail"),
        ("raise", "faulty: LookupError: no such thing"),
        ("flood", "faulty: it gives more than 2000 values a second"),
        ("say nothing often", "faulty: it gives more than 2000 values a second"),
        ("say long texts", "faulty: it gives more than 2000 values a second"),
        ("lie", "faulty: it emits what it did not describe"),
        ("nan", "faulty: it emits a number that is not finite"),
        ("babble", "faulty: it says what is no message: a message that is too large"),
        ("files", "faulty: OSError: [Errno 24] Too many open files"),
    ],
)
async def test_what_it_does_wrong_is_one_line(partner: Path, does: str, why: str) -> None:
    error, _process = await how_it_ends(isolated(does, burst_s=1.0))
    assert error.what.startswith(why)
    assert error.retry_after_s == 9.0


async def test_one_that_blocks_is_ended(partner: Path) -> None:
    adapter = isolated("block", silence_s=2.5)
    error, _process = await how_it_ends(adapter)
    assert error.what == "faulty: it blocks: no sign of life for 2.5 s"
    assert adapter.host.counters["hangs"] == 1


async def test_one_that_leaks_is_ended_at_its_limit(partner: Path) -> None:
    error, _process = await how_it_ends(isolated("leak", memory_bytes_max=96 * 2**20))
    assert error.what == "faulty: it needs more than 96 MiB of memory"


async def test_a_device_that_is_not_there_is_told_as_the_adapter_told_it(partner: Path) -> None:
    error, _process = await how_it_ends(isolated("gone"))
    assert (error.what, error.retry_after_s) == ("/dev/ttyUSB7: no such serial port", 7.0)


@pytest.mark.parametrize(("wished", "granted_s"), [("0", 1.0), ("1e300", 3600.0), ("nan", 9.0)])
async def test_it_may_not_have_itself_started_without_pause(partner: Path, wished: str, granted_s: float) -> None:
    adapter = Isolated("faulty", "river-1", {"does": "gone", "retry": wished}, Host(), Limits()._replace(retry_s=9.0))
    error, _process = await how_it_ends(adapter)
    assert error.retry_after_s == granted_s


def test_one_that_prints_without_end_is_refused_in_one_line(partner: Path) -> None:
    with pytest.raises(ConfigError, match="an adapter that says less than 2 MiB") as caught:
        isolated("print")
    assert len(str(caught.value)) < 500


async def test_describing_leaves_nothing_behind(partner: Path) -> None:
    isolated("leave a helper")
    folder = str(partner).encode()
    async with asyncio.timeout(5):
        while _alive(lambda process: folder in (process / "environ").read_bytes()):  # noqa: ASYNC110 - killed already; the kernel tells nobody when it is done
            await asyncio.sleep(0.01)


async def test_nothing_of_it_is_left_behind(partner: Path) -> None:
    adapter = isolated("fork")
    async with asyncio.timeout(60), aclosing(adapter.samples()) as samples:
        group = int((await anext(samples)).values[0])
        await anext(samples)
        await anext(samples)
    async with asyncio.timeout(5):
        while _alive_in(group):  # noqa: ASYNC110 - killed already; the kernel tells nobody when it is done
            await asyncio.sleep(0.01)


def _alive_in(group: int) -> list[int]:
    """Return the processes of a group that run."""
    return _alive(lambda process: os.getpgid(int(process.name)) == group)


def _alive(wanted: Callable[[Path], bool]) -> list[int]:
    """Return the processes that run and are wanted, by their folder in /proc."""
    found = []
    for path in Path("/proc").iterdir():
        with suppress(OSError):  # it may end between being listed and being looked at
            if path.name.isdigit() and wanted(path) and is_alive(int(path.name)):
                found.append(int(path.name))
    return found


async def test_the_others_do_not_notice(partner: Path) -> None:
    """While one floods, one blocks and one raises, a fourth is read without a gap."""
    faulty = [isolated(does, silence_s=2.0, burst_s=2.0) for does in ("flood", "block", "raise")]
    ends = [asyncio.ensure_future(how_it_ends(adapter)) for adapter in faulty]
    async with asyncio.timeout(90), aclosing(isolated("well").samples()) as samples:
        read = 0
        while not all(end.done() for end in ends):
            await anext(samples)
            read += 1
    assert read > 20
    for end in ends:
        await end


@pytest.mark.parametrize(
    ("name", "written", "line"),
    [
        ("faulty", {"does": "good"}, "does = 'good': expected 'well', 'block'"),
        ("faulty", {"does": "well", "speed": 1}, "speed = 1: expected no such key"),
        ("nobody", {}, "adapter = 'nobody': expected an installed adapter"),
    ],
)
def test_a_configuration_that_cannot_work_is_one_line(
    partner: Path, name: str, written: dict[str, object], line: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Isolated(name, "river-1", written, Host(), Limits())
    assert line in str(caught.value)


def test_a_python_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ConfigError, match="a process that runs"):
        Isolated("faulty", "river-1", {}, Host(), Limits(python="/opt/none/bin/python"))


def test_a_child_ends_with_its_gateway(partner: Path, tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from haechi.sdk import Host\n"
        "from haechi.sdk.isolation import Isolated, Limits\n"
        "async def main():\n"
        "    async for sample in Isolated('faulty', 'd', {'does': 'block'}, Host(), Limits()).samples():\n"
        "        print(int(sample.values[0]), flush=True)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdout is not None
        child = int(gateway.stdout.readline())
        assert is_alive(child)
        gateway.send_signal(signal.SIGKILL)
    until_s = time.monotonic() + 5
    while is_alive(child) and time.monotonic() < until_s:
        time.sleep(0.01)
    assert not is_alive(child)
