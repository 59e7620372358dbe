"""What the gateway lends to an adapter: a clock, a log, and counters. Nothing else."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from haechi.sdk.clock import Clock, MonotonicClock

_NAMES_MAX = 100


def _from_the_beginning() -> str | None:
    return None


@dataclass(frozen=True)
class Host:
    """The gateway as one adapter sees it; each device gets a host of its own.

    ``log`` is for lines that a technician should read, once when something changes and not once a reading.
    ``counters`` are shown in the gateway's status.
    """

    clock: Clock = field(default_factory=MonotonicClock)
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("haechi.adapter"))
    counters: Counter[str] = field(default_factory=Counter)
    resume: Callable[[], str | None] = _from_the_beginning
    """Answers :attr:`cursor`."""

    @property
    def cursor(self) -> str | None:
        """The last :attr:`~haechi.sdk.Sample.cursor` of this device that is durable; None where there is none.

        Since SDK 1.1. An adapter of a device with a memory asks when its samples begin, and reads on from there; what
        it reads once more adds no point, because records bear the device's own times.
        """
        return self.resume()

    def count(self, name: str, n: int = 1) -> None:
        """Add ``n`` to the counter ``name``, such as ``frames_bad``.

        Names are few and fixed; past a hundred of them everything new is counted as ``other``, so that a name built
        from a device's bytes cannot fill the memory.
        """
        if name not in self.counters and len(self.counters) >= _NAMES_MAX:
            name = "other"
        self.counters[name] += n
