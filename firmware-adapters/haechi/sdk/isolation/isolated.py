"""An adapter like any other to the gateway, whose work is done in a process of its own, within limits.

Whatever ends the child is one clear line and a delay, as of a device that is not there: the supervisor shows it and
starts it again. Cancelling ends the child at once, and with it everything that it holds.
"""

import asyncio
import math
import os
import subprocess
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any, ClassVar

from haechi.contract.places import Datastream
from haechi.sdk.adapter import Adapter, AdapterConfig
from haechi.sdk.errors import ConfigError, NotConnected
from haechi.sdk.host import Host
from haechi.sdk.isolation.limits import Limits
from haechi.sdk.isolation.messages import (
    FRAME_BYTES_MAX,
    Alive,
    BrokenFrame,
    Described,
    Failed,
    Message,
    Messages,
    Order,
    Probed,
    Said,
    Sampled,
    frame,
)
from haechi.sdk.isolation.once import ask_once
from haechi.sdk.sample import Sample
from haechi.text import _

_CHUNK_BYTES = 65536
_DESCRIBE_S = 20.0
_DESCRIBE_BYTES_MAX = 2 * FRAME_BYTES_MAX
_PAUSE_S_MIN, _PAUSE_S_MAX = 1.0, 3600.0
_CLOSE_S = 1.0
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LANGUAGE", "LC_ALL", "TZ", "PYTHONPATH", "HOME")
_LAST_WORDS_BYTES = 2000


class _Shown(str):
    """A value that the child has written for people already."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Isolated(Adapter[AdapterConfig]):
    """One device of one adapter, in a process of its own."""

    Config: ClassVar = AdapterConfig

    def __init__(self, name: str, device: str, written: Mapping[str, Any], host: Host, limits: Limits) -> None:
        """Ask the child once what it will emit; this blocks for as long as the adapter takes to load.

        Args:
            name: the adapter's entry point, in the child's environment.
            device: the device's id.
            written: its ``[device.config]``, which the child checks.
            host: as for every adapter; the child's counters and log lines arrive here.
            limits: what the child may use.

        Raises:
            ConfigError: the adapter refuses the configuration, or cannot be loaded.
        """
        super().__init__(device, AdapterConfig(), host)
        self._name, self._written, self._limits = name, dict(written), limits
        self._datastreams = self._described()
        self._known = frozenset(one.id for one in self._datastreams)

    def describe(self) -> list[Datastream]:
        """Return what the child said that it may emit."""
        return list(self._datastreams)

    async def probe(self) -> str:
        """Return the line of the adapter's own probe."""
        async with aclosing(self._messages("probe")) as messages:
            async for message in messages:
                if isinstance(message, Probed):
                    return message.line.partition("\n")[0]
        raise self._ended(_("its process ended without an answer"))

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield what the child reads, as long as it keeps its limits."""
        limits, clock = self._limits, self.host.clock
        allowance = most = limits.values_per_s_max * limits.burst_s
        then_s = clock.now()
        async with aclosing(self._messages("samples")) as messages:
            async for message in messages:
                if not isinstance(message, Sampled):
                    continue
                sample = message.sample
                now_s = clock.now()
                allowance = min(most, allowance + (now_s - then_s) * limits.values_per_s_max) - _weight(sample)
                then_s = now_s
                if allowance < 0:
                    self.host.count("floods")
                    raise self._ended(
                        _("it gives more than {most:g} values a second").format(most=limits.values_per_s_max)
                    )
                self._check(sample)
                yield sample
        raise self._ended(_("its process ended by itself"))

    def _check(self, sample: Sample) -> None:
        """Refuse what no gateway can store; another process may say anything."""
        sizes = {len(sample.values), len(sample.datastreams), len(sample.qualities or sample.datastreams)}
        if len(sizes) != 1 or not self._known.issuperset(sample.datastreams):
            raise self._ended(_("it emits what it did not describe"))
        if not all(math.isfinite(value) for value in sample.values if isinstance(value, float)):
            raise self._ended(_("it emits a number that is not finite"))

    async def _messages(self, work: str) -> AsyncGenerator[Message, None]:
        """Start the child and yield what it says; ends it, whatever happens.

        Raises:
            NotConnected: the device is not there, or the child broke a limit.
            ConfigError: the adapter refuses its configuration.
        """
        process = await asyncio.create_subprocess_exec(
            *self._command(), stdin=PIPE, stdout=PIPE, stderr=PIPE, env=_environment(), start_new_session=True
        )
        assert process.stdin is not None  # noqa: S101 - they are pipes
        assert process.stdout is not None  # noqa: S101
        last_words = deque[bytes](maxlen=1)
        listening = asyncio.create_task(_listen(process, last_words))
        counted_before = dict(self.host.counters)
        frames = Messages()
        try:
            process.stdin.write(frame(self._order(work)))
            while True:
                try:
                    async with asyncio.timeout(self._limits.silence_s):
                        data = await process.stdout.read(_CHUNK_BYTES)
                except TimeoutError:
                    self.host.count("hangs")
                    raise self._ended(
                        _("it blocks: no sign of life for {seconds:g} s").format(seconds=self._limits.silence_s)
                    ) from None
                if not data:
                    raise self._ended(await self._how_it_ended(process, listening, last_words))
                for message in frames.feed(data):
                    if isinstance(message, Failed):
                        raise self._failure(message)
                    if isinstance(message, Alive):
                        self._count(counted_before, message.counters)
                    elif isinstance(message, Said):
                        self.host.log.log(message.level, "%s", message.line)
                    else:
                        yield message
        except BrokenFrame as error:
            raise self._ended(_("it says what is no message: {why}").format(why=error)) from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            listening.cancel()
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await process.communicate()

    def _described(self) -> tuple[Datastream, ...]:
        try:
            order = frame(self._order("describe"))
            answer = ask_once(self._command(), order, _environment(), _DESCRIBE_S, _DESCRIBE_BYTES_MAX)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConfigError("adapter", self._name, _("a process that runs ({why})").format(why=error)) from None
        if not answer.whole:
            most = _DESCRIBE_BYTES_MAX // 2**20
            raise ConfigError("adapter", self._name, _("an adapter that says less than {most} MiB").format(most=most))
        try:
            messages = list(Messages().feed(answer.output))
        except BrokenFrame:
            messages = []
        for message in messages:
            if isinstance(message, Described):
                return message.datastreams
            if isinstance(message, Failed):
                if message.kind == "config":
                    raise self._failure(message)
                raise ConfigError("adapter", self._name, _("an adapter that works ({why})").format(why=message.line))
        why = _last_line(answer.errors) or _("exit code {code}").format(code=answer.code)
        raise ConfigError("adapter", self._name, _("an adapter that can be loaded ({why})").format(why=why))

    def _order(self, work: str) -> Order:
        limits = self._limits
        return Order(
            work,
            self._name,
            self.device,
            self._written,
            limits.memory_bytes_max,
            limits.files_max,
            self.host.cursor if work == "samples" else None,
        )

    def _command(self) -> list[str]:
        return [self._limits.python, "-m", "haechi.sdk.isolation.child"]

    def _count(self, before: Mapping[str, int], counters: Mapping[str, int]) -> None:
        for name, count in counters.items():
            self.host.count(name, before.get(name, 0) + count - self.host.counters.get(name, 0))

    def _failure(self, message: Failed) -> Exception:
        if message.kind == "config":
            return ConfigError(message.key, _Shown(message.value), message.line)
        if message.kind == "not_connected":
            return NotConnected(message.line, self._pause_s(message.retry_after_s))
        self.host.count("crashes")
        if message.line.startswith("MemoryError"):
            most = self._limits.memory_bytes_max // 2**20
            return self._ended(_("it needs more than {most} MiB of memory").format(most=most))
        return self._ended(message.line)

    def _pause_s(self, wanted_s: float) -> float:
        """Return when to try again: as the child wishes, but it may not have a Python started without pause."""
        if not math.isfinite(wanted_s):
            return self._limits.retry_s
        return min(max(wanted_s, _PAUSE_S_MIN), _PAUSE_S_MAX)

    async def _how_it_ended(self, process: Process, listening: "asyncio.Task[None]", words: deque[bytes]) -> str:
        code = await process.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(listening, 1.0)
        self.host.count("crashes")
        how = _("signal {number}").format(number=-code) if code < 0 else _("exit code {code}").format(code=code)
        said = _last_line(b"".join(words))
        return _("its process ended with {how}").format(how=how) + (f": {said}" if said else "")

    def _ended(self, why: str) -> NotConnected:
        return NotConnected(f"{self._name}: {why}", self._limits.retry_s)


def _weight(sample: Sample) -> int:
    """Return for how many values a sample counts: an empty one for one, and each 64 characters of a text for one."""
    return max(1, len(sample.values)) + sum(len(value) // 64 for value in sample.values if isinstance(value, str))


def _environment() -> dict[str, str]:
    """Return what a child may know of this process's environment, which may hold secrets."""
    return {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}


async def _listen(process: Process, last_words: deque[bytes]) -> None:
    """Keep the end of what the child writes to its standard error."""
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    kept = b""
    while data := await process.stderr.read(_CHUNK_BYTES):
        kept = (kept + data)[-_LAST_WORDS_BYTES:]
        last_words.append(kept)


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else ""
