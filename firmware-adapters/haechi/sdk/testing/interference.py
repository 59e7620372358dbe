"""A wire that misbehaves on purpose: cut, slow, late, babbling. It works below every transport of the SDK.

Nothing is random that a seed does not decide, so that a failure comes again.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from haechi.sdk.wire import Tap, Wire


class Interference(Wire):
    """Sits between the transports that open while it is attached and the devices they talk to."""

    def __init__(self) -> None:
        """Begin as nothing but wire."""
        self.is_cut = False
        """True: nothing passes, in either direction."""
        self.delay_s: Callable[[], float] = lambda: 0.0
        """Asked for every piece that comes: how late it is delivered. Order is kept."""
        self.piece_bytes: int | None = None
        """In pieces of how many bytes what comes is delivered; datagrams stay whole."""
        self.before: Callable[[], bytes] = lambda: b""
        """Asked for every piece that comes: bytes that are delivered before it."""
        self.passed = 0
        """Bytes that came from devices; zero means that a transport does not use the wire."""
        self._lines: list[_Line] = []

    def tap(self, address: str, deliver: Callable[[bytes], None], *, datagrams: bool = False) -> Tap:  # noqa: ARG002
        """Return a tap that does what this wire is set to."""
        line = _Line(self, deliver, datagrams=datagrams)
        self._lines.append(line)
        return line

    def say(self, data: bytes) -> None:
        """Make ``data`` come to every transport that is open, now."""
        for line in list(self._lines):
            line.deliver(data)

    def mend(self) -> None:
        """Be nothing but wire again."""
        self.is_cut, self.piece_bytes = False, None
        self.delay_s, self.before = (lambda: 0.0), (lambda: b"")

    def forget(self, line: "_Line") -> None:
        """Learn that a transport has closed."""
        self._lines.remove(line)


class _Line(Tap):
    def __init__(self, wire: Interference, deliver: Callable[[bytes], None], *, datagrams: bool) -> None:
        self.deliver = deliver
        self._wire, self._datagrams = wire, datagrams
        self._under_way: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def came(self, data: bytes) -> bytes:
        wire = self._wire
        wire.passed += len(data)
        if wire.is_cut:
            return b""
        before = wire.before()
        delay_s = wire.delay_s()
        size = wire.piece_bytes
        if not delay_s and size is None and not self._under_way:
            if not self._datagrams:
                return before + data
            if before:
                self.deliver(before)
            return data
        parts = [data] if self._datagrams or size is None else _pieces(data, size)
        due_s = asyncio.get_running_loop().time() + delay_s
        self._under_way.extend((due_s, part) for part in ([before] if before else []) + parts)
        self._wait()
        return b""

    def sent(self, data: bytes) -> bytes:
        return b"" if self._wire.is_cut else data

    def closed(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._under_way.clear()
        self._wire.forget(self)

    def _wait(self) -> None:
        if self._timer is None and self._under_way:
            self._timer = asyncio.get_running_loop().call_at(self._under_way[0][0], self._arrive)

    def _arrive(self) -> None:
        self._timer = None
        _due_s, data = self._under_way.popleft()
        self.deliver(data)
        if not self._is_closed:
            self._wait()


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
