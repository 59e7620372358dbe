"""The rules that every adapter keeps, each a test; inherited, never edited.

An adapter's ``conformance.toml`` names every rule and says ``met``, or ``exempt: …`` with the reason. What is exempt
is then not tested; what the file does not name fails.
"""

# ruff: noqa: S101, D102 - this is a test suite: asserts are its business, and the names of the tests say what they test

import asyncio
import math
import tomllib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import Any, ClassVar, Protocol, get_args

import pytest
from pydantic import BaseModel

from haechi.contract.observations import Value
from haechi.contract.places import Datastream, Step
from haechi.sdk import Adapter, ConfigError, Host, NotConnected, Sample, load_adapter
from haechi.sdk.readme import with_tables
from haechi.sdk.testing.recording import Recording, load_recordings

_DEVICE = "device-1"
_PATIENCE_S = 10.0
_DRAWN = 20


class Peer(Protocol):
    """A device on the other end of the wire: the adapter's simulator, set up for the suite."""

    def config(self) -> Mapping[str, Any]:
        """Return the ``[device.config]`` that reaches it, with short periods and time-outs."""

    def show(self, property_name: str, value: Value) -> None:
        """Make it show ``value``, in the datastream's unit."""

    def fall_silent(self) -> None:
        """Make it answer nothing more, without closing anything."""

    def is_held(self) -> bool:
        """Tell whether somebody still holds its port or is connected."""


class AdapterConformance(ABC):
    """Inherit it, fill in the class variables and the two methods, and pytest does the rest."""

    adapter: ClassVar[type[Adapter[Any]]]
    folder: ClassVar[Path]
    """Where the adapter's files are."""
    entry_point: ClassVar[str]
    """Name under which the gateway finds it."""
    shown: ClassVar[Mapping[str, Sequence[Value]]]
    """For every property of the peer's configuration, values to show one after the other."""

    @abstractmethod
    def peer(self) -> AbstractAsyncContextManager[Peer]:
        """Return a simulated device, fresh and talking."""

    @abstractmethod
    def decode(self, data: bytes, recording: Recording) -> list[tuple[str, Value]]:
        """Decode bytes as the adapter would, without I/O: property and value of what may be emitted, in order."""

    def test_rules_are_all_judged(self) -> None:
        judged = self._judged()
        rules = {name.removeprefix("test_") for name in dir(AdapterConformance) if name.startswith("test_")}
        assert set(judged) == rules - {"rules_are_all_judged"}
        for rule, verdict in judged.items():
            assert verdict == "met" or (verdict.startswith("exempt: ") and len(verdict) > 30), rule

    def test_folder_is_complete(self) -> None:
        if self._is_exempt("folder_is_complete"):
            return
        for name in ("README.md", "adapter.py", "config.py", "sample.toml", "simulator.py", "test_adapter.py"):
            assert (self.folder / name).is_file(), f"{name} is missing"
        readme = (self.folder / "README.md").read_text(encoding="utf-8")
        for heading in ("## Device", "## Wiring", "## Configuration", "## Limits", "## Tried with", "## Standard"):
            assert heading in readme, f"README.md has no section {heading}"
        expected = with_tables(readme, self.adapter.Config)
        assert readme == expected, f"run: python -m haechi.sdk.readme {self.entry_point}"

    def test_found_by_entry_point(self) -> None:
        if not self._is_exempt("found_by_entry_point"):
            assert load_adapter(self.entry_point) is self.adapter

    def test_sample_loads(self) -> None:
        if self._is_exempt("sample_loads"):
            return
        written = tomllib.loads((self.folder / "sample.toml").read_text(encoding="utf-8"))["device"]["config"]
        adapter = self.adapter(_DEVICE, self.adapter.load_config(written), Host())
        assert adapter.describe()

    def test_unknown_key_is_refused(self) -> None:
        if self._is_exempt("unknown_key_is_refused"):
            return
        written = tomllib.loads((self.folder / "sample.toml").read_text(encoding="utf-8"))["device"]["config"]
        with pytest.raises(ConfigError, match="no_such_key"):
            self.adapter.load_config({**written, "no_such_key": 1})

    def test_fields_are_described(self) -> None:
        if self._is_exempt("fields_are_described"):
            return
        for model in _models(self.adapter.Config):
            assert model.model_config.get("frozen"), f"{model.__name__} is not frozen"
            assert model.model_config.get("extra") == "forbid", f"{model.__name__} lets unknown keys pass"
            for name, field in model.model_fields.items():
                assert field.description, f"{model.__name__}.{name} has no description"

    @pytest.mark.asyncio
    async def test_emits_what_it_describes(self) -> None:
        if self._is_exempt("emits_what_it_describes"):
            return
        async with self.peer() as peer, aclosing(self._samples(peer)) as samples:
            described = {one.id: one for one in self._make(peer).describe()}
            assert set(described) == {f"{_DEVICE}.{name}" for name in self.shown}
            for name, values in self.shown.items():
                peer.show(name, values[0])
            async with asyncio.timeout(_PATIENCE_S):
                seen = 0
                async for sample in samples:
                    _agrees(sample, described)
                    seen += 1
                    if seen == _DRAWN:
                        break

    @pytest.mark.asyncio
    async def test_values_are_the_devices_own(self) -> None:
        """Every value emitted was shown, and every value shown arrives."""
        if self._is_exempt("values_are_the_devices_own"):
            return
        async with self.peer() as peer:
            ledger: dict[str, set[Value]] = {}
            rounds = max(len(values) for values in self.shown.values())
            samples: AsyncGenerator[Sample, None] | None = None
            for number in range(rounds):
                missing = {}
                for name, values in self.shown.items():
                    value = values[min(number, len(values) - 1)]
                    peer.show(name, value)
                    ledger.setdefault(f"{_DEVICE}.{name}", set()).add(value)
                    missing[f"{_DEVICE}.{name}"] = value
                samples = samples or self._samples(peer)
                async with asyncio.timeout(_PATIENCE_S):
                    while missing:
                        sample = await anext(samples)
                        for datastream, value in zip(sample.datastreams, sample.values, strict=True):
                            assert value in ledger[datastream], f"{datastream} was never {value}"
                            if missing.get(datastream) == value:
                                del missing[datastream]
            if samples is not None:
                await samples.aclose()

    @pytest.mark.asyncio
    async def test_releases_its_port(self) -> None:
        """Closing the iterator or cancelling the task frees the port, and the same adapter can start again."""
        if self._is_exempt("releases_its_port"):
            return
        async with self.peer() as peer:
            adapter = self._make(peer)
            for _attempt in range(2):
                async with aclosing(adapter.samples()) as samples, asyncio.timeout(_PATIENCE_S):
                    await anext(samples)
                    assert peer.is_held()
                await _comes_true(lambda: not peer.is_held())

            started = asyncio.Event()

            async def run() -> None:
                async with aclosing(adapter.samples()) as samples:
                    async for _sample in samples:
                        started.set()

            task = asyncio.create_task(run())
            async with asyncio.timeout(_PATIENCE_S):
                await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await _comes_true(lambda: not peer.is_held())

    @pytest.mark.asyncio
    async def test_silence_is_not_connected(self) -> None:
        """A device that falls silent ends in one clear line and a delay, and leaves no port behind."""
        if self._is_exempt("silence_is_not_connected"):
            return
        async with self.peer() as peer:
            with pytest.raises(NotConnected) as caught:  # noqa: PT012 - the error comes at an unknown draw
                async with aclosing(self._samples(peer)) as samples, asyncio.timeout(_PATIENCE_S):
                    await anext(samples)
                    peer.fall_silent()
                    async for _sample in samples:
                        pass
            assert "\n" not in str(caught.value)
            assert caught.value.retry_after_s > 0
            await _comes_true(lambda: not peer.is_held())

    @pytest.mark.asyncio
    async def test_probe_says_one_line(self) -> None:
        if self._is_exempt("probe_says_one_line"):
            return
        async with self.peer() as peer:
            async with asyncio.timeout(_PATIENCE_S):
                line = await self._make(peer).probe()
            assert line
            assert "\n" not in line
            await _comes_true(lambda: not peer.is_held())

    def test_recordings_mean_what_they_meant(self) -> None:
        if self._is_exempt("recordings_mean_what_they_meant"):
            return
        recordings = load_recordings(self.folder)
        assert recordings, "recordings/ is empty"
        for name, recording in recordings.items():
            assert self.decode(recording.data, recording) == recording.values, name

    def test_damage_is_never_a_value(self) -> None:
        """Where a protocol has a check field, no change of one byte of a recording makes a new value."""
        if self._is_exempt("damage_is_never_a_value"):
            return
        checked = {name: one for name, one in load_recordings(self.folder).items() if one.check_field}
        assert checked, "no recording has a check field: say exempt in conformance.toml"
        for name, recording in checked.items():
            for place in range(len(recording.data)):
                for change in range(1, 256):
                    damaged = bytearray(recording.data)
                    damaged[place] ^= change
                    decoded = self.decode(bytes(damaged), recording)
                    surplus = [value for value in decoded if value not in recording.values]
                    assert not surplus, f"{name}: byte {place} changed by {change:#04x} became {surplus}"

    def _make(self, peer: Peer) -> Adapter[Any]:
        return self.adapter(_DEVICE, self.adapter.load_config(peer.config()), Host())

    def _samples(self, peer: Peer) -> AsyncGenerator[Sample, None]:
        return self._make(peer).samples()

    def _judged(self) -> dict[str, str]:
        judged: dict[str, str] = tomllib.loads((self.folder / "conformance.toml").read_text(encoding="utf-8"))["rules"]
        return judged

    def _is_exempt(self, rule: str) -> bool:
        return self._judged().get(rule, "met") != "met"


def _agrees(sample: Sample, described: Mapping[str, Datastream]) -> None:
    """Check one sample against the descriptions: ids, kinds, finiteness, and that steps are exact."""
    assert sample.datastreams
    assert len(sample.values) == len(sample.datastreams)
    assert sample.qualities is None or len(sample.qualities) == len(sample.datastreams)
    for datastream, value in zip(sample.datastreams, sample.values, strict=True):
        assert datastream in described, f"{datastream} is not described"
        one = described[datastream]
        kinds: dict[str, tuple[type, ...]] = {"bool": (bool,), "text": (str,), "number": (int, float)}
        assert isinstance(value, kinds[one.kind]), f"{datastream} is {value!r}, not a {one.kind}"
        assert (one.kind == "bool") == isinstance(value, bool)
        if isinstance(value, float):
            assert math.isfinite(value)
            if one.step is not None:
                assert Step(*one.step).count_of(value) is not None, f"{datastream}: {value} is no whole step"


async def _comes_true(condition: Callable[[], bool]) -> None:
    """Wait for what the kernel does in a moment and tells nobody: a closed connection, a released lock."""
    async with asyncio.timeout(_PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


def _models(model: type[BaseModel]) -> list[type[BaseModel]]:
    """Return a configuration model and the models of its arrays."""
    found = [model]
    for field in model.model_fields.values():
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found += _models(part)
    return found
