"""Lanes of the intake: messages wait in the order in which they came, and are taken in batches.

A lane has no bound of its own: the broker gives no more unacknowledged messages than the window of its connection, and
what waits for a connection that is lost is let go.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass

from haechi.cloud.event_broker.arrivals import Arrival

BATCH_MESSAGES_MAX = 256
BATCH_BYTES_MAX = 4 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Waiting:
    """A message, and the word that it is durable."""

    arrival: Arrival
    done: "asyncio.Future[None]"


class Lane:
    """Messages in the order in which they came, taken in batches."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._some = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, waiting: Waiting) -> None:
        """Add a message."""
        self._waiting.append(waiting)
        self._some.set()

    def let_go(self, waiting: Waiting) -> None:
        """Forget a message for which nobody waits any more; nothing happens when it has been taken."""
        with contextlib.suppress(ValueError):
            self._waiting.remove(waiting)

    async def batch(self) -> deque[Waiting]:
        """Wait for messages and take what has come, up to a batch."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        taken: deque[Waiting] = deque()
        size = 0
        while self._waiting and len(taken) < BATCH_MESSAGES_MAX and size < BATCH_BYTES_MAX:
            taken.append(self._waiting.popleft())
            size += len(taken[-1].arrival.payload)
        return taken
