"""A desk over a journal of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from haechi.edge.outbox.queue import Outbox
from support.command_desk import NOW_US, Post, Scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    outbox = await Outbox.open(tmp_path, 10**7, lambda newest_us: max(newest_us, NOW_US))
    made = Scene(outbox, Post())
    made.new_desk()
    yield made
    await outbox.close()
