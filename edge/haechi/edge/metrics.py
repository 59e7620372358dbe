"""What the gateway counts, as Prometheus reads it (text format 0.0.4), on a loopback port. Off unless configured.

Promise: every drop, retry, refusal, eviction and loss is there by its cause, with the depth and the age of what waits.
A reader that is slow, many or rude costs nothing but its own answer.
"""

import asyncio
import resource
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

from haechi.contract.control import ComponentStatus
from haechi.edge.outbox import Figures
from haechi.sdk.errors import NotConnected
from haechi.text import _

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES = ("starting", "running", "retrying", "failed", "stopped")
Labels = tuple[tuple[str, str], ...]
_READERS_MAX = 8
_PATIENCE_S = 5.0
_TRY_AGAIN_S = 30.0
_PAGE_BYTES = resource.getpagesize()


class Page:
    """Writes families of samples in the text format."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lines: list[str] = []

    def family(self, name: str, kind: str, text: str, samples: Mapping[Labels, float]) -> None:
        """Add a family: ``kind`` is counter, gauge or untyped; ``samples`` maps labels to values."""
        self._lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        for labels, value in samples.items():
            shown = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels)
            self._lines.append(f"{name}{{{shown}}} {value!r}" if shown else f"{name} {value!r}")

    def one(self, name: str, kind: str, text: str, value: float | None) -> None:
        """Add a family of one sample without labels; None leaves it out."""
        if value is not None:
            self.family(name, kind, text, {(): value})

    def text(self) -> str:
        """Return the page."""
        return "\n".join((*self._lines, ""))


def page(
    *,
    software: str,
    figures: Figures,
    components: tuple[ComponentStatus, ...],
    retries: Mapping[str, int],
    problems: int,
    in_memory: bool,
    connected: bool,
    in_flight: int,
    now_us: int,
) -> str:
    """Return everything as text."""
    made = Page()
    made.family("haechi_gateway_info", "gauge", "Which software runs.", {(("software", software),): 1})
    made.one("haechi_gateway_problems", "gauge", "What is wrong with the gateway itself, in lines.", problems)
    for name, kind, text, value in _outbox(figures, in_memory, now_us):
        made.one(name, kind, text, value)
    for name, text, lost in (
        ("haechi_outbox_lost_parcels_total", "Committed and lost, by cause; each is reported.", figures.parcels_lost),
        ("haechi_outbox_lost_observations_total", "What was in them, where it was known.", figures.observations_lost),
    ):
        by_cause: dict[Labels, float] = {(("cause", cause),): count for cause, count in sorted(lost.items())}
        made.family(name, "counter", text, by_cause)
    made.one("haechi_uplink_connected", "gauge", "Whether the broker has let us in.", int(connected))
    made.one("haechi_uplink_in_flight_parcels", "gauge", "Sent and not acknowledged end to end.", in_flight)
    of = {part.id: (("component", part.id), ("kind", part.kind)) for part in components}
    made.family(
        "haechi_component_state",
        "gauge",
        "1 for the state that a device, camera or part is in.",
        {(*of[part.id], ("state", state)): int(part.state == state) for part in components for state in STATES},
    )
    made.family(
        "haechi_component_retries_total",
        "counter",
        "How often a device, camera or part had to be tried again.",
        {of[part.id]: retries.get(part.id, 0) for part in components},
    )
    made.family(
        "haechi_component_counter",
        "untyped",
        "What a device, camera or part counts itself, by name.",
        {(*of[part.id], ("counter", name)): count for part in components for name, count in part.counters.items()},
    )
    made.one("process_resident_memory_bytes", "gauge", "Memory in use.", _resident_bytes())
    usage = resource.getrusage(resource.RUSAGE_SELF)
    made.one("process_cpu_seconds_total", "counter", "CPU time used.", usage.ru_utime + usage.ru_stime)
    return made.text()


def _outbox(figures: Figures, in_memory: bool, now_us: int) -> Iterator[tuple[str, str, str, float]]:
    age_s = 0.0 if figures.oldest_us is None else max(0.0, (now_us - figures.oldest_us) / 1e6)
    yield "haechi_outbox_parcels", "gauge", "Parcels that wait.", figures.parcels
    yield "haechi_outbox_bytes", "gauge", "Bytes that wait.", figures.bytes
    yield "haechi_outbox_kept_bytes", "gauge", "Bytes of all parcels, acknowledged ones included.", figures.bytes_kept
    yield "haechi_outbox_max_bytes", "gauge", "What the outbox may hold.", figures.bytes_max
    yield "haechi_outbox_oldest_seconds", "gauge", "Age of the oldest parcel that waits.", age_s
    yield "haechi_outbox_in_memory", "gauge", "1 while the disk refuses and memory stands in.", int(in_memory)
    committed = "haechi_outbox_observations_committed_total"
    yield committed, "counter", "Observations ever committed.", figures.observations_committed
    yield "haechi_outbox_events_committed_total", "counter", "Events ever committed.", figures.events_committed
    evicted = "haechi_outbox_evicted_parcels_total"
    yield evicted, "counter", "Acknowledged parcels that made room.", figures.parcels_evicted
    yield "haechi_outbox_gaps_total", "counter", "Times of which something may be missing unnamed.", figures.gaps


async def serve(host: str, port: int, read: Callable[[], Awaitable[str]], on_listening: Callable[[int], None]) -> None:
    """Answer ``GET /metrics`` until cancelled; ``on_listening`` is told the port when it begins to.

    Raises:
        NotConnected: the port cannot be had; try again.
    """
    readers = asyncio.Semaphore(_READERS_MAX)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S), readers:
                head = await reader.readuntil(b"\r\n\r\n")
                found = head.startswith((b"GET /metrics ", b"GET /metrics?"))
                body = (await read()).encode() if found else b"GET /metrics\n"
                state = "200 OK" if found else "404 Not Found"
                writer.write(
                    f"HTTP/1.1 {state}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n"
                    "Connection: close\r\n\r\n".encode()
                )
                writer.write(body)
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    try:
        server = await asyncio.start_server(answer, host, port, limit=8192)
    except OSError as error:
        where = f"metrics.listen = {host}:{port}"
        line = _("{where}: cannot be used: {reason}").format(where=where, reason=error.strerror or error)
        raise NotConnected(line, _TRY_AGAIN_S) from error
    on_listening(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


def _resident_bytes() -> int | None:
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return None


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
