"""Clips that somebody asks for: to which camera the order goes, and what is told of one that is not to come.

Promise: whoever asks learns of every clip that is not to come, with its reason; what waits is bounded.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable

from haechi.contract.control import MISSED_CLIPS_MAX, Command, MissedClip
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.messages import ClipWanted
from haechi.edge.vision.orders import Orders
from haechi.text import _

_log = logging.getLogger("haechi.edge.clips")


class MissedClips:
    """The last clips of all cameras that are not to come, for the status."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        """Begin with none; ``now_us`` says when one was missed."""
        self._now_us = now_us
        self._newest: deque[MissedClip] = deque(maxlen=MISSED_CLIPS_MAX)
        self.on_change: Callable[[], None] = lambda: None
        """Called when there is one more."""

    @property
    def newest(self) -> tuple[MissedClip, ...]:
        """Oldest first."""
        return tuple(self._newest)

    def tell(self, event: str, reason: str) -> None:
        """Take one that is not to come."""
        self._newest.append(MissedClip(event=event, at_us=self._now_us(), reason=reason))
        self.on_change()


class ClipOrders:
    """Hands what people ask for to the cameras."""

    def __init__(self, cameras: Iterable[CameraConfig], now_us: Callable[[], int], missed: MissedClips) -> None:
        """Begin without an order.

        Args:
            cameras: those of this gateway.
            now_us: tells how old an order is.
            missed: takes what is not to come.
        """
        self._of = {camera.id: Orders() for camera in cameras}
        self._now_us, self._missed = now_us, missed

    def of(self, camera: CameraConfig) -> Orders:
        """Return what is asked of one camera."""
        return self._of[camera.id]

    def take(self, command: Command) -> None:
        """Take what somebody asks for."""
        if command.event is None:
            _log.warning("command %s: it names no event", command.id)
            return
        orders = self._of.get(command.thing or "")
        if orders is None:
            self._missed.tell(command.event, _("there is no camera {id} here").format(id=command.thing))
            return
        age_s = 0.0 if command.at_us is None else max(0.0, (self._now_us() - command.at_us) / 1e6)
        gone = orders.give(ClipWanted(event=command.event, age_s=age_s, asked=True))
        if gone is not None:
            self._missed.tell(gone.event, _("too many clips are asked for at a time"))
