"""An adapter like any other to the gateway, whose work is done in a process of its own, within limits.

Whatever ends the child is one clear line and a delay, as of a device that is not there: the supervisor shows it and
starts it again. Cancelling ends the child at once, and with it everything that it holds. What was away from its
fail-safe state when a child ended is set back by another one, at once and again before the next reading.
"""

import asyncio
import math
import os
import subprocess
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any, ClassVar, Literal

from haechi.contract.observations import Value
from haechi.contract.places import Datastream
from haechi.sdk.actuator import Actuator
from haechi.sdk.adapter import Adapter, AdapterConfig
from haechi.sdk.errors import AdapterError, ConfigError, NotConnected, NotDone
from haechi.sdk.host import Host
from haechi.sdk.isolation.limits import Limits
from haechi.sdk.isolation.messages import (
    FRAME_BYTES_MAX,
    FROM_CHILD,
    Alive,
    BrokenFrame,
    Described,
    Failed,
    Message,
    Messages,
    Obeyed,
    Order,
    Passed,
    Probed,
    Said,
    Sampled,
    Tell,
    frame,
)
from haechi.sdk.isolation.once import ask_once
from haechi.sdk.isolation.overheard import Overheard
from haechi.sdk.isolation.said import keep_last_words, last_line, one_line
from haechi.sdk.isolation.voice import NoAnswer, Voice
from haechi.sdk.sample import Sample
from haechi.text import _

_CHUNK_BYTES = 65536
_DESCRIBE_S = 20.0
_DESCRIBE_BYTES_MAX = 2 * FRAME_BYTES_MAX
_PAUSE_S_MIN, _PAUSE_S_MAX = 1.0, 3600.0
_CLOSE_S = 1.0
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LANGUAGE", "LC_ALL", "TZ", "PYTHONPATH", "HOME")
_ONCE_S = 9.0
_SAID_MAX, _SAID_WITHIN_S = 10_000, 10.0
"""Messages that are no samples; a child that says more has lost its mind."""


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
        self._voice: Voice | None = None
        """Of the child that reads; None while none does."""
        self._away: set[str] = set()
        """Actuators that may be away from their fail-safe state."""
        self._turn = asyncio.Lock()
        self._actuators: tuple[Actuator, ...] = ()
        described = self._described()
        self._datastreams, self._actuators = described.datastreams, described.actuators
        self._known = frozenset(one.id for one in self._datastreams)

    def describe(self) -> list[Datastream]:
        """Return what the child said that it may emit."""
        return list(self._datastreams)

    def actuators(self) -> list[Actuator]:
        """Return what the child said that its device may be told."""
        return list(self._actuators)

    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        """Give the command to the child that reads; the way back to the fail-safe state needs none that does."""
        declared = self.admitted(actuator, value, on_s)
        voice, was_away = self._voice, actuator in self._away
        if value != declared.fail_safe:
            if voice is None:
                raise NotDone(_("{name}: its process does not run; nothing was sent").format(name=self._name))
            self._away.add(actuator)
        try:
            obeyed = await (self._obeyed_by_another(declared) if voice is None else voice.ask(actuator, value, on_s))
        except NoAnswer:
            raise self._ended(_("its process has not said what became of a command")) from None
        if obeyed.state == "not_done":
            if not was_away:
                self._away.discard(actuator)
            raise NotDone(one_line(obeyed.line))
        if obeyed.state == "unknown":
            raise self._ended(obeyed.line)
        if value == declared.fail_safe:
            self._away.discard(actuator)

    async def probe(self) -> str:
        """Return the line of the adapter's own probe."""
        async with aclosing(self._messages("probe")) as messages:
            async for message in messages:
                if isinstance(message, Probed):
                    return one_line(message.line)
        raise self._ended(_("its process ended without an answer"))

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield what the child reads, as long as it keeps its limits; where it ends, set back what it has left on."""
        try:
            async with aclosing(self._samples()) as samples:
                async for sample in samples:
                    yield sample
        except NotConnected as error:
            if not self._away:
                raise
            raise NotConnected(f"{error.what}; {await self._set_back()}", error.retry_after_s) from None
        except AdapterError:
            await self._set_back()
            raise

    async def _samples(self) -> AsyncGenerator[Sample, None]:
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

    async def _set_back(self) -> str:
        """Have a child of its own set back whatever may be away, and return what a person must know of that."""
        lines = []
        for one in self._actuators:
            if one.name not in self._away:
                continue
            why = ""
            try:
                obeyed = await self._obeyed_by_another(one)
                why = "" if obeyed.state == "done" else obeyed.line
            except AdapterError as error:
                why = str(error)
            except NoAnswer:
                why = _("no answer")
            if why:
                lines.append(
                    _("{name} may be away from its fail-safe state ({why})").format(name=one.name, why=one_line(why))
                )
            else:
                self._away.discard(one.name)
                self.host.count("set_back")
                lines.append(_("{name} was set back").format(name=one.name))
        return ", ".join(lines)

    async def _obeyed_by_another(self, one: Actuator) -> Obeyed:
        """Have a child that does nothing else bring ``one`` into its fail-safe state.

        Raises:
            NoAnswer: it does not say what became of that.
            NotConnected: it ended.
        """
        tell = Tell(0, one.name, one.fail_safe, one.on_s_max)
        try:
            async with self._turn, asyncio.timeout(_ONCE_S), aclosing(self._messages("obey", tell)) as messages:
                async for message in messages:
                    if isinstance(message, Obeyed):
                        return message
        except TimeoutError:
            pass
        raise NoAnswer

    async def _messages(
        self, work: Literal["probe", "samples", "obey"], tell: Tell | None = None
    ) -> AsyncGenerator[Message, None]:
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
        listening = asyncio.create_task(keep_last_words(process, last_words))
        counted_before = dict(self.host.counters)
        frames = Messages(FROM_CHILD)
        overheard = Overheard()
        said, since_s = 0, self.host.clock.now()
        if work == "samples":
            self._voice = Voice(process)
        try:
            process.stdin.write(frame(self._order(work, tell)))
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
                    if isinstance(message, Sampled | Probed) or (isinstance(message, Obeyed) and work == "obey"):
                        yield message
                        continue
                    now_s = self.host.clock.now()
                    said, since_s = (said + 1, since_s) if now_s - since_s < _SAID_WITHIN_S else (1, now_s)
                    if said > _SAID_MAX:
                        raise self._ended(_("it talks without end"))
                    self._take(message, counted_before, overheard)
        except BrokenFrame as error:
            raise self._ended(_("it says what is no message: {why}").format(why=error)) from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            if work == "samples" and self._voice is not None:
                self._voice.ended()
                self._voice = None
            overheard.close()
            listening.cancel()
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await process.communicate()

    def _take(self, message: Message, counted_before: Mapping[str, int], overheard: Overheard) -> None:
        """Take what a child says besides its work."""
        match message:
            case Failed():
                raise self._failure(message)
            case Alive():
                self._count(counted_before, message.counters)
            case Said():
                self.host.log.log(message.level, "%s", one_line(message.line))
            case Passed():
                overheard.pass_on(message)
            case Obeyed(number=0, state="done"):  # before it began to read
                self._away.discard(message.actuator)
                self.host.count("set_back")
            case Obeyed() if self._voice is not None:
                self._voice.answered(message)

    def _described(self) -> Described:
        try:
            order = frame(self._order("describe"))
            answer = ask_once(self._command(), order, _environment(), _DESCRIBE_S, _DESCRIBE_BYTES_MAX)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConfigError("adapter", self._name, _("a process that runs ({why})").format(why=error)) from None
        if not answer.whole:
            most = _DESCRIBE_BYTES_MAX // 2**20
            raise ConfigError("adapter", self._name, _("an adapter that says less than {most} MiB").format(most=most))
        try:
            messages = list(Messages(FROM_CHILD).feed(answer.output))
        except BrokenFrame as error:
            expected = _("an adapter that describes what there can be ({why})").format(why=one_line(str(error)))
            raise ConfigError("adapter", self._name, expected) from None
        for message in messages:
            if isinstance(message, Described):
                return self._sound(message)
            if isinstance(message, Failed):
                if message.kind == "config":
                    raise self._failure(message)
                raise ConfigError(
                    "adapter", self._name, _("an adapter that works ({why})").format(why=one_line(message.line))
                )
        why = last_line(answer.errors) or _("exit code {code}").format(code=answer.code)
        raise ConfigError("adapter", self._name, _("an adapter that can be loaded ({why})").format(why=why))

    def _sound(self, described: Described) -> Described:
        """Return what the child described, if its actuators make sense."""
        try:
            for one in described.actuators:
                one.checked()
        except ValueError as error:
            why = _("an adapter whose actuators make sense ({why})").format(why=one_line(str(error)))
            raise ConfigError("adapter", self._name, why) from None
        return described

    def _order(self, work: Literal["describe", "probe", "samples", "obey"], tell: Tell | None = None) -> Order:
        limits = self._limits
        away = [one for one in self._actuators if one.name in self._away] if work == "samples" else []
        return Order(
            work,
            self._name,
            self.device,
            self._written,
            limits.memory_bytes_max,
            limits.files_max,
            self.host.cursor if work == "samples" else None,
            tell,
            tuple(Tell(0, one.name, one.fail_safe, one.on_s_max) for one in away),
        )

    def _command(self) -> list[str]:
        return [self._limits.python, "-m", "haechi.sdk.isolation.child"]

    def _count(self, before: Mapping[str, int], counters: Mapping[str, int]) -> None:
        for name, count in counters.items():
            self.host.count(name, before.get(name, 0) + count - self.host.counters.get(name, 0))

    def _failure(self, message: Failed) -> Exception:
        if message.kind == "config":
            return ConfigError(one_line(message.key), _Shown(one_line(message.value)), one_line(message.line))
        if message.kind == "not_connected":
            return NotConnected(one_line(message.line), self._pause_s(message.retry_after_s))
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
        said = last_line(b"".join(words))
        return _("its process ended with {how}").format(how=how) + (f": {said}" if said else "")

    def _ended(self, why: str) -> NotConnected:
        return NotConnected(f"{self._name}: {one_line(why)}", self._limits.retry_s)


def _weight(sample: Sample) -> int:
    """Return for how many values a sample counts: an empty one for one, and each 64 characters of a text for one."""
    return max(1, len(sample.values)) + sum(len(value) // 64 for value in sample.values if isinstance(value, str))


def _environment() -> dict[str, str]:
    """Return what a child may know of this process's environment, which may hold secrets."""
    return {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
