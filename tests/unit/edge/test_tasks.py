"""Ending: whoever was started is ended, also who swallows being told so."""

import asyncio
import contextlib

from haechi.edge.tasks import cancelled


async def test_a_task_that_swallows_its_cancellation_is_told_again() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while swallowed < 2:
            with contextlib.suppress(asyncio.CancelledError):
                swallowed += 1
                await asyncio.get_running_loop().create_future()
        await asyncio.get_running_loop().create_future()

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(asyncio.sleep(60))]
    await asyncio.sleep(0)
    await cancelled(tasks)
    assert all(task.cancelled() for task in tasks)
    assert swallowed == 2
