"""What the rules of the conformance kit stand on: the peer, the verdicts of ``conformance.toml``, and waiting."""

import asyncio
import sys
import tomllib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from haechi.contract.observations import Value
from haechi.sdk import Adapter, Host, Sample
from haechi.sdk.clock import Clock, MonotonicClock
from haechi.sdk.recording import Recording
from haechi.sdk.testing.rules import RULES

DEVICE = "device-1"
PATIENCE_S = 10.0
_LETS_GO_S = 2.0
_KIT = "haechi.sdk.testing."
_HOOKS = frozenset(("adapter", "folder", "entry_point", "shown", "foreign", "reads_min", "peer", "decode", "_abc_impl"))
"""What an adapter's tests may say; all else of a suite is the kit's."""
_FIRST: dict[tuple[object, ...], "type[Suite]"] = {}
"""By module, adapter, folder and decoding: the first class of adapter's tests."""


Note = Callable[[str, object], None]
"""What a rule notes for the report: pytest's ``record_property``."""


class Effort(NamedTuple):
    """How much is tried: little while a partner works, all of it for a mark."""

    reads: int
    """How many reads must not grow the memory."""
    trouble_s: float
    """How long each fault on the wire lasts."""
    cancellations: int
    """At how many different steps it is cancelled."""


QUICK = Effort(reads=500, trouble_s=0.3, cancellations=16)
THOROUGH = Effort(reads=10_000, trouble_s=1.5, cancellations=60)


class Run:
    """What whoever runs the suites decides for all of them; an adapter's tests have no say in it."""

    effort: ClassVar[Effort] = QUICK
    """``haechi adapter check`` makes it THOROUGH."""


class Peer(Protocol):
    """A device on the other end of the wire: the adapter's simulator, set up for the suite.

    Some rules ask for more; a peer that can has the methods of :class:`Refusing`, :class:`Warming`, :class:`Hurried`,
    :class:`Restarting`, :class:`Obeying`, :class:`Timed`, :class:`Remembering` or :class:`Unset` as well.
    """

    def config(self) -> Mapping[str, Any]:
        """Return the ``[device.config]`` that reaches it, with short periods and time-outs."""

    def show(self, property_name: str, value: Value) -> None:
        """Make it show ``value``, in the datastream's unit."""

    def fall_silent(self) -> None:
        """Make it answer nothing more, without closing anything."""

    def is_held(self) -> bool:
        """Tell whether somebody still holds its port or is connected."""


@runtime_checkable
class Refusing(Protocol):
    """A peer that can say that it has no value."""

    def refuse(self, property_name: str) -> None:
        """Make it answer with an exception or an error code in place of this value; ``show`` ends it."""


@runtime_checkable
class Warming(Protocol):
    """A peer that can say that it is warming up."""

    def warm_up(self) -> None:
        """Make it say so with every value; ``show`` ends it."""


@runtime_checkable
class Hurried(Protocol):
    """A peer that talks by itself, and can talk as fast as the line takes it."""

    def hurry(self) -> None:
        """Make it talk without a pause."""


@runtime_checkable
class Restarting(Protocol):
    """A peer that can lose its power."""

    def restart(self) -> None:
        """Make it close every connection, forget what it was doing, and come back at once."""


@runtime_checkable
class Obeying(Protocol):
    """A peer that can be told something, as those of adapters with actuators are."""

    def told(self) -> Sequence[tuple[str, Value]]:
        """Return every command that has reached it, oldest first: actuator and value."""

    def stands(self, actuator: str) -> Value:
        """Return the state in which it is."""

    def hesitate(self, seconds: float) -> None:
        """Make it do at once what it is told, and confirm it so much later."""

    def jam(self, actuator: str) -> None:
        """Make it confirm commands and stay as it is."""


@runtime_checkable
class Timed(Protocol):
    """A peer that ends by itself what it was told."""

    def lasts_s(self, actuator: str) -> float:
        """Return for how long it was told to be away from its fail-safe state, the last time."""


@runtime_checkable
class Remembering(Protocol):
    """A peer with a memory that can be read again, as those of adapters with ``device_time`` are."""

    def remember(self) -> Sequence[tuple[int, Mapping[str, Value]]]:
        """Make it record some more, and return those: UTC in microseconds, and value by property; oldest first."""


@runtime_checkable
class Unset(Protocol):
    """A peer whose device says with a record that its clock was not set."""

    def lose_its_clock(self) -> None:
        """Make it say so with what it records from now on."""


class Suite(ABC):
    """One adapter, its folder and its peer."""

    adapter: ClassVar[type[Adapter[Any]]]
    folder: ClassVar[Path]
    """Where the adapter's files are."""
    entry_point: ClassVar[str]
    """Name under which the gateway finds it."""
    shown: ClassVar[Mapping[str, Sequence[Value]]]
    """For every property of the peer's configuration, values to show one after the other."""
    foreign: ClassVar[Sequence[bytes]] = ()
    """Sound frames of other devices and other masters on the same line; none of them is for this adapter."""
    reads_min: ClassVar[int] = 0
    """How many reads must not grow the memory, where a quick run's are too few to tell; more, never less."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "effort" in cls.__dict__:
            raise TypeError(f"{cls.__name__}.effort: how much is tried is for the run to say, not for the adapter")
        kit = [base for base in cls.__mro__[1:] if base.__module__.startswith(_KIT)]
        for name in cls.__dict__.keys() - _HOOKS:
            if not name.startswith("__") and any(name in base.__dict__ for base in kit):
                raise TypeError(f"{cls.__name__}.{name}: rules, and how they are judged, are the kit's to say")
        if cls.__name__.startswith("Test"):
            _FIRST.setdefault(_counts(cls), cls)

    @abstractmethod
    def peer(self) -> AbstractAsyncContextManager[Peer]:
        """Return a simulated device, fresh and talking."""

    @abstractmethod
    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        """Decode bytes as the adapter would, without I/O: property and value of what may be emitted, in order."""

    def make(self, peer: Peer, clock: Clock | None = None, cursor: str | None = None) -> Adapter[Any]:
        """Return the adapter of ``peer``, with a host of its own, where everything up to ``cursor`` is durable."""
        host = Host(clock=clock or MonotonicClock(), resume=lambda: cursor)
        return self.adapter(DEVICE, self.adapter.load_config(peer.config()), host)

    def make_from_sample(self) -> Adapter[Any]:
        """Return the adapter that ``sample.toml`` describes; it is never opened."""
        written = tomllib.loads((self.folder / "sample.toml").read_text(encoding="utf-8"))
        return self.adapter(DEVICE, self.adapter.load_config(written["device"]["config"]), Host())

    def samples(self, peer: Peer) -> AsyncGenerator[Sample, None]:
        """Return the samples of a new adapter of ``peer``."""
        return self.make(peer).samples()

    def judged(self) -> dict[str, str]:
        """Return the verdicts of ``conformance.toml`` by rule."""
        return dict(self._conformance()["rules"])

    def licence(self) -> str:
        """Return the licence of the folder, an SPDX identifier; empty where ``conformance.toml`` names none."""
        return str(self._conformance().get("licence", ""))

    def declared_share(self, recording: str) -> float | None:
        """Return the share of unseen damage that ``conformance.toml`` declares for a recording."""
        share: float | None = self._conformance().get("undetectable", {}).get(recording)
        return share

    def skips(self, rule: str) -> bool:
        """Tell whether ``rule`` is not held against this adapter: it is exempt, or newer than its verdicts."""
        verdict = self.judged().get(rule)
        return verdict != "met" if verdict is not None else RULES[rule].since > "1.0"

    def skips_files(self, rule: str) -> bool:
        """Tell the same of a rule about files, which a class before this one, alike in all that counts, has judged."""
        first = _FIRST.get(_counts(type(self)))
        is_run = first is not None and getattr(sys.modules.get(first.__module__), first.__name__, None) is first
        return (is_run and first is not type(self) and getattr(first, "__test__", True)) or self.skips(rule)

    def show_first(self, peer: Peer) -> "Ledger":
        """Make ``peer`` show the first value of every property, and return what it has shown."""
        ledger = Ledger(peer)
        for name, values in self.shown.items():
            ledger.show(name, values[0])
        return ledger

    def _conformance(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "conformance.toml").read_text(encoding="utf-8"))


def _counts(suite: type[Suite]) -> tuple[object, ...]:
    """Return what decides how rules about files fare."""
    return suite.__module__, getattr(suite, "adapter", None), getattr(suite, "folder", None), suite.decode


class Ledger:
    """Everything that a peer has shown; what an adapter emits must stand there."""

    def __init__(self, peer: Peer) -> None:
        """Begin with nothing."""
        self._peer = peer
        self._shown: dict[str, set[Value]] = {}
        self.now: dict[str, Value] = {}
        """What is shown at present, by datastream."""

    def show(self, property_name: str, value: Value) -> None:
        """Make the peer show ``value`` and remember it."""
        datastream = f"{DEVICE}.{property_name}"
        self._peer.show(property_name, value)
        self._shown.setdefault(datastream, set()).add(value)
        self.now[datastream] = value

    def holds(self, sample: Sample) -> None:
        """Check that every value of ``sample`` was shown, and as what it is emitted."""
        for datastream, value in zip(sample.datastreams, sample.values, strict=True):
            known = self._shown.get(datastream, set())
            assert value in known, f"{datastream} was never {value!r}"  # noqa: S101 - this is a test suite


def is_one_line(error: Exception) -> None:
    """Check that a person can be shown ``error``."""
    assert str(error), "an error says nothing"  # noqa: S101 - this is a test suite
    assert "\n" not in str(error), f"more than one line: {error}"  # noqa: S101 - this is a test suite


async def lets_go(peer: Peer) -> None:
    """Wait until nobody holds the port: the kernel closes a connection in a moment, and tells nobody."""
    try:
        async with asyncio.timeout(_LETS_GO_S):
            while peer.is_held():  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError("its port is still held") from None
