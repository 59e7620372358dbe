"""When a camera that gives no pictures is tried again. Pure.

Promise: soon after it worked, then with pauses that grow to :data:`RETRY_MAX_S`. One that refuses user or password is
asked seldom, for cameras lock out, often for half an hour, whoever comes with a wrong one some five times within it.
"""

from __future__ import annotations

_RETRY_FIRST_S, RETRY_MAX_S = 1.0, 30.0
_REFUSED_S = (10.0, 60.0)
"""A camera that has just been turned on may refuse what it takes a moment later."""
REFUSED_MAX_S = 600.0


class Retrying:
    """The pauses of one camera."""

    def __init__(self) -> None:
        """Nothing has failed yet."""
        self._retry_s = _RETRY_FIRST_S
        self._refusals = 0

    def worked(self) -> None:
        """A picture came."""
        self._retry_s, self._refusals = _RETRY_FIRST_S, 0

    def pause_s(self, *, is_refused: bool) -> float:
        """How long to wait now that it failed.

        Args:
            is_refused: user or password.
        """
        if is_refused:
            self._refusals += 1
            return _REFUSED_S[self._refusals - 1] if self._refusals <= len(_REFUSED_S) else REFUSED_MAX_S
        pause_s, self._retry_s = self._retry_s, min(self._retry_s * 2, RETRY_MAX_S)
        return pause_s
