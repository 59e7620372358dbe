"""Bytes a day over a metered link. Pure: the time comes as an argument.

Promise: what can wait is spread over the day (UTC) so that the budget holds, with half an hour's worth in hand and a
tenth kept for alarms. Alarms always go, whatever was spent. Everything is counted, both ways, with what the protocols
around it cost.
"""

_DAY_US = 86_400_000_000
_BURST_PART = 1 / 48
_FOR_ALARMS_PART = 0.1
MESSAGE_BYTES = 160
"""What a message costs beside topic and content: MQTT header and PUBACK, TLS records, TCP and IP headers."""


class Budget:
    """What was spent today, and whether more may be."""

    def __init__(self, bytes_per_day: int | None) -> None:
        """None counts only."""
        self.bytes_per_day = bytes_per_day
        self.day = 0
        """Days since 1970."""
        self.bytes_today = 0
        self.waits = 0
        """How often it began to hold something back."""
        self._holds = False

    def remember(self, day: int, bytes_today: int) -> None:
        """Take over what was spent before a restart."""
        self.day, self.bytes_today = day, bytes_today

    def spend(self, size: int, now_us: int) -> None:
        """Count a message of ``size`` bytes, sent or received."""
        self._turn(now_us)
        self.bytes_today += size + MESSAGE_BYTES

    def allows(self, size: int, now_us: int) -> bool:
        """Tell whether something that can wait may go now."""
        self._turn(now_us)
        if self.bytes_per_day is None:
            return True
        part = min(1.0, now_us % _DAY_US / _DAY_US + _BURST_PART)
        allowed = self.bytes_today + size + MESSAGE_BYTES <= self.bytes_per_day * (1 - _FOR_ALARMS_PART) * part
        self.waits += not allowed and not self._holds
        self._holds = not allowed
        return allowed

    def _turn(self, now_us: int) -> None:
        if now_us // _DAY_US != self.day:
            self.day, self.bytes_today = now_us // _DAY_US, 0
