"""Tasks that are started together, watched together and ended together.

Promise: what one of them ends with is not kept from who waits for them, and whoever is told to end is told until it
has ended, for at most some seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

_log = logging.getLogger("haechi.edge.tasks")
_CANCELS_MAX, _CANCEL_S = 5, 1.0


def started(*work: Coroutine[Any, Any, None]) -> list[asyncio.Task[None]]:
    """Start each as a task of its own."""
    return [asyncio.create_task(each) for each in work]


async def first_end(stopping: asyncio.Task[Any], tasks: list[asyncio.Task[None]]) -> None:
    """Wait for the stop; raise what a task ends with before it. A task that ends in peace is not missed."""
    waiting = {stopping, *tasks}
    while not stopping.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def cancelled(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel until all have ended: a library may swallow a cancellation that meets its result in the same turn.

    Who does not end within some seconds is left behind, as a partner's adapter must not keep a gateway from stopping.
    """
    pending = set(tasks)
    for _try in range(_CANCELS_MAX):
        for task in pending:
            task.cancel()
        if not pending:
            break
        _ended, pending = await asyncio.wait(pending, timeout=_CANCEL_S)
    for task in pending:
        _log.error("%s does not end and is left behind", task.get_coro())
    for task in set(tasks) - pending:
        if not task.cancelled():
            task.exception()  # it was told before, by who supervises it
