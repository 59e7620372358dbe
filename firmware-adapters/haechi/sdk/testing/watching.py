"""What rules watch in their own process: who keeps the event loop, which tasks go on, and how much memory is held."""

# ruff: noqa: S101 - this is a part of a test suite: asserts are its business

import asyncio
import gc
import sys
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from haechi.sdk.clock import MonotonicClock

_HELD_S_MAX = 0.15
_LOOKS_S = 0.01
_ENDS_S = 2.0
_SCHEDULED = Path("/proc/thread-self/schedstat")


@asynccontextmanager
async def watched() -> AsyncIterator[list[float]]:
    """Watch the event loop; yields for how long, in seconds, somebody kept it who was not waiting for a processor."""
    held: list[float] = []

    async def watch() -> None:
        clock = MonotonicClock()
        while True:
            then_s, waited_s = clock.now(), _waited_s()
            await asyncio.sleep(_LOOKS_S)
            kept_s = clock.now() - then_s - (_waited_s() - waited_s) - _LOOKS_S
            if kept_s > _HELD_S_MAX:
                held.append(kept_s)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        yield held
        await asyncio.sleep(_LOOKS_S)
    finally:
        watching.cancel()


def _waited_s() -> float:
    """Return for how long this thread has waited for a processor that was busy with others."""
    try:
        return int(_SCHEDULED.read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


async def ended(before: set["asyncio.Task[Any]"]) -> None:
    """Wait until every task that was begun since ``before`` has ended; a simulator's end a moment after the adapter."""
    left: set[asyncio.Task[Any]] = set()
    with suppress(TimeoutError):
        async with asyncio.timeout(_ENDS_S):
            while left := asyncio.all_tasks() - before:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.002)
    assert not left, f"its task {next(iter(left)).get_coro()} goes on after it was closed"


def objects() -> int:
    """Return how many pieces of memory this process holds."""
    gc.collect()
    return sys.getallocatedblocks()


def traced_bytes() -> int:
    """Return how many bytes are held of what was allocated since tracing began."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
