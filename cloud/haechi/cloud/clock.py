"""The cloud's clock; what depends on time is given it as a parameter."""

import time


def now_us() -> int:
    """Return microseconds since 1970 UTC."""
    return time.time_ns() // 1000
