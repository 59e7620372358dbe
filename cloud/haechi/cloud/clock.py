"""The cloud's clock; what depends on time is given it as a parameter."""

import time

DAY_US = 86_400_000_000
"""A day in microseconds."""


def now_us() -> int:
    """Return microseconds since 1970 UTC."""
    return time.time_ns() // 1000
