"""Contacts bounce for some milliseconds when they open or close. What counts, and what is bouncing. No I/O."""


class Steady:
    """One contact: a state counts when it has lasted long enough."""

    def __init__(self, debounce_s: float) -> None:
        """Begin without a state."""
        self.state: bool | None = None
        """The state that counts; None before there was any."""
        self._debounce_s = debounce_s
        self._seen: bool | None = None
        self._since_s = 0.0

    @property
    def due_s(self) -> float | None:
        """When the state that is seen will count; None where it does already."""
        return None if self._seen == self.state else self._since_s + self._debounce_s

    def see(self, state: bool, now_s: float) -> None:
        """Learn how the contact stands, after an edge or when asked; the first state counts at once."""
        if self.state is None:
            self.state = self._seen = state
        elif state != self._seen:
            self._seen, self._since_s = state, now_s

    def settle(self, now_s: float) -> bool:
        """Tell whether another state counts from now on."""
        due_s = self.due_s
        if due_s is None or now_s < due_s:
            return False
        self.state = self._seen
        return True


class PulseCount:
    """One counter: closing counts, and closing again within the bouncing time does not."""

    def __init__(self, debounce_ns: int) -> None:
        """Begin at zero."""
        self.count = 0
        self._debounce_ns = debounce_ns
        self._last_ns: int | None = None

    def see(self, is_closed: bool, time_ns: int) -> bool:
        """Learn of an edge; return False where it was bouncing.

        Opening begins the time anew as well: a contact bounces both ways, and closing while it opens is no pulse.
        """
        is_bouncing = self._last_ns is not None and time_ns - self._last_ns < self._debounce_ns
        self._last_ns = time_ns
        if is_closed and not is_bouncing:
            self.count += 1
        return not is_bouncing
