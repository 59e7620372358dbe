"""Ending: whoever was started is ended, also who swallows being told so."""

import asyncio
import contextlib
import subprocess
import sys

from haechi.edge import agent


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
    await agent._cancelled(tasks)
    assert all(task.cancelled() for task in tasks)
    assert swallowed == 2


def test_a_gateway_without_cameras_loads_none_of_their_libraries() -> None:
    """Each of them costs ten megabytes and more of the sixty that it may take."""
    heavy = ("numpy", "cv2", "av", "onnxruntime", "cryptography", "gpiod")
    code = f"import sys, haechi.edge.agent; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
