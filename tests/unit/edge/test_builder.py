"""Parcels: split when too large, nothing lost in the splitting, observations and events apart."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.contract.codec import decode_body
from haechi.contract.envelope import OVERHEAD_BYTES
from haechi.contract.events import Event, Evidence, Phase, Severity
from haechi.contract.observations import Observation, Reading
from haechi.contract.parcel import ClockQuality, LossCause, LossRange, LossRecord
from haechi.contract.places import Datastream
from haechi.edge.builder import Builder
from haechi.edge.outbox import Draft, Epoch, Rank

EPOCH = Epoch(bytes(16), 7, 42)
FREE = ClockQuality.FREE


def observations(drafts: list[Draft]) -> list[Observation]:
    return [
        observation
        for draft in drafts
        for table in decode_body(1, draft.body).tables
        for reading in table.readings()
        for observation in reading.observations()
    ]


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(1, 60), st.integers(0, 2**32))
def test_splitting_loses_nothing_and_fits(rows: int, columns: int, seed: int) -> None:
    chance = random.Random(seed)
    names = tuple(f"meter-{chance.randrange(10**9)}.value" for _ in range(columns))
    readings = [Reading(row, names, tuple(chance.random() for _ in names)) for row in range(rows)]
    builder = Builder({}, bytes_max=2048)
    drafts = builder.observations(readings, EPOCH, FREE)
    assert all(len(draft.body) + OVERHEAD_BYTES <= 2048 for draft in drafts)
    wanted = [observation for reading in readings for observation in reading.observations()]
    assert sorted(observations(drafts), key=repr) == sorted(wanted, key=repr)
    assert sum(draft.observations for draft in drafts) == rows * columns
    assert {draft.rank for draft in drafts} == {Rank.LIVE}


def test_a_parcel_of_records_says_itself_by_which_time_its_points_are_named() -> None:
    stream = Datastream(id="a.b", thing="a", observed_property="level", unit="m", device_time=True)
    builder = Builder({}, bytes_max=2048, records={"a.b": stream})
    chance = random.Random(1)
    records = [Reading(row, ("a.b",), (chance.random(),)) for row in range(500)]
    drafts = builder.observations([*records, Reading(1, ("a.c",), (1.0,))], EPOCH, FREE)
    assert len(drafts) > 1
    for draft in drafts:
        parcel = decode_body(1, draft.body)
        with_records = any("a.b" in table.datastreams for table in parcel.tables)
        assert parcel.datastreams == ([stream] if with_records else [])


def test_a_value_that_no_parcel_can_hold_is_counted() -> None:
    chance = random.Random(1)
    text = "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(60_000))
    builder = Builder({})
    drafts = builder.observations([Reading(1, ("a.b", "a.c"), (text, 1.0))], EPOCH, FREE)
    assert [observation.value for observation in observations(drafts)] == [1.0]
    assert builder.counters["items_too_large"] == 1


def event(number: int) -> Event:
    return Event(
        id=f"event-{number:06d}",
        type="flood.level_high",
        source="river-1",
        subject="bridge",
        time_us=number,
        phase=Phase.OCCURRED,
        severity=Severity.SEVERE,
        data={"note": str(random.Random(number).random())},
    )


def test_events_are_urgent_and_keep_their_order() -> None:
    drafts = Builder({}, bytes_max=2048).events([event(number) for number in range(500)], EPOCH, FREE)
    assert len(drafts) > 1
    assert {draft.rank for draft in drafts} == {Rank.URGENT}
    got = [event.time_us for draft in drafts for event in decode_body(1, draft.body).events]
    assert got == list(range(500))
    assert sum(draft.events for draft in drafts) == 500


def test_every_picture_has_a_parcel_of_its_own() -> None:
    picture = Evidence(
        id="picture-1",
        event="event-000001",
        source="cam-1",
        time_us=1,
        width_px=640,
        height_px=360,
        content=random.Random(1).randbytes(60 * 1024),
    )
    builder = Builder({})
    drafts = builder.evidence([picture, picture], EPOCH, FREE)
    assert [draft.rank for draft in drafts] == [Rank.EVIDENCE] * 2
    assert builder.counters["items_too_large"] == 0


def test_descriptions_of_very_many_datastreams_travel_in_several_parcels() -> None:
    chance = random.Random(2)
    streams = [
        Datastream(id=f"m{n}.v{chance.randrange(10**12)}", thing=f"m{n}", observed_property="power", unit="W")
        for n in range(2000)
    ]
    drafts = Builder({}, bytes_max=8192).descriptions([], [], streams, EPOCH, FREE)
    got = [stream for draft in drafts for stream in decode_body(1, draft.body).datastreams]
    assert got == streams


def test_a_loss_of_very_many_ranges_travels_in_pieces_that_count_once() -> None:
    record = LossRecord(
        id="a" * 32,
        cause=LossCause.QUOTA,
        ranges=tuple(LossRange(epoch="0" * 32, first=2 * n + 1, last=2 * n + 1) for n in range(1200)),
        first_us=1,
        last_us=2,
        observations=1200,
        events=3,
    )
    drafts = Builder({}).losses([record], EPOCH, FREE)
    pieces = [loss for draft in drafts for loss in decode_body(1, draft.body).losses]
    assert sum(len(piece.ranges) for piece in pieces) == 1200
    assert sum(piece.observations or 0 for piece in pieces) == 1200
    assert len({piece.id for piece in pieces}) == len(pieces) == 3
    assert all(draft.keeps for draft in drafts)


def clip(content: bytes) -> Evidence:
    return Evidence(
        id="clip-000001",
        event="event-000001",
        source="cam-1",
        time_us=5,
        media_type="video/mp4",
        width_px=640,
        height_px=360,
        content=content,
    )


def test_a_clip_travels_in_pieces_that_make_it_up_again() -> None:
    chance = random.Random(3)
    whole = chance.randbytes(150_000)
    for bytes_max in (64 * 1024, 4096):
        builder = Builder({}, bytes_max=bytes_max)
        drafts = builder.evidence([clip(whole)], EPOCH, FREE)
        assert {draft.rank for draft in drafts} == {Rank.CLIP}
        assert all(len(draft.body) + OVERHEAD_BYTES <= bytes_max for draft in drafts)
        pieces = [picture for draft in drafts for picture in decode_body(1, draft.body).evidence]
        assert [(piece.piece, piece.pieces) for piece in pieces] == [
            (n, len(pieces)) for n in range(1, len(pieces) + 1)
        ]
        assert b"".join(piece.content for piece in pieces) == whole


def test_a_clip_of_too_many_pieces_is_counted() -> None:
    builder = Builder({}, bytes_max=2048)
    assert builder.evidence([clip(bytes(200_000))], EPOCH, FREE) == []
    assert builder.counters["items_too_large"] == 1


@pytest.mark.parametrize("bytes_max", [2048, 2744, 4096])
def test_a_loss_that_packs_badly_is_told_whole_to_a_small_broker(bytes_max: int) -> None:
    chance = random.Random(3)
    firsts = sorted(chance.sample(range(1, 10**12), 500))
    record = LossRecord(
        id="a" * 32,
        cause=LossCause.QUOTA,
        ranges=tuple(LossRange(epoch="0" * 32, first=first, last=first) for first in firsts),
        first_us=1,
        last_us=2,
        datastreams=tuple(f"meter-{chance.randrange(10**9)}.value" for _ in range(200)),
        observations=500,
        events=3,
    )
    builder = Builder({}, bytes_max=bytes_max)
    drafts = builder.losses([record], EPOCH, FREE)
    assert all(len(draft.body) + OVERHEAD_BYTES <= bytes_max for draft in drafts)
    pieces = [loss for draft in drafts for loss in decode_body(1, draft.body).losses]
    assert {part.first for piece in pieces for part in piece.ranges} == set(firsts)
    assert {name for piece in pieces for name in piece.datastreams} == set(record.datastreams)
    assert (sum(piece.observations or 0 for piece in pieces), sum(piece.events or 0 for piece in pieces)) == (500, 3)
    assert len({piece.id for piece in pieces}) == len(pieces)
    assert builder.counters["items_too_large"] == 0


def test_descriptions_that_pack_very_well_can_be_unpacked() -> None:
    streams = [
        Datastream(id=f"bus.r{n:05d}", thing="bus", observed_property="power", unit="W", name="N" * 60)
        for n in range(40_000)
    ]
    drafts = Builder({}).descriptions([], [], streams, EPOCH, FREE)
    assert sum(len(decode_body(1, draft.body).datastreams) for draft in drafts) == 40_000
