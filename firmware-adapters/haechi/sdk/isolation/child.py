"""The child process of an isolated adapter: ``python -m haechi.sdk.isolation.child``, started by the gateway alone.

Reads one order from standard input, then does one adapter's work for one device and writes messages to standard output.
It limits itself before it loads the adapter, and ends when its parent ends, whatever the adapter is doing.
"""

import asyncio
import ctypes
import logging
import os
import resource
import signal
import sys
from contextlib import aclosing
from typing import Any

from haechi.sdk.adapter import Adapter
from haechi.sdk.errors import ConfigError, NotConnected
from haechi.sdk.host import Host
from haechi.sdk.isolation.messages import (
    FRAME_BYTES_MAX,
    Alive,
    Described,
    Failed,
    Message,
    Order,
    Probed,
    Said,
    Sampled,
    frame,
    order_of,
)
from haechi.sdk.registry import load_adapter

_PR_SET_PDEATHSIG = 1
_ALIVE_EVERY_S = 1.0
_LINE_CHARACTERS_MAX = 500
_LINES_PER_BEAT = 10
_NICENESS = 5


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


def main() -> None:
    """Take the order, limit oneself, do the work."""
    descriptor = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what an adapter prints is no message
    _end_with_parent()
    size = sys.stdin.buffer.read(4)
    order = order_of(size + sys.stdin.buffer.read(min(FRAME_BYTES_MAX, int.from_bytes(size, "big"))))
    _limit(order)
    asyncio.run(_work(order, _Mouth(descriptor)))


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
        await mouth.say(Described(tuple(adapter.describe())))
        return
    beat = asyncio.create_task(_beat(mouth, host, lines))
    try:
        if order.work == "probe":
            await mouth.say(Probed(await adapter.probe()))
        else:
            await _read(adapter, mouth)
    finally:
        beat.cancel()
        await _tell(mouth, host, lines)


async def _read(adapter: Adapter[Any], mouth: _Mouth) -> None:
    async with aclosing(adapter.samples()) as samples:
        async for sample in samples:
            await mouth.say(Sampled(sample))


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
