"""Packets of a live stream, read as they come, so that slow decoding never makes the camera wait.

Promise: what is taken out is hardly older than :data:`LATE_S`, whatever decoding costs. Left in the socket, packets of
a stream that is too costly would pile up there, and its pictures would be shown ever later as if they were of now. When
decoding falls behind, what came before the newest key frame is left out and counted; without a newer one, all until the
next comes. Never more than :data:`BYTES_MAX` are held.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, Protocol, TypeVar

LATE_S = 1.0
BYTES_MAX = 16 * 1024 * 1024
_KEY_AWAITED_S = 10.0  # some encoders refresh pictures bit by bit and send no key frame after the first


class Packet(Protocol):
    """What is asked of a packet."""

    @property
    def is_keyframe(self) -> bool:
        """Whether a picture can be decoded from it alone."""
        ...

    @property
    def size(self) -> int:
        """In bytes."""
        ...


P = TypeVar("P", bound=Packet)


class Arrived(NamedTuple, Generic[P]):
    """A packet."""

    packet: P
    at_s: float
    """When it came."""
    anew: bool
    """What came before it was left out: a decoder has to forget what it knows."""


class Arrivals(Generic[P]):
    """Reads in a thread of its own; whoever decodes takes."""

    def __init__(self, packets: Iterator[P], *, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Begins to read.

        Args:
            packets: the stream's; they end when it gives no more.
            clock_s: only rises.
        """
        self._packets = packets
        self._clock_s = clock_s
        self._changed = threading.Condition()
        self._waiting: deque[tuple[P, float]] = deque()
        self._bytes = 0
        self._gap = False
        self._key_awaited_until_s: float | None = None
        self._over = self._stopped = False
        self.left_out = 0
        """Packets that were never taken because newer ones had come."""
        self.cpu_s = 0.0
        """Computing time that reading took."""
        self._thread = threading.Thread(target=self._read, name="arrivals", daemon=True)
        self._thread.start()

    def take(self) -> Arrived[P] | None:
        """Waits for the next packet that is worth decoding; None when the stream gives no more."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._waiting or self._over)
                if not self._waiting:
                    return None
                self._leave_out_late()
                if self._waiting:
                    packet, at_s = self._waiting.popleft()
                    self._bytes -= packet.size
                    anew, self._gap = self._gap, False
                    return Arrived(packet, at_s, anew)

    def stop(self, timeout_s: float) -> bool:
        """Reads no further; whether it ended in that time, and what it read from may be closed."""
        with self._changed:
            self._stopped = True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _read(self) -> None:
        try:
            for packet in self._packets:
                self.cpu_s = time.thread_time()
                with self._changed:
                    if self._stopped:
                        return
                    self._put(packet, self._clock_s())
                    self._changed.notify()
        finally:
            with self._changed:
                self._over = True
                self._changed.notify()

    def _put(self, packet: P, now_s: float) -> None:
        if self._key_awaited_until_s is not None:
            if not packet.is_keyframe and now_s < self._key_awaited_until_s:
                self.left_out += 1
                return
            self._key_awaited_until_s = None
        if self._bytes + packet.size > BYTES_MAX:
            self._leave_out(len(self._waiting))
            if not packet.is_keyframe:
                self.left_out += 1
                self._key_awaited_until_s = now_s + _KEY_AWAITED_S
                return
        self._waiting.append((packet, now_s))
        self._bytes += packet.size

    def _leave_out_late(self) -> None:
        first, at_s = self._waiting[0]
        now_s = self._clock_s()
        if now_s - at_s <= LATE_S:
            return
        newest_key = next((n for n in range(len(self._waiting) - 1, 0, -1) if self._waiting[n][0].is_keyframe), 0)
        if newest_key:
            self._leave_out(newest_key)
        elif not first.is_keyframe:
            self._leave_out(len(self._waiting))
            self._key_awaited_until_s = now_s + _KEY_AWAITED_S

    def _leave_out(self, count: int) -> None:
        for _ in range(count):
            packet, _at_s = self._waiting.popleft()
            self._bytes -= packet.size
        self.left_out += count
        self._gap = True
