"""Whether a stream sends anew what it sent before. Pure.

Promise: a packet with the time stamp and the content of one of the last :data:`REMEMBERED` is told as a repeat. So
sends an encoder that is stuck in the same few pictures. Neither alone proves anything: the same film played in a
loop goes on in time, and a camera whose clock is set back comes by the same times with other pictures.
"""

from __future__ import annotations

REMEMBERED = 256
"""Ten seconds of packets: as many as most cameras send from one key frame to the next, or more."""


class Repeats:
    """The last packets of one stream."""

    def __init__(self) -> None:
        """Nothing came yet."""
        self._known: dict[tuple[int, int], None] = {}

    def is_new(self, stamp: int | None, content: bytes) -> bool:
        """Takes note of a packet; whether it is none that came before.

        Args:
            stamp: the stream's own time of it; without one every packet is new.
            content: its bytes.
        """
        if stamp is None:
            return True
        key = (stamp, hash(content))
        is_new = key not in self._known
        self._known[key] = None
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        return is_new
