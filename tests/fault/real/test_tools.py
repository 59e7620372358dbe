"""What the runs with real processes rest on: plans that repeat, links that fault as they say, books that see a hole."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise

import pytest
from fault.real import books
from fault.real.plan import FAULTS, draw

from haechi.contract.ranges import RangeSet
from haechi.edge.outbox import Figures
from support.counting import CountingDevice
from support.fault_proxy import FaultProxy
from support.simulation.truth import BrokenPromise

EPOCH = bytes(16)
LOSS = books.Loss("quota", {EPOCH: RangeSet([(3, 4)])}, first_us=10, last_us=20, observations=7, events=0)
STATE = books.State(
    stored={EPOCH: RangeSet([(1, 2), (5, 9)])},
    lost={EPOCH: RangeSet([(3, 4)])},
    next_seqs={EPOCH: 10},
    losses=[LOSS],
    observations=93,
    repeats=0,
    events=1,
    open_floods=0,
    dead_letters=[],
)
OUTBOX = Figures(
    parcels=0, bytes=0, bytes_kept=0, bytes_max=1, oldest_us=None, observations_committed=100, events_committed=1
)


def test_a_seed_is_a_plan_and_no_place_is_struck_twice_at_once() -> None:
    plan = draw(1, 300)
    assert plan == draw(1, 300) != draw(2, 300)
    assert {(strike.target, strike.what) for seed in range(20) for strike in draw(seed, 300)} == set(FAULTS)
    for target in {strike.target for strike in plan}:
        ours = [strike for strike in plan if strike.target == target]
        assert all(one.at_s + one.length_s < other.at_s for one, other in pairwise(ours))
        assert ours[-1].at_s + ours[-1].length_s < 300


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_a_link_is_late_and_frozen_and_goes_on_with_every_byte(echo: int) -> None:
    loop = asyncio.get_running_loop()
    async with FaultProxy(echo, delay_s=0.05) as link:
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        begun_s = loop.time()
        link.be("delay")
        writer.write(b"a")
        assert await reader.readexactly(1) == b"a"
        assert loop.time() - begun_s >= 0.1
        link.be("freeze")
        writer.write(b"b")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(1), 0.05)
        link.be("pass")
        writer.write(b"c")
        assert await reader.readexactly(2) == b"bc"
        writer.close()


@pytest.mark.parametrize("mode", ["swallow", "half_open"])
async def test_what_a_link_swallows_is_gone_and_the_connection_with_it(echo: int, mode: str) -> None:
    async with FaultProxy(echo) as link:
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        writer.write(b"a")
        assert await reader.readexactly(1) == b"a"
        link.be(mode)  # type: ignore[arg-type]
        writer.write(b"b")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        link.be("pass")
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        writer.close()


async def test_a_cut_link_lets_nobody_in(echo: int) -> None:
    async with FaultProxy(echo) as link:
        link.be("cut")
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        writer.close()


def test_books_that_agree_are_accepted() -> None:
    books.check_custody(STATE)
    assert books.check_counts(STATE, OUTBOX, 93) == 7


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"stored": {EPOCH: RangeSet([(1, 9)])}}, "stored and lost at once"),
        ({"stored": {EPOCH: RangeSet([(1, 2), (5, 8)])}}, "neither stored nor lost"),
        ({"losses": []}, "no loss record"),
        ({"dead_letters": ["no envelope"]}, "dead letters"),
    ],
)
def test_a_hole_in_the_custody_is_seen(changed: dict[str, object], said: str) -> None:
    with pytest.raises(BrokenPromise, match=said):
        books.check_custody(replace(STATE, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize("stored", [92, 94])
def test_a_value_too_few_or_too_many_is_seen(stored: int) -> None:
    with pytest.raises(BrokenPromise, match="were committed"):
        books.check_counts(STATE, OUTBOX, stored)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([[1, 2, 2], [1, 2, 2]], "stored twice"),
        ([[1, 2], [1, 3]], "other numbers"),
        ([[1, 4], [1, 4]], "never handed out"),
    ],
)
def test_a_number_that_is_wrong_is_seen(columns: list[list[int]], said: str) -> None:
    device = CountingDevice()
    assert [device.next_number() for _ in range(3)] == [1, 2, 3]
    assert books.check_numbers("d0", device, [[1, 3], [1, 3]]) == [2]
    with pytest.raises(BrokenPromise, match=said):
        books.check_numbers("d0", device, columns)


def test_a_missing_number_wants_a_record_and_a_reason() -> None:
    device = CountingDevice()
    at_us = device.at_us(device.next_number())
    gap = books.Loss(books.UNCLEAN, {}, at_us - 1000, at_us + 1000, 0, 0)
    assert books.explain("d0", device, [1], [gap], [at_us + 500], []) == (1, 0)
    assert books.explain("d0", device, [1], [replace(gap, cause="quota")], [], []) == (0, 0)
    assert books.explain("d0", device, [1], [], [], [(at_us, at_us + 1)]) == (0, 1)
    for losses, kills in (([gap], []), ([], [at_us + 500]), ([gap], [at_us - 500])):
        with pytest.raises(BrokenPromise, match="is not stored"):
            books.explain("d0", device, [1], losses, kills, [])
