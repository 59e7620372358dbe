"""Batches are cut by what was read, not by how small it came; what breaks the reading is named all the same."""

import asyncio
from collections import deque

import pytest

from haechi.cloud.event_broker import batches
from haechi.cloud.event_broker.arrivals import Arrival
from haechi.cloud.event_broker.batches import Reader, Room
from haechi.cloud.event_broker.lanes import Lane, Waiting
from haechi.contract import codec
from haechi.contract.parcel import OBSERVATIONS_MAX, LossCause, LossRange, LossRecord, Parcel, ParcelName
from support.sender import EPOCH, alarm, flood, level, table

LIVE = "haechi/v1/city/cabinet-1/up/live"
READER = Reader(["city"], "city")


def waiting(*payloads: bytes, topic: str = LIVE) -> deque[Waiting]:
    done = asyncio.get_running_loop().create_future
    return deque(Waiting(Arrival(topic, payload, 0), done()) for payload in payloads)


def parcel(seq: int, content: Parcel) -> bytes:
    return codec.encode(ParcelName(EPOCH, seq), content)


def quarter_of_a_million(seq: int) -> bytes:
    """As many observations as a parcel may hold, in a few hundred bytes."""
    rows = OBSERVATIONS_MAX // 100
    columns = [[0.0] * rows for _ in range(100)]
    names = [f"a.{number}" for number in range(100)]
    content = Parcel(epoch_order=1, epoch_number=7, tables=[table(names, range(rows), columns)])
    return parcel(seq, content)


async def test_few_bytes_that_stand_for_many_values_do_not_fill_the_memory() -> None:
    come = waiting(*[quarter_of_a_million(seq) for seq in range(1, 4)])
    assert sum(len(one.arrival.payload) for one in come) < 10_000
    room, alive = Room(), 0
    while come:
        await asyncio.wait_for(room.wait(), 1)
        batch = READER.batch(come, with_stores=True)
        assert len(batch.deliveries) == 1
        room.take(batch.weight)
        alive += 1
        if alive == 2:
            break
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(room.wait(), 0.01)
    assert 2 * OBSERVATIONS_MAX <= 2 * batch.weight < batches.ALIVE_WEIGHT_MAX
    room.give_back(batch.weight)
    await asyncio.wait_for(room.wait(), 1)


async def test_a_long_text_weighs_as_well() -> None:
    text = Parcel(epoch_order=1, epoch_number=7, tables=[table(["a.b"], [1], [["x" * 4_000_000]])])
    come = waiting(*[parcel(seq, text) for seq in range(1, 10)])
    assert len(READER.batch(come, with_stores=True).deliveries) == 2


async def test_a_lane_without_stores_keeps_nothing_of_what_it_hands_over() -> None:
    come = waiting(parcel(1, level(0, 1.0)), parcel(2, alarm(flood("event-0001"))), topic="haechi/v1/city/g/up/urgent")
    batch = READER.batch(come, with_stores=False)
    assert ([one.name.seq for one in batch.deliveries], len(batch.needy), len(batch.waiting)) == ([2], 1, 2)


async def test_events_and_losses_that_take_long_are_not_gathered_into_one_transaction() -> None:
    events = [flood(f"event-{number:04d}") for number in range(100)]
    come = waiting(*[parcel(seq, alarm(*events)) for seq in range(1, 6)])
    assert [len(READER.batch(come, with_stores=False).deliveries) for _ in range(3)] == [2, 2, 1]
    ranges = tuple(LossRange(epoch=EPOCH.hex(), first=2 * one, last=2 * one) for one in range(1, 1_001))
    loss = LossRecord(id="loss-0001", cause=LossCause.QUOTA, ranges=ranges, first_us=None, last_us=None)
    come = waiting(*[parcel(seq, Parcel(epoch_order=1, epoch_number=7, losses=[loss])) for seq in range(1, 4)])
    assert [len(READER.batch(come, with_stores=False).deliveries) for _ in range(2)] == [2, 1]


async def test_what_breaks_the_reading_is_named_and_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_version: int, _body: bytes) -> Parcel:
        raise RuntimeError("a mistake in the codec")

    monkeypatch.setattr(codec, "decode_body", broken)
    (one,) = READER.batch(waiting(parcel(5, level(0, 1.0))), with_stores=True).unreadable
    assert (one.cause, one.settles) == ("poison", ParcelName(EPOCH, 5))
    assert (one.letter.tenant, one.letter.gateway, one.letter.epoch, one.letter.seq) == ("city", "cabinet-1", EPOCH, 5)
    assert "a mistake in the codec" in one.letter.reason


async def test_a_message_for_which_nobody_waits_any_more_leaves_its_lane() -> None:
    lane = Lane()
    come = waiting(b"1", b"2", b"3")
    for one in come:
        lane.put(one)
    lane.let_go(come[1])
    assert [one.arrival.payload for one in await lane.batch()] == [b"1", b"3"]
    lane.let_go(come[0])
    assert len(lane) == 0
