"""The child's ears: commands as they come from the gateway, each carried out in a task of its own.

The gateway gives one command at a time; whatever it gives, no more than a few are under way.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from haechi.sdk.isolation.messages import TO_CHILD, Messages, Tell

_CHUNK_BYTES = 65536
_UNDER_WAY_MAX = 4


class Ears:
    """An async context manager: within, what is told on a descriptor is obeyed."""

    def __init__(self, descriptor: int, obey: Callable[[Tell], Coroutine[Any, Any, None]]) -> None:
        """``obey`` is called for every command."""
        self._descriptor, self._obey = descriptor, obey
        self._commands = Messages(TO_CHILD)
        self._under_way: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._descriptor, self._hear)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _hear(self) -> None:
        data = os.read(self._descriptor, _CHUNK_BYTES)
        if not data:  # the gateway has ended, and with it this process
            asyncio.get_running_loop().remove_reader(self._descriptor)
            return
        for tell in self._commands.feed(data):
            if len(self._under_way) < _UNDER_WAY_MAX:  # else it goes without an answer, which says that nobody knows
                task = asyncio.create_task(self._obey(tell))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
