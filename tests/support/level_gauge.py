"""The reference firmware of the level gauge on this side of the radio: its own modules, a board of ours."""

import importlib
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).parents[2] / "firmware-adapters" / "firmware" / "level_gauge"
BOOT = "9f3a01c2"


def module(name: str) -> ModuleType:
    """Return a module of the firmware, as the board would import it."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    return importlib.import_module(name)


class Board:
    """Transducer, thermometer, serial line and watchdog, as a test says they are."""

    def __init__(self, say: Callable[[bytes], None] = lambda _frame: None) -> None:
        self.distance_mm: int | None = 1953
        self.temperature_cc_now: int | None = 2000
        self.fed = 0
        self.say = say

    def echo_us(self) -> int | None:
        """Return how long sound takes to the water and back."""
        if self.distance_mm is None:
            return None
        speed_mm_s = 331_300 + 606 * (self.temperature_cc_now or 2000) // 100
        return round(self.distance_mm * 2_000_000 / speed_mm_s)

    def temperature_cc(self) -> int | None:
        """Return what the thermometer says."""
        return self.temperature_cc_now

    def feed(self) -> None:
        """Count how often the watchdog was fed."""
        self.fed += 1


class Clock:
    """A counter that a test sets, and a time of day that may be unknown and that nobody asks for."""

    def __init__(self) -> None:
        self.ms = 10_000
        self.unix_ms: int | None = None

    def now_ms(self) -> int:
        """Return the counter."""
        return self.ms

    def since_ms(self, then_ms: int) -> int:
        """Return how long ago the counter said ``then_ms``."""
        return self.ms - then_ms

    def time_ms(self) -> int | None:
        """Return milliseconds since 1970."""
        return self.unix_ms

    def tend(self) -> bool:
        """Ask nobody."""
        return False


class Socket:
    """A TCP connection with the two methods that MicroPython's sockets have."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=3)
        self.write = self._socket.sendall
        self.read = self._socket.recv

    def close(self) -> None:
        """End properly."""
        self._socket.close()

    def vanish(self) -> None:
        """End without a word, as when the power fails."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._socket.close()


def station(board: Board, clock: Clock, connect: Callable[[], Any], boot: str = BOOT) -> Any:
    """Return the firmware's loop, as it begins at a start of the board."""
    return module("station").Station(board, clock, connect, boot)
