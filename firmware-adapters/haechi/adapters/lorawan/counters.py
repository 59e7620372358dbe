"""Frame counters: which uplink of a device is new, which came before, and how many are missing. No I/O.

A counter rises by one with every frame (LoRaWAN L2 1.0.4, 4.3.1.5) and begins anew when a device joins, or restarts
without joining. A confirmed frame that got no answer is sent again with the same counter. A network server sorts most
of that out; brokers, and network servers that are told not to look, bring it back.
"""

from dataclasses import dataclass
from enum import Enum

from haechi.adapters.lorawan.uplinks import Uplink

_RETRANSMITTED_US = 120_000_000
"""For so long the same frame may be sent again; eight tries at the slowest data rate take less."""


class Verdict(Enum):
    """What an uplink is."""

    NEW = "new"
    RESTARTED = "restarted"
    """New, and its counter began anew."""
    DUPLICATE = "duplicate"
    OLD = "old"
    """From before the newest one; it was late, or somebody plays it again."""


@dataclass
class FrameCounter:
    """What is known of one device."""

    newest: Uplink | None = None
    newest_us: int = 0
    missed: int = 0
    """Frames that the newest one proves to be missing before it."""

    def judge(self, uplink: Uplink, time_us: int) -> Verdict:
        """Return what ``uplink``, received at ``time_us``, is; remember it where it is new."""
        verdict = self._verdict(uplink, time_us)
        if verdict in (Verdict.NEW, Verdict.RESTARTED):
            before = self.newest
            is_next = verdict is Verdict.NEW and before is not None
            self.missed = uplink.counter - before.counter - 1 if is_next and before is not None else 0
            self.newest, self.newest_us = uplink, time_us
        return verdict

    def _verdict(self, uplink: Uplink, time_us: int) -> Verdict:
        newest = self.newest
        if newest is None:
            return Verdict.NEW
        is_later = time_us > self.newest_us
        if uplink.session == newest.session:
            if uplink.counter > newest.counter:
                return Verdict.NEW
            if uplink.counter == newest.counter and (uplink.port, uplink.payload) == (newest.port, newest.payload):
                is_again = time_us - self.newest_us <= _RETRANSMITTED_US
                return Verdict.DUPLICATE if is_again else Verdict.RESTARTED
        return Verdict.RESTARTED if is_later else Verdict.OLD
