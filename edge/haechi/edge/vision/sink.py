"""Where a gateway takes what its cameras report: the one thing that whoever runs cameras has to bring.

Promise asked for: what waits returns when it is kept, for the camera's process is held up until then; what does not
wait returns at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from haechi.contract.events import Event, Evidence
from haechi.contract.observations import Reading
from haechi.edge.vision.messages import Health


class CameraSink(Protocol):
    """Where the gateway takes what its cameras report."""

    async def reading(self, reading: Reading) -> None:
        """Takes the counts of one period."""
        ...

    async def event(self, event: Event, evidence: Sequence[Evidence]) -> None:
        """Takes an event and its pictures; the camera waits until it returns."""
        ...

    async def original(self, event: str, sealed: bytes, time_us: int, media_type: str) -> None:
        """Takes what is to be kept sealed."""
        ...

    def no_originals(self, camera: str, reason: str) -> None:
        """Takes why nothing can be sealed, though the configuration asks for it; empty when it can."""
        ...

    async def clip(self, clip: Evidence) -> None:
        """Takes a clip of an event that it took before."""
        ...

    async def clip_missed(self, event: str, reason: str) -> None:
        """Takes that a clip that was wanted is not to come."""
        ...

    def status(self, camera: str, health: Health, restarts: int) -> None:
        """Takes how a camera is doing."""
        ...
