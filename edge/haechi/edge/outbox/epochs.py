"""Drawing epochs: 128 random bits, an order that rises, and a number unlike the recent ones. Pure but for randomness.

The number (0–999) fills the nanosecond digits of points, so a gateway without a clock that reboots into the same fake
time overwrites nothing; it must differ from that of every epoch whose points may still meet its own.
"""

from collections.abc import Callable, Iterable

from haechi.edge.outbox import Epoch

NUMBERS = 1000
RECENT = 100
"""How many epochs back a number is not used again."""


def draw_epoch(above: int, recent_numbers: Iterable[int], now_us: int, random_bytes: Callable[[int], bytes]) -> Epoch:
    """Return a new epoch of an order higher than ``above``."""
    taken = set(recent_numbers)
    free = [number for number in range(NUMBERS) if number not in taken]
    chosen = free[int.from_bytes(random_bytes(4), "big") % len(free)]
    return Epoch(random_bytes(16), max(above + 1, now_us // 1_000_000), chosen)
