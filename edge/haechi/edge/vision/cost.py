"""What decoding a camera's stream costs this machine. Pure; time is an argument.

Promise: a stream that is too dear (more than half of a core, or more than decoding keeps up with) is named in one line
with its size, codec and measured cost, some seconds after it became so, and no more when it no longer is.
"""

from __future__ import annotations

from typing import NamedTuple

from haechi.text import _

_EVERY_S = 5.0
_SHARE_MAX = 0.5  # of one core; four cameras share a small computer


class Spent(NamedTuple):
    """What one capture has spent so far."""

    cpu_s: float
    decoded: int
    left_out: int
    """Pictures that were not decoded, because decoding did not keep up."""


class DecodingCost:
    """The cost of one camera over its captures."""

    def __init__(self, now_s: float) -> None:
        """Begins with nothing; `now_s` is of a clock that only rises."""
        self._since_s, self._before = now_s, Spent(0.0, 0, 0)
        self.share = 0.0
        """Of one core."""
        self.complaint = ""
        """One line for people; empty while the stream is not too dear."""

    def account(self, now_s: float, spent: Spent, stream: str) -> bool:
        """Takes a capture's spending into account; whether there is a new figure.

        Args:
            now_s: of the same clock.
            spent: since the capture began.
            stream: its size and codec, for people.
        """
        before = self._before
        of_another = spent.cpu_s < before.cpu_s or spent.decoded < before.decoded
        elapsed_s = now_s - self._since_s
        if not of_another and elapsed_s < _EVERY_S:
            return False
        self._since_s, self._before = now_s, spent
        if of_another:
            return False
        self.share = (spent.cpu_s - before.cpu_s) / elapsed_s
        self.complaint = self._complaint(spent.decoded - before.decoded, spent.left_out - before.left_out, stream)
        return True

    def _complaint(self, decoded: int, left_out: int, stream: str) -> str:
        if left_out:
            text = _(
                "decoding {stream} takes {percent:.0f} % of a core and keeps up with {kept:.0f} % of its pictures: "
                "choose a smaller stream of the camera in url"
            )
            kept = 100 * decoded / (decoded + left_out)
            return text.format(stream=stream, percent=100 * self.share, kept=kept)
        if self.share > _SHARE_MAX:
            text = _("decoding {stream} takes {percent:.0f} % of a core: choose a smaller stream of the camera in url")
            return text.format(stream=stream, percent=100 * self.share)
        return ""
