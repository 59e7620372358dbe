"""Contacts on the gateway's own inputs: doors, floats, buttons and pulses, by the kernel's GPIO character device.

Edges come with the kernel's time and a number, so none is missed silently: what the kernel's buffer could not hold is
counted. How lines stand can be asked at any time. libgpiod does the work (package ``gpiod``, extra
``haechi[contacts]``); lines are the gateway's alone while they are open.

On the wire (:mod:`haechi.sdk.wire`) an edge is the kernel's own record, ``struct gpio_v2_line_event`` of
``include/uapi/linux/gpio.h``; a state that was asked for is such a record with the number 0. A path that is no GPIO
chip is read as a stream of these records, which is how a simulator stands in where there is no GPIO.
"""

import asyncio
import errno
import fcntl
import os
import struct
from collections import deque
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from haechi.sdk.errors import ConfigError, NotConnected
from haechi.sdk.wire import Tap, wire
from haechi.text import _

RECORD = struct.Struct("=QIIII24x")
"""Time in ns, 1 rising or 2 falling, line, number among all lines, number of this line."""
ASK = b"?"
"""What a stream is sent for the states of all lines."""
_RISING, _FALLING = 1, 2
_WAITING_MAX = 4096
_BUFFER_EDGES = 1024
_CHUNK_BYTES = 64 * RECORD.size
_CHIP = "/dev/gpiochip"

Pull = Literal["up", "down", "none"]


class Edge(NamedTuple):
    """A line that went up or down, or, with number 0, how it stands."""

    line: int
    is_high: bool
    time_ns: int
    """By the kernel's monotonic clock; only differences mean something."""
    number: int
    """Rises by one with every edge of any of the lines."""


class Contacts:
    """Some lines of one chip. Open them, receive edges, close them; one reader at a time."""

    def __init__(self, chip: str, pulls: dict[int, Pull], *, timeout_s: float = 2.0, retry_s: float = 5.0) -> None:
        """Keep what is given.

        Args:
            chip: path, such as ``/dev/gpiochip0``.
            pulls: line → resistor inside the chip.
            timeout_s: how long an answer about states may take.
            retry_s: what a ``NotConnected`` asks its receiver to wait.
        """
        self.chip = chip
        self.edges_lost = 0
        """Edges that the kernel, or 4,096 that waited already, had no room for."""
        self.bad = 0
        """Bytes that were no record."""
        self._pulls, self._timeout_s, self._retry_s = pulls, timeout_s, retry_s
        self._source: _Source | None = None
        self._waiting: deque[Edge] = deque()
        self._came = asyncio.Event()
        self._states: dict[int, bool] = {}
        self._complete = asyncio.Event()
        self._number = 0
        self._gone: str | None = None
        self._tap = Tap()

    def open(self) -> None:
        """Take the lines; does nothing where they are taken already.

        Raises:
            NotConnected: there is no such chip, or somebody holds a line.
            ConfigError: the chip has no such line or resistor, or libgpiod is missing.
        """
        if self._source is not None and self._gone is None:
            return
        self.close()
        self._number = 0
        try:
            path = wire().leads_to(self.chip)
            self._source = _Gpiod(path, self._pulls) if is_chip(path) else _Stream(path)
        except OSError as error:
            raise NotConnected(cannot_open(self.chip, self._pulls, error), self._retry_s) from error
        self._tap = wire().tap(self.chip, self._deliver, datagrams=True)
        asyncio.get_running_loop().add_reader(self._source.fileno(), self._readable)

    def close(self) -> None:
        """Release the lines at once; may be called at any time and more than once."""
        source, self._source = self._source, None
        self._waiting.clear()
        self._came.clear()
        self._gone = None
        if source is not None:
            asyncio.get_running_loop().remove_reader(source.fileno())
            source.close()
            self._tap.closed()

    async def states(self) -> dict[int, bool]:
        """Return how every line stands: True is high.

        Raises:
            NotConnected: no answer within ``timeout_s``, or the chip is gone.
        """
        source = self._check()
        self._states, self._complete = {}, asyncio.Event()
        try:
            async with asyncio.timeout(self._timeout_s):
                try:
                    answer = source.ask(self._tap, tuple(self._pulls))
                except OSError as error:
                    self._hang_up(error)
                    answer = b""
                if answer:
                    self._deliver(self._tap.came(answer))
                while self._states.keys() != self._pulls.keys():
                    self._check()
                    self._complete.clear()
                    await self._complete.wait()
        except TimeoutError:
            what = _("{chip} does not answer within {seconds} s").format(chip=self.chip, seconds=self._timeout_s)
            raise NotConnected(what, self._retry_s) from None
        return dict(self._states)

    async def receive(self) -> list[Edge]:
        """Wait for an edge and return all that have come, in their order.

        Raises:
            NotConnected: the chip is gone.
        """
        while not self._waiting:
            self._check()
            self._came.clear()
            await self._came.wait()
        edges = list(self._waiting)
        self._waiting.clear()
        return edges

    def _readable(self) -> None:
        if self._source is None:
            return
        try:
            data = self._source.read()
        except BlockingIOError:
            return
        except OSError as error:
            self._hang_up(error)
            return
        self._deliver(self._tap.came(data))

    def _deliver(self, data: bytes) -> None:
        if self._source is None:
            return
        edges = edges_in(data, self._pulls)
        self.bad += len(data) - len(edges) * RECORD.size
        for edge in edges:
            self._sort(edge)

    def _sort(self, edge: Edge) -> None:
        if edge.number == 0:
            self._states[edge.line] = edge.is_high
            self._complete.set()
            return
        if self._number and edge.number > self._number + 1:
            self.edges_lost += edge.number - self._number - 1
        self._number = edge.number
        if len(self._waiting) >= _WAITING_MAX:
            self._waiting.popleft()
            self.edges_lost += 1
        self._waiting.append(edge)
        self._came.set()

    def _hang_up(self, error: OSError) -> None:
        self._gone = error.strerror or str(error)
        self._came.set()
        self._complete.set()
        if self._source is not None:
            # Else the dead descriptor would be readable for ever and the event loop would spin.
            asyncio.get_running_loop().remove_reader(self._source.fileno())

    def _check(self) -> "_Source":
        if self._gone is not None:
            what = _("{chip}: the inputs are gone ({why})").format(chip=self.chip, why=self._gone)
            raise NotConnected(what, self._retry_s)
        if self._source is None:
            raise NotConnected(_("{chip}: the inputs are closed").format(chip=self.chip), self._retry_s)
        return self._source


def cannot_open(chip: str, lines: Iterable[int], error: OSError) -> str:
    """Return the line that tells a person why ``lines`` of ``chip`` cannot be taken."""
    match error.errno:
        case errno.ENOENT:
            return _("{chip}: no such GPIO chip").format(chip=chip)
        case errno.EACCES | errno.EPERM:
            return _("{chip}: no permission; put the gateway's user into the group gpio").format(chip=chip)
        case errno.EBUSY | errno.EWOULDBLOCK:
            named = ", ".join(str(line) for line in sorted(lines))
            return _("{chip}: another program holds one of the lines {lines}").format(chip=chip, lines=named)
    return _("{chip}: cannot be used ({why})").format(chip=chip, why=error.strerror or error)


def is_chip(path: str) -> bool:
    """Tell whether ``path`` is a GPIO chip of this machine, and not what stands in for one."""
    return os.path.realpath(path).startswith(_CHIP)


def edges_in(data: bytes, lines: Collection[int]) -> list[Edge]:
    """Return the edges and states of ``lines`` that whole records say; what is no record is left out."""
    whole = len(data) - len(data) % RECORD.size
    return [
        Edge(line, kind == _RISING, time_ns, number)
        for time_ns, kind, line, number, _line_number in RECORD.iter_unpack(data[:whole])
        if line in lines and kind in (_RISING, _FALLING)
    ]


class _Source(Protocol):
    """Where records come from."""

    def fileno(self) -> int: ...
    def read(self) -> bytes: ...
    def ask(self, tap: Tap, lines: tuple[int, ...]) -> bytes: ...
    def close(self) -> None: ...


class _Gpiod:
    """Lines of a real chip."""

    def __init__(self, path: str, pulls: dict[int, Pull]) -> None:
        try:
            import gpiod
            from gpiod.line import Bias, Direction, Edge
        except ModuleNotFoundError:
            raise ConfigError("chip", path, _("the package gpiod to be installed (haechi[contacts])")) from None
        bias = {"up": Bias.PULL_UP, "down": Bias.PULL_DOWN, "none": Bias.AS_IS}
        wanted: dict[Iterable[int | str] | int | str, gpiod.LineSettings | None] = {
            line: gpiod.LineSettings(direction=Direction.INPUT, edge_detection=Edge.BOTH, bias=bias[pull])
            for line, pull in pulls.items()
        }
        try:
            self._request = gpiod.request_lines(path, wanted, consumer="haechi", event_buffer_size=_BUFFER_EDGES)
        except ValueError as error:
            raise ConfigError("chip", path, _("a GPIO chip with these lines ({why})").format(why=error)) from None
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTSUP, errno.ENXIO):  # a line, resistor or interrupt that it lacks
                expected = _("a GPIO chip with these lines and resistors ({why})").format(why=error.strerror)
                raise ConfigError("chip", path, expected) from None
            raise

    def fileno(self) -> int:
        return self._request.fd

    def read(self) -> bytes:
        return b"".join(
            record_of(one.line_offset, one.event_type == one.Type.RISING_EDGE, one.timestamp_ns, one.global_seqno)
            for one in self._request.read_edge_events()
        )

    def ask(self, tap: Tap, lines: tuple[int, ...]) -> bytes:
        if not tap.sent(ASK):  # a wire that is cut
            return b""
        values = self._request.get_values(list(lines))
        return b"".join(record_of(line, bool(value.value)) for line, value in zip(lines, values, strict=True))

    def close(self) -> None:
        self._request.release()


class _Stream:
    """Records on a line of bytes, as a simulator writes them."""

    def __init__(self, path: str) -> None:
        self._rest = b""
        self._descriptor = os.open(Path(path), os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise

    def fileno(self) -> int:
        return self._descriptor

    def read(self) -> bytes:
        came = self._rest + os.read(self._descriptor, _CHUNK_BYTES)
        whole = len(came) - len(came) % RECORD.size
        self._rest = came[whole:]
        return came[:whole]

    def ask(self, tap: Tap, lines: tuple[int, ...]) -> bytes:  # noqa: ARG002
        if sent := tap.sent(ASK):
            os.write(self._descriptor, sent)
        return b""

    def close(self) -> None:
        os.close(self._descriptor)


def record_of(line: int, is_high: bool, time_ns: int = 0, number: int = 0) -> bytes:
    """Return the kernel's record of an edge, or of a state where ``number`` is 0."""
    return RECORD.pack(time_ns, _RISING if is_high else _FALLING, line, number, number)
