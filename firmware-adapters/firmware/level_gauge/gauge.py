"""What the gauge measures and says: echoes → a distance → a frame and a message. No I/O.

Runs on MicroPython and on CPython alike, so that it is tested on a host against the adapters that read it.
"""

import json

RANGE_MIN_MM = 250
"""Nearer than this the transducer still rings."""
RANGE_MAX_MM = 4499
"""Farther than this it hears nothing; from 4,500 on, a frame means no echo."""
ECHOES = 5
_ECHOES_MIN = 3
WARM_UP_MS = 3000


def distance_mm_of(echo_us: int, temperature_cc: int) -> int:
    """Return how far sound went and came back in ``echo_us``, in air of so many hundredths of a degree Celsius.

    Speed of sound 331.3 m/s + 0.606 m/s for each degree: within 0.3 % from -20 to 40 degrees.
    """
    speed_mm_s = 331_300 + 606 * temperature_cc // 100
    return (echo_us * speed_mm_s + 1_000_000) // 2_000_000


def agreed(distances_mm: list) -> "int | None":
    """Return the middle one of some measurements; None where too few of them heard an echo within the range."""
    heard = sorted(one for one in distances_mm if one is not None and RANGE_MIN_MM <= one <= RANGE_MAX_MM)
    return heard[len(heard) // 2] if len(heard) >= _ECHOES_MIN else None


def frame_of(distance_mm: "int | None") -> bytes:
    """Return the serial frame: ``FF``, two bytes of millimetres, sum of the three; zero millimetres for no echo."""
    high, low = (distance_mm or 0) >> 8, (distance_mm or 0) & 0xFF
    return bytes((0xFF, high, low, (0xFF + high + low) & 0xFF))


class Reading:
    """One measurement, as it is kept until it has been sent."""

    def __init__(self, seq: int, at_ms: int, distance_mm: "int | None", temperature_cc: "int | None") -> None:
        """``at_ms`` is the board's own counter of milliseconds."""
        self.seq = seq
        self.at_ms = at_ms
        self.distance_mm = distance_mm
        self.temperature_cc = temperature_cc
        self.time_ms = None
        """When it was measured, ms since 1970; None while the board does not know the time."""
        self.is_warming_up = False


def message_of(reading: Reading, boot: str, age_ms: int) -> bytes:
    """Return the message, by version 1 of the schema in the README of the adapter ``json_level``."""
    said = {"v": 1, "boot": boot, "seq": reading.seq, "age_ms": age_ms, "state": "ok"}
    if reading.distance_mm is None:
        said["state"] = "no_echo"
    else:
        said["distance_mm"] = reading.distance_mm
        if reading.is_warming_up:
            said["state"] = "warming_up"
    if reading.temperature_cc is not None:
        said["temperature_cc"] = reading.temperature_cc
    if reading.time_ms is not None:
        said["time_ms"] = reading.time_ms
    return json.dumps(said).encode()


class Backlog:
    """Readings that wait to be sent; when there is no more room, the oldest goes."""

    def __init__(self, size_max: int) -> None:
        """Keep at most ``size_max``; the memory for them is taken at once, so that it cannot be missing later."""
        self._kept = [None] * size_max
        self._first = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, reading: Reading) -> None:
        """Keep a reading."""
        if self._count == len(self._kept):
            self.drop_oldest()
        self._kept[(self._first + self._count) % len(self._kept)] = reading
        self._count += 1

    def oldest(self) -> "Reading | None":
        """Return the reading that waits longest."""
        return self._kept[self._first] if self._count else None

    def drop_oldest(self) -> None:
        """Forget the reading that waits longest; it has been sent, or must make room."""
        if self._count:
            self._kept[self._first] = None
            self._first = (self._first + 1) % len(self._kept)
            self._count -= 1
