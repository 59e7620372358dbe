"""A serial line loses nothing that is read, keeps no more than it says, and never blocks the gateway."""

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from haechi.sdk import NotConnected
from haechi.sdk.transports import serial_line
from haechi.sdk.transports.serial_line import LineSettings, SerialLine


@asynccontextmanager
async def line() -> AsyncIterator[tuple[int, SerialLine]]:
    """An open line, and the descriptor at the other end of its wire."""
    wire, kept = os.openpty()
    tty.setraw(wire)
    tty.setraw(kept)
    os.set_blocking(wire, False)
    opened = SerialLine(LineSettings(os.ttyname(kept), 115200))
    opened.open()
    try:
        yield wire, opened
    finally:
        opened.close()
        os.close(wire)
        os.close(kept)


async def test_bytes_come_in_order_and_whole() -> None:
    async with line() as (wire, opened), asyncio.timeout(10):
        sent = os.urandom(20_000)
        came = b""
        for start in range(0, len(sent), 1000):
            os.write(wire, sent[start : start + 1000])
            came += await opened.read()
        while len(came) < len(sent):
            came += await opened.read()
        assert came == sent


async def test_what_nobody_reads_is_bounded_and_counted() -> None:
    async with line() as (wire, opened), asyncio.timeout(10):
        sent = 0
        while not opened.bytes_lost:
            with suppress(BlockingIOError):
                sent += os.write(wire, b"x" * 1000)
            await asyncio.sleep(0)
        kept = opened.take()
        assert len(kept) <= 65536
        assert sent - len(kept) - opened.bytes_lost < 65536


async def test_writing_waits_for_the_wire_and_can_be_cancelled() -> None:
    async with line() as (wire, opened):
        writing = asyncio.ensure_future(opened.write(b"y" * 100_000))
        taken = 0
        async with asyncio.timeout(10):
            while taken < 50_000:
                await asyncio.sleep(0)
                try:
                    taken += len(os.read(wire, 4096))
                except BlockingIOError:
                    continue
        assert not writing.done()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing


async def test_closing_twice_and_reading_a_closed_line() -> None:
    async with line() as (_wire, opened):
        assert opened.is_open
        opened.close()
        opened.close()
        assert not opened.is_open
        with pytest.raises(NotConnected, match="closed"):
            await opened.read()
        opened.open()
        assert opened.is_open


def test_settings_read_as_on_a_data_sheet() -> None:
    settings = LineSettings("/dev/ttyS0", 19200, "even", 1)
    assert str(settings) == "/dev/ttyS0 19200 8E1"
    assert settings.character_s == 11 / 19200


@pytest.fixture
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str]]]:
    """A port, and what is plugged in there whenever it is opened."""
    coming: list[str] = []
    monkeypatch.setattr(serial_line, "identity_of", lambda _port: coming.pop(0))
    monkeypatch.setattr(serial_line, "_plugged_in", {})
    wire, kept = os.openpty()
    yield os.ttyname(kept), coming
    os.close(wire)
    os.close(kept)


def opened_again(port: str) -> str:
    line = SerialLine(LineSettings(port, 115200))
    try:
        line.open()
    except NotConnected as error:
        return str(error)
    finally:
        line.close()
    return ""


async def test_another_adapter_behind_a_kernels_name_is_not_read(plugged_in: tuple[str, list[str]]) -> None:
    port, coming = plugged_in
    coming += ["0403:6001 A", "0403:6001 A", "", "0403:6001 B", "0403:6001 B", "0403:6001 A"]
    told = [opened_again(port) for _time in range(6)]
    assert [bool(line) for line in told] == [False, False, False, True, True, False]
    assert told[3].startswith(
        f"{port}: something else is plugged in now (0403:6001 B, before 0403:6001 A); name the port by-id, or restart"
    )


async def test_another_adapter_in_the_same_socket_is_said_once(
    plugged_in: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port, coming = plugged_in
    monkeypatch.setattr(serial_line, "_LASTING", str(Path(port).parent))
    coming += ["0403:6001 A", "0403:6001 B", "0403:6001 B"]
    assert [opened_again(port) for _time in range(3)] == ["", "", ""]
    assert caplog.text.count("something else is plugged in now (0403:6001 B, before 0403:6001 A)") == 1
