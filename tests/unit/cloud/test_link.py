"""What a link says of a broker that it cannot use. (That it works, the tests with a real broker show.)"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from haechi.cloud.event_broker import link as module
from haechi.cloud.event_broker.arrivals import Arrival
from haechi.cloud.event_broker.link import BrokerAddress, BrokerLink


async def nobody(_arrival: Arrival) -> None:
    raise AssertionError("nothing arrives here")


@asynccontextmanager
async def broker(answer: bytes) -> AsyncIterator[int]:
    """A server that answers CONNECT with some bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        with suppress(OSError):
            await reader.read(1000)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def trouble(address: BrokerAddress, monkeypatch: pytest.MonkeyPatch, answer_s_max: float = 0.5) -> str:
    """Run a link until it says what is wrong."""
    monkeypatch.setattr(module, "ANSWER_S_MAX", answer_s_max)
    link = BrokerLink("bulk", address, ["haechi/v1/+/+/up/live"], nobody, 10, lambda: 0)
    before = link.trouble
    task = asyncio.create_task(link.run())
    async with asyncio.timeout(10):
        while link.trouble == before:  # noqa: ASYNC110 - it tells nobody but who looks
            await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return str(link.trouble)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"\x20\x02\x00\x01", "MQTT 5"),  # MQTT 3.1.1: unacceptable protocol version
        (b"", "MQTT 5"),
        (b"\x20\x03\x00\x86\x00", "Bad User Name or Password"),
        (b"\x20\x03\x00\x87\x00", "Not authorized"),
    ],
)
async def test_a_broker_that_does_not_want_us_is_told_apart(
    answer: bytes, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with broker(answer) as port:
        assert expected in await trouble(BrokerAddress("127.0.0.1", port), monkeypatch)


async def test_a_connection_that_ends_unanswered_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        address = BrokerAddress("127.0.0.1", server.sockets[0].getsockname()[1])
        assert "unanswered" in await trouble(address, monkeypatch, answer_s_max=3600)


async def test_a_broker_that_is_not_there_and_files_that_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = tmp_path / "nowhere"
    assert "cannot be reached" in await trouble(BrokerAddress("127.0.0.1", 1), monkeypatch)
    assert "password file" in await trouble(
        BrokerAddress("127.0.0.1", 1, username="u", password_file=nowhere), monkeypatch
    )
    assert "CA file" in await trouble(BrokerAddress("127.0.0.1", 1, tls=True, ca_file=nowhere), monkeypatch)
