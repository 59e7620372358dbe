"""Rules for adapters of devices with a memory: the cursor, the time of a record, and the clock behind it."""

# ruff: noqa: S101 - this is a test suite: asserts are its business, and the names of the tests say what they test

import asyncio
import re
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from haechi.contract.observations import Quality, Value
from haechi.sdk import Adapter
from haechi.sdk.testing.suite import DEVICE, PATIENCE_S, Note, Peer, Remembering, Suite, Unset

_OFFSET = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")
_CURSOR_CHARACTERS_MAX = 512


class _Record(NamedTuple):
    """One value of one record."""

    time_us: int
    datastream: str
    value: Value


class _Drawn(NamedTuple):
    """One sample that holds records."""

    records: tuple[_Record, ...]
    cursor: str | None
    qualities: tuple[Quality, ...]


class MemoryRules(Suite):
    """What an adapter makes of a memory that can be read again."""

    @pytest.mark.asyncio
    async def test_cursor_is_never_ahead(self, record_property: Note) -> None:
        """Wherever reading was interrupted, reading on from the last cursor misses no record."""
        if not await self._remembers("cursor_is_never_ahead", record_property):
            return
        async with self.peer() as peer:
            made = _made(peer)
            drawn = await _draw_until(self.make(peer), made)
            assert sorted(made) == sorted(record for sample in drawn for record in sample.records)
            durable: set[_Record] = set()
            for sample in drawn:
                durable.update(sample.records)
                cursor = sample.cursor
                assert isinstance(cursor, str), "a record comes without a cursor"
                assert len(cursor) <= _CURSOR_CHARACTERS_MAX, f"a cursor of {len(cursor)} characters"
                made += _made(peer)
                again = await _draw_until(self.make(peer, cursor=cursor), made)
                missed = set(made) - durable - {record for later in again for record in later.records}
                assert not missed, f"read on from {cursor!r}, {len(missed)} records never come: {min(missed)}"

    @pytest.mark.asyncio
    async def test_record_keeps_its_time(self, record_property: Note) -> None:
        """A record that is read again bears the same time and value, and records come oldest first."""
        if not await self._remembers("record_keeps_its_time", record_property):
            return
        async with self.peer() as peer:
            made = _made(peer)
            first, second = [
                [record for sample in await _draw_until(self.make(peer), made) for record in sample.records]
                for _time in range(2)
            ]
            assert first == second, "read again, a record is another one"
            times_us = [record.time_us for record in first]
            assert times_us == sorted(times_us), "records do not come oldest first"

    @pytest.mark.asyncio
    async def test_device_clock_has_a_zone(self, record_property: Note) -> None:
        """The clock's zone is declared, records are reckoned to UTC, and a clock that was not set is told."""
        if not await self._remembers("device_clock_has_a_zone", record_property):
            return
        for one in self.make_from_sample().describe():
            if one.device_time:
                assert one.device_clock is not None, f"{one.id}: device_clock is missing"
                assert _is_zone(one.device_clock.zone), f"{one.id}: {one.device_clock.zone!r} is no zone"
        async with self.peer() as peer:
            made = _made(peer)
            drawn = await _draw_until(self.make(peer), made)
            times_us = {record.time_us for record in made}
            for sample in drawn:
                for record in sample.records:
                    assert record.time_us in times_us, f"no record was made at {record.time_us} µs UTC"
            if isinstance(peer, Unset):
                peer.lose_its_clock()
                doubtful = _made(peer)
                for sample in await _draw_until(self.make(peer), made + doubtful):
                    if set(sample.records) & set(doubtful):
                        assert set(sample.qualities) == {Quality.UNCERTAIN}, "a clock that was not set passes for good"

    async def _remembers(self, rule: str, record_property: Note) -> bool:
        """Tell whether the device has a memory and is held to ``rule``; else note that nothing was tried.

        Records that a device or a network server sends once, with their own time, are no memory: nobody can read on.
        """
        has_any = any(one.device_time for one in self.make_from_sample().describe())
        if has_any and not any("cursor" in path.read_text(encoding="utf-8") for path in self.folder.rglob("*.py")):
            async with self.peer() as peer:
                has_any = isinstance(peer, Remembering)
        if not has_any:
            record_property("does_not_apply", "it reads no memory of a device")
        return has_any and not self.skips(rule)


def _made(peer: Peer) -> list[_Record]:
    assert isinstance(peer, Remembering), "the peer needs the method remember (haechi.sdk.testing.Remembering)"
    made = [
        _Record(time_us, f"{DEVICE}.{name}", value)
        for time_us, values in peer.remember()
        for name, value in values.items()
    ]
    assert made, "remember made no record"
    return made


async def _draw_until(adapter: Adapter[Any], made: Sequence[_Record]) -> list[_Drawn]:
    """Draw what the memory holds: until the last of what was ever made has come, or as many records as there are."""
    last = made[-1]
    by_record = {one.id for one in adapter.describe() if one.device_time}
    drawn: list[_Drawn] = []
    try:
        async with asyncio.timeout(PATIENCE_S), aclosing(adapter.samples()) as samples:
            async for sample in samples:
                time_us = sample.device_time_us
                assert (time_us is None) == by_record.isdisjoint(sample.datastreams), (
                    "what is declared with device_time bears the device's time, and nothing else does"
                )
                if time_us is None:
                    continue
                pairs: Sequence[tuple[str, Value]] = list(zip(sample.datastreams, sample.values, strict=True))
                records = tuple(_Record(time_us, name, value) for name, value in pairs)
                drawn.append(_Drawn(records, sample.cursor, sample.qualities or (Quality.GOOD,)))
                if last in records or sum(len(one.records) for one in drawn) >= len(made):
                    return drawn
    except TimeoutError:
        raise AssertionError(f"{last} was made and does not come") from None
    raise AssertionError(f"the samples end before {last}")


def _is_zone(zone: str) -> bool:
    if _OFFSET.fullmatch(zone) is not None:
        return True
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
