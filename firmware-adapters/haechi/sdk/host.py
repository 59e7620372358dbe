"""What the gateway lends to an adapter: a clock, a log, and counters. Nothing else."""

import logging
from collections import Counter
from dataclasses import dataclass, field

from haechi.sdk.clock import Clock, MonotonicClock

_NAMES_MAX = 100


@dataclass(frozen=True)
class Host:
    """The gateway as one adapter sees it; each device gets a host of its own.

    ``log`` is for lines that a technician should read, once when something changes and not once a reading.
    ``counters`` are shown in the gateway's status.
    """

    clock: Clock = field(default_factory=MonotonicClock)
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("haechi.adapter"))
    counters: Counter[str] = field(default_factory=Counter)

    def count(self, name: str, n: int = 1) -> None:
        """Add ``n`` to the counter ``name``, such as ``frames_bad``.

        Names are few and fixed; past a hundred of them everything new is counted as ``other``, so that a name built
        from a device's bytes cannot fill the memory.
        """
        if name not in self.counters and len(self.counters) >= _NAMES_MAX:
            name = "other"
        self.counters[name] += n
