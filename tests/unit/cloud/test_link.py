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


class Taker:
    """Takes messages and never has them stored."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.let_go = 0

    async def __call__(self, arrival: Arrival) -> None:
        self.taken.append(arrival.payload)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.let_go += 1
            raise


CONNACK, SUBACK = b"\x20\x03\x00\x00\x00", b"\x90\x04\x00\x01\x00\x01"


def published(number: int, qos: int) -> bytes:
    """MQTT 5.0's PUBLISH (section 3.3) with one byte of payload."""
    topic = b"haechi/v1/city/g/up/live"
    rest = len(topic).to_bytes(2, "big") + topic + (number.to_bytes(2, "big") if qos else b"") + b"\x00x"
    return bytes([0x30 | qos << 1, len(rest)]) + rest


async def test_a_lost_connection_lets_go_of_what_it_brought_and_nothing_at_qos_0_is_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    taker, passed_over, connections = Taker(), 0, 0
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        await reader.read(1000)
        writer.write(CONNACK)
        await reader.read(1000)
        writer.write(SUBACK + b"".join(published(number, 1) for number in range(1, 6)) + published(0, 0))
        while len(taker.taken) < 5 * (connections + 1):  # noqa: ASYNC110 - it tells nobody but who looks
            await asyncio.sleep(0.001)
        connections += 1
        if connections == 3:
            over.set()
        writer.transport.abort()

    def count(_link: str) -> None:
        nonlocal passed_over
        passed_over += 1

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        address = BrokerAddress("127.0.0.1", server.sockets[0].getsockname()[1])
        link = BrokerLink("bulk", address, ["haechi/v1/+/+/up/live"], taker, 10, lambda: 0, passed_over=count)
        task = asyncio.create_task(link.run())
        async with asyncio.timeout(10):
            await over.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
    assert (len(taker.taken), taker.let_go, passed_over) == (15, 15, 3)
    assert [record for record in caplog.records if record.name == "asyncio"] == [], "no traceback for each message"


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
