"""The board's counter, which never turns over here, and the time of day once a time server has told it. No I/O.

Runs on MicroPython and on CPython alike. A board that stays connected for months asks the time server as often as one
that does not: what it was told holds for twelve hours, and only a new answer makes it hold longer.
"""

ASK_EVERY_MS = 6 * 3600 * 1000
ASK_AGAIN_MS = 30_000
"""After a time server did not answer."""
HOLDS_MS = 2 * ASK_EVERY_MS
"""A board's oscillator drifts by less than a second in so long."""


class Clock:
    """Counter and time of day; some method of it must be called at least once in six days, before the board's turns."""

    def __init__(self, ticks_ms: object, ticks_diff: object, unix_ms: object, ask: object) -> None:
        """Keep what is given.

        Args:
            ticks_ms: ``time.ticks_ms``, which turns over.
            ticks_diff: ``time.ticks_diff``.
            unix_ms: returns milliseconds since 1970 by the board's own calendar, whatever that says.
            ask: sets the calendar by a time server; raises ``OSError``, ``ValueError`` or ``IndexError`` where none
                answers.
        """
        self._ticks_ms, self._ticks_diff = ticks_ms, ticks_diff
        self._unix_ms, self._ask = unix_ms, ask
        self._ticks = ticks_ms()
        self._now_ms = 0
        self._told_ms = None
        self._due_ms = 0

    def now_ms(self) -> int:
        """Return how long ago this began."""
        ticks = self._ticks_ms()
        self._now_ms += self._ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._now_ms

    def since_ms(self, then_ms: int) -> int:
        """Return how long ago :meth:`now_ms` said ``then_ms``."""
        return self.now_ms() - then_ms

    def time_ms(self) -> "int | None":
        """Return milliseconds since 1970; None while nobody has told the time, or not for twelve hours."""
        if self._told_ms is None or self.since_ms(self._told_ms) > HOLDS_MS:
            return None
        return self._unix_ms()

    def tend(self) -> bool:
        """Ask the time server where that is due, which may take a second; return whether it was asked."""
        if self.now_ms() < self._due_ms:
            return False
        try:
            self._ask()
        except (OSError, ValueError, IndexError):
            self._due_ms = self.now_ms() + ASK_AGAIN_MS
        else:
            self._told_ms = self.now_ms()
            self._due_ms = self._told_ms + ASK_EVERY_MS
        return True
