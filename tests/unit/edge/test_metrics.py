"""What Prometheus reads."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from haechi.contract.control import ComponentStatus
from haechi.edge import metrics
from haechi.edge.outbox import Figures
from haechi.sdk.errors import NotConnected

FIGURES = Figures(3, 3000, 9000, 10_000, 1_000_000, 70, 2, 5, {"quota": 4, "disk": 1}, {"quota": 40}, 6)


def page(detail: str = "") -> str:
    return metrics.page(
        software="haechi 1",
        figures=FIGURES,
        components=(
            ComponentStatus(id="river-1", kind="modbus", state="retrying", detail=detail, counters={"timeouts": 7}),
        ),
        retries={"river-1": 2},
        problems=1,
        in_memory=True,
        connected=False,
        in_flight=9,
        now_us=61_000_000,
    )


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_everything_that_waits_was_lost_or_retried_is_there() -> None:
    found = samples(page())
    river = ("component=river-1", "kind=modbus")
    expected = {
        ("haechi_outbox_parcels",): 3,
        ("haechi_outbox_oldest_seconds",): 60,
        ("haechi_outbox_in_memory",): 1,
        ("haechi_outbox_lost_parcels_total", "cause=quota"): 4,
        ("haechi_outbox_lost_parcels_total", "cause=disk"): 1,
        ("haechi_outbox_lost_observations_total", "cause=quota"): 40,
        ("haechi_outbox_gaps_total",): 6,
        ("haechi_outbox_evicted_parcels_total",): 5,
        ("haechi_uplink_connected",): 0,
        ("haechi_component_retries_total", *river): 2,
        ("haechi_component_state", *river, "state=retrying"): 1,
        ("haechi_component_state", *river, "state=running"): 0,
        ("haechi_component_counter", "component=river-1", "counter=timeouts", "kind=modbus"): 7,
    }
    assert expected.items() <= found.items()
    assert found["process_resident_memory_bytes",] > 1e6


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[int]:
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def read() -> str:
        return page()

    serving = asyncio.create_task(metrics.serve("127.0.0.1", 0, read, listening.set_result))
    try:
        yield await listening
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


async def test_it_is_answered_over_http() -> None:
    async with served() as port:
        answer = await ask(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert f"Content-Length: {len(body)}".encode() in head
        assert samples(body.decode())["haechi_outbox_parcels",] == 3
        assert (await ask(port, b"GET /secrets HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 404")
        with contextlib.suppress(ConnectionError):
            assert await ask(port, b"x" * 100_000) == b""
        assert (await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def test_a_port_that_is_taken_is_tried_again() -> None:
    async with served() as port:

        async def read() -> str:
            return ""

        with pytest.raises(NotConnected, match=f"metrics.listen = 127.0.0.1:{port}"):
            await metrics.serve("127.0.0.1", port, read, lambda _port: None)
