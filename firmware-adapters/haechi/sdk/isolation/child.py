"""The child process of an isolated adapter: ``python -m haechi.sdk.isolation.child``, started by the gateway alone.

Reads one order from standard input, then does one adapter's work for one device and writes messages to standard output;
while it reads a device it takes commands for it from standard input. It limits itself before it loads the adapter, and
ends when its parent ends, whatever the adapter is doing.
"""

import asyncio
import ctypes
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Literal

from haechi.sdk.adapter import Adapter
from haechi.sdk.errors import ConfigError, NotConnected, NotDone
from haechi.sdk.host import Host
from haechi.sdk.isolation.ears import Ears
from haechi.sdk.isolation.messages import (
    FRAME_BYTES_MAX,
    Alive,
    Described,
    Failed,
    Message,
    Obeyed,
    Order,
    Passed,
    Probed,
    Said,
    Sampled,
    Tell,
    frame,
    order_of,
)
from haechi.sdk.registry import load_adapter
from haechi.sdk.wire import Tap, Wire, attached

_PR_SET_PDEATHSIG = 1
_ALIVE_EVERY_S = 1.0
_LINE_CHARACTERS_MAX = 500
_LINES_PER_BEAT = 10
_NICENESS = 5
_OBEY_S = 7.0
"""Shorter than the gateway waits, so that the adapter is told to let go before nobody listens any more."""
_PIECE_BYTES_MAX = 4096
_FRAMES_WAITING_MAX = 64
_ADDRESS_CHARACTERS_MAX = 200


class _Mouth:
    """Standard output, whole frames only; a parent that does not listen makes the adapter wait."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)
        self._turn = asyncio.Lock()

    async def say(self, message: Message) -> None:
        async with self._turn:
            rest = memoryview(frame(message))
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest) :]
                except BlockingIOError:
                    await self._writable()

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_writer(self._descriptor, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_writer(self._descriptor)


class _Lines(logging.Handler):
    """Collects a few log lines between two signs of life; what is more is counted."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self.lines: list[Said] = []
        self._host = host

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.lines) < _LINES_PER_BEAT:
            self.lines.append(Said(record.levelno, record.getMessage()[:_LINE_CHARACTERS_MAX].replace("\n", " ")))
        else:
            self._host.count("log_lines_dropped")


class _Wires(Wire):
    """Nothing but wire to the transports; what passes is told to the gateway, as far as it takes it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._waiting: asyncio.Queue[Passed] = asyncio.Queue(_FRAMES_WAITING_MAX)

    def tap(self, address: str, deliver: Callable[[bytes], None], *, datagrams: bool = False) -> Tap:  # noqa: ARG002
        return _Telling(self, address[:_ADDRESS_CHARACTERS_MAX])

    def passes(self, way: Literal["came", "sent"], address: str, data: bytes) -> None:
        for start in range(0, len(data), _PIECE_BYTES_MAX):
            try:
                self._waiting.put_nowait(Passed(way, address, data[start : start + _PIECE_BYTES_MAX]))
            except asyncio.QueueFull:
                self._host.count("frames_untold")

    async def tell(self, mouth: _Mouth) -> None:
        while True:
            await mouth.say(await self._waiting.get())

    async def tell_rest(self, mouth: _Mouth) -> None:
        while not self._waiting.empty():
            await mouth.say(self._waiting.get_nowait())


class _Telling(Tap):
    def __init__(self, wires: _Wires, address: str) -> None:
        self._wires, self._address = wires, address

    def came(self, data: bytes) -> bytes:
        self._wires.passes("came", self._address, data)
        return data

    def sent(self, data: bytes) -> bytes:
        self._wires.passes("sent", self._address, data)
        return data


def main() -> None:
    """Take the order, limit oneself, do the work."""
    descriptor = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what an adapter prints is no message
    _end_with_parent()
    size = _exactly(4)
    order = order_of(size + _exactly(min(FRAME_BYTES_MAX, int.from_bytes(size, "big"))))
    _limit(order)
    asyncio.run(_work(order, _Mouth(descriptor)))


def _exactly(count: int) -> bytes:
    """Read so many bytes and not one more: what follows is for somebody else."""
    came = b""
    while len(came) < count and (data := os.read(sys.stdin.fileno(), count - len(came))):
        came += data
    return came


def _end_with_parent() -> None:
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(1)


def _limit(order: Order) -> None:
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_DATA, (order.memory_bytes_max, order.memory_bytes_max))
    resource.setrlimit(resource.RLIMIT_NOFILE, (order.files_max, order.files_max))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


async def _work(order: Order, mouth: _Mouth) -> None:
    try:
        await _do(order, mouth)
    except ConfigError as error:
        await mouth.say(Failed("config", error.expected, key=error.key, value=repr(error.value)[:100]))
    except NotConnected as error:
        await mouth.say(Failed("not_connected", error.what, retry_after_s=error.retry_after_s))
    except Exception as error:  # noqa: BLE001 - this process supervises one adapter
        line = f"{type(error).__name__}: {error}".partition("\n")[0][:_LINE_CHARACTERS_MAX]
        await mouth.say(Failed("bug", line))


async def _do(order: Order, mouth: _Mouth) -> None:
    kind = load_adapter(order.adapter)
    log = logging.getLogger("haechi.adapter")
    host = Host(log=log, resume=lambda: order.cursor)
    lines = _Lines(host)
    log.addHandler(lines)
    log.setLevel(logging.INFO)
    log.propagate = False
    adapter = kind(order.device, kind.load_config(order.written), host)
    if order.work == "describe":
        await mouth.say(Described(tuple(adapter.describe()), tuple(adapter.actuators())))
        return
    wires = _Wires(host)
    helping = [asyncio.create_task(one) for one in (_beat(mouth, host, lines), wires.tell(mouth))]
    try:
        with attached(wires):
            await _work_with(adapter, order, mouth)
    finally:
        for task in helping:
            task.cancel()
        await wires.tell_rest(mouth)
        await _tell(mouth, host, lines)


async def _work_with(adapter: Adapter[Any], order: Order, mouth: _Mouth) -> None:
    if order.work == "probe":
        await mouth.say(Probed(await adapter.probe()))
    elif order.tell is not None:
        await mouth.say(await _obeyed(adapter, order.tell))
    else:
        for tell in order.set_back:
            await mouth.say(await _obeyed(adapter, tell))
        async with Ears(sys.stdin.fileno(), lambda tell: _obey(adapter, tell, mouth)):
            await _read(adapter, mouth)


async def _read(adapter: Adapter[Any], mouth: _Mouth) -> None:
    async with aclosing(adapter.samples()) as samples:
        async for sample in samples:
            await mouth.say(Sampled(sample))


async def _obey(adapter: Adapter[Any], tell: Tell, mouth: _Mouth) -> None:
    await mouth.say(await _obeyed(adapter, tell))


async def _obeyed(adapter: Adapter[Any], tell: Tell) -> Obeyed:
    """Carry out one command, once, and return what became of it."""
    state: Literal["done", "not_done", "unknown"] = "done"
    line = ""
    try:
        async with asyncio.timeout(_OBEY_S):
            await adapter.actuate(tell.actuator, tell.value, tell.on_s)
    except NotDone as error:
        state, line = "not_done", str(error)
    except NotConnected as error:
        state, line = "unknown", error.what
    except Exception as error:  # noqa: BLE001 - this process supervises one adapter
        state, line = "unknown", f"{type(error).__name__}: {error}"
    return Obeyed(tell.number, tell.actuator, state, line.partition("\n")[0][:_LINE_CHARACTERS_MAX])


async def _beat(mouth: _Mouth, host: Host, lines: _Lines) -> None:
    while True:
        await _tell(mouth, host, lines)
        await asyncio.sleep(_ALIVE_EVERY_S)


async def _tell(mouth: _Mouth, host: Host, lines: _Lines) -> None:
    said, lines.lines = lines.lines, []
    for line in said:
        await mouth.say(line)
    await mouth.say(Alive(dict(host.counters)))


if __name__ == "__main__":
    main()
