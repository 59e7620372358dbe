"""A recorder that runs."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.recorder_desk import Desk, opened


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as made:
        await made.recorder.begin()
        running = asyncio.create_task(made.recorder.run())
        made.committed.clear()
        yield made
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
