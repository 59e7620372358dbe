"""What both sides rely on: a parcel comes out as it went in, and bad bytes are named or refused, never believed."""

import math
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.contract import ContractError, FutureVersion, NotAParcel, UnreadableBody, codec, vectors_folder
from haechi.contract.codec import decode, encode
from haechi.contract.envelope import OVERHEAD_BYTES, unwrap, wrap
from haechi.contract.observations import Quality, Reading, Table, is_finite, tables
from haechi.contract.parcel import PARCEL_BYTES_MAX, LossRange, Parcel, ParcelName
from haechi.contract.places import Step
from haechi.contract.ranges import SEQ_MAX

from .samples import NAME, everything_else_parcel, observations_parcel, records_parcel

VECTORS = sorted(vectors_folder().glob("*.bin"))


@pytest.mark.parametrize("parcel", [observations_parcel(), everything_else_parcel(), records_parcel()])
def test_a_parcel_comes_out_as_it_went_in(parcel: Parcel) -> None:
    assert decode(encode(NAME, parcel)) == (NAME, parcel)


@pytest.mark.parametrize("parcel", [observations_parcel(), everything_else_parcel(), records_parcel()])
def test_the_outline_says_what_the_whole_parcel_says(parcel: Parcel) -> None:
    outline = codec.outline(encode(NAME, parcel))
    times = [time_us for table in parcel.tables for time_us in table.times_us]
    times += [event.time_us for event in parcel.events] + [picture.time_us for picture in parcel.evidence]
    assert outline == (
        *(NAME, parcel.epoch_order, parcel.epoch_number, parcel.observation_count),
        *(len(parcel.events), len(parcel.evidence), 0, len(parcel.losses), min(times), max(times)),
    )


def test_every_layout_has_a_vector() -> None:
    assert {path.stem for path in VECTORS} >= {"v1-observations", "v1-everything-else", "v1-device-records"}


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_golden_vectors_decode_for_ever(path: Path) -> None:
    name, parcel = decode(path.read_bytes())
    expected = msgspec.json.decode(path.with_suffix(".json").read_bytes())
    assert name == ParcelName(bytes.fromhex(expected["epoch"]), expected["seq"])
    assert parcel == msgspec.convert(expected["parcel"], Parcel, strict=False)


values = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**64 - 1),
    st.booleans(),
    st.text(max_size=20),
    st.integers(-(10**6), 10**6).map(Step.of("0.001").value),
)


@st.composite
def readings(draw: st.DrawFn) -> tuple[list[Reading], dict[str, Step]]:
    sets = draw(
        st.lists(
            st.lists(
                st.from_regex(r"[a-z0-9]{1,3}\.[a-z0-9]{1,4}", fullmatch=True), min_size=1, max_size=5, unique=True
            ),
            min_size=1,
            max_size=3,
        )
    )
    steps = {
        name: Step.of(draw(st.sampled_from(["0.001", "0.1", "1", "0.25", "3"])))
        for names in sets
        for name in names
        if draw(st.booleans())
    }
    rows = []
    for index in range(draw(st.integers(1, 6))):
        names = tuple(draw(st.sampled_from(sets)))
        qualities = draw(st.none() | st.tuples(*[st.sampled_from(Quality)] * len(names)))
        rows.append(Reading(draw(st.integers(0, 2**55)) + index, names, tuple(draw(values) for _ in names), qualities))
    return rows, steps


@given(readings())
def test_any_observations_survive_the_wire_exactly(made: tuple[list[Reading], dict[str, Step]]) -> None:
    rows, steps = made
    _, parcel = decode(encode(NAME, Parcel(epoch_order=1, epoch_number=0, tables=tables(rows, steps))))

    def cells(reading: Reading) -> list[tuple[object, ...]]:
        return [(o.datastream, o.observed_at_us, type(o.value), o.value, o.quality) for o in reading.observations()]

    expected = sorted((cell for row in rows for cell in cells(row)), key=repr)
    assert (
        sorted((cell for table in parcel.tables for row in table.readings() for cell in cells(row)), key=repr)
        == expected
    )


@given(st.integers(-(10**9), 10**9), st.sampled_from(["0.001", "0.1", "0.25", "1", "10", "0.0254", 1e-9]))
def test_a_devices_integer_is_found_again_in_its_value(count: int, scale: str | float) -> None:
    step = Step.of(scale)
    assert step.count_of(step.value(count)) == count


@pytest.mark.parametrize("scale", [0, -1, "nan", "inf", 1e-10, 1e10, "x"])
def test_an_impossible_step_is_refused(scale: float | str) -> None:
    with pytest.raises(ValueError):
        Step.of(scale)


def test_a_thousand_numbered_datastreams_cost_few_bytes() -> None:
    step = Step.of("0.1")
    blocks = [tuple(f"plc-{block:02d}.r{index:04d}" for index in range(125)) for block in range(8)]
    steps = {name: step for names in blocks for name in names}
    rows = [
        Reading(block * 977, names, tuple(step.value(hash((block, index)) % 65536) for index in range(125)))
        for block, names in enumerate(blocks)
    ]
    size = len(encode(NAME, Parcel(epoch_order=1, epoch_number=0, tables=tables(rows, steps))))
    assert size <= 5 * 1000


@given(st.data())
@settings(max_examples=200)
def test_one_damaged_byte_is_never_believed(data: st.DataObject) -> None:
    good = encode(NAME, observations_parcel())
    index = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[index] ^= data.draw(st.integers(1, 255))
    with pytest.raises(NotAParcel):
        decode(bytes(bad))


@given(st.binary(max_size=300))
def test_rubbish_is_refused(rubbish: bytes) -> None:
    with pytest.raises(ContractError):
        decode(rubbish)


@given(st.binary(max_size=300))
def test_a_rubbish_body_still_has_a_name(rubbish: bytes) -> None:
    parcel = wrap(NAME, codec.VERSION, zstandard.compress(rubbish))
    assert unwrap(parcel)[0] == NAME
    with pytest.raises(UnreadableBody):
        decode(parcel)


def _repack(**changes: object) -> bytes:
    """Encode the observations parcel with one field of its first table replaced."""
    body = msgspec.msgpack.decode(zstandard.decompress(codec.encode_body(observations_parcel())))
    fields = ["names", "times", "steps", "layout", "width", "integers", "floats", "others", "qualities"]
    for key, value in changes.items():
        body[6][1][fields.index(key)] = value
    return wrap(NAME, codec.VERSION, zstandard.compress(msgspec.msgpack.encode(body)))


@pytest.mark.parametrize(
    "changes",
    [
        {"names": "a.b"},
        {"names": "+0\n+0\n+0\n+0\n+0"},
        {"names": "a.b\n+0\n+0\n+0\n+0"},
        {"names": "a.b\nA.b\na.c\na.d\na.e"},
        {"names": "a.b\n\na.c\na.d\na.e"},
        {"names": "a.b\nab\na.c\na.d\na.e"},
        {"names": "a." + "b" * 159 + "\na.b\na.c\na.d\na.e"},
        {"times": []},
        {"times": [1]},
        {"steps": []},
        {"steps": [[0, 1]]},
        {"steps": [[1, 0]]},
        {"layout": b""},
        {"layout": b"\xff" * 5},
        {"width": 3},
        {"width": 0},
        {"integers": b"\x00"},
        {"floats": b"\x00"},
        {"others": []},
        {"others": [[True], [False]]},
        {"qualities": {9: [0, 0]}},
        {"qualities": {0: [0]}},
        {"qualities": {0: [0, 7]}},
    ],
    ids=repr,
)
def test_a_table_whose_parts_do_not_fit_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(UnreadableBody):
        decode(_repack(**changes))


def test_a_gigabyte_in_a_small_parcel_is_refused_unopened() -> None:
    bomb = zstandard.compress(bytes(200 * 1024 * 1024))
    assert len(bomb) < PARCEL_BYTES_MAX
    with pytest.raises(UnreadableBody, match="limit"):
        decode(wrap(NAME, codec.VERSION, bomb))


@pytest.mark.parametrize(("columns", "rows"), [(1, 250_001), (250_001, 1), (1000, 251)])
def test_a_parcel_of_too_many_observations_is_refused_before_it_is_unpacked(columns: int, rows: int) -> None:
    names = "a." + "9" * 150 + "\n+0" * (columns - 1)
    bomb = _repack(names=names, times=[0] * rows, layout=b"\1" * columns, width=1, integers=bytes(columns * rows))
    assert len(bomb) < PARCEL_BYTES_MAX
    with pytest.raises(UnreadableBody, match="250000"):
        decode(bomb)


def test_a_parcel_that_would_hold_up_a_transaction_is_refused() -> None:
    """Tens of thousands of events or lost ranges fit into 64 KiB, and an alarm would wait for all of them."""
    content = everything_else_parcel()
    (event,), (picture,), (loss,) = content.events[:1], content.evidence[:1], content.losses[:1]
    one = LossRange(epoch="00" * 16, first=1, last=1)
    few = msgspec.structs.replace(loss, ranges=(one,) * 999)
    for changes, what in (
        ({"events": [event] * 501}, "501 events, the limit is 500"),
        ({"losses": [few, few, loss]}, "losses, the limit is 2000"),
        ({"losses": [msgspec.structs.replace(loss, ranges=())] * 2_001}, "2001 losses"),
        ({"evidence": [picture] * 51}, "51 pictures"),
    ):
        with pytest.raises(UnreadableBody, match=what):
            decode(encode(NAME, msgspec.structs.replace(content, **changes)))
    decode(encode(NAME, msgspec.structs.replace(content, events=[event] * 500, losses=[few, few])))


def test_a_stream_that_hides_its_size_is_refused() -> None:
    hidden = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(100 * 1024 * 1024))
    with pytest.raises(UnreadableBody):
        decode(wrap(NAME, codec.VERSION, hidden))


def test_a_future_version_is_named_and_told_apart() -> None:
    with pytest.raises(FutureVersion, match="version 2"):
        decode(wrap(NAME, 2, b"whatever"))


def test_a_parcel_over_the_limit_is_refused() -> None:
    with pytest.raises(NotAParcel, match="limit"):
        unwrap(wrap(NAME, 1, bytes(PARCEL_BYTES_MAX - OVERHEAD_BYTES + 1)))


@pytest.mark.parametrize(
    "name", [ParcelName(b"short", 1), ParcelName(bytes(16), 0), ParcelName(bytes(16), SEQ_MAX + 1)]
)
def test_an_impossible_name_is_not_written(name: ParcelName) -> None:
    with pytest.raises(ValueError):
        wrap(name, 1, b"")


def test_table_rows_are_readings_again() -> None:
    rows = [Reading(1, ("a.b",), (1.5,), (Quality.BAD,)), Reading(2, ("a.b",), (2.5,))]
    (table,) = tables(rows, {})
    assert isinstance(table, Table)
    assert table.size == 2
    assert [reading.qualities for reading in table.readings()] == [(Quality.BAD,), (Quality.GOOD,)]


@pytest.mark.parametrize(
    ("value", "expected"), [(math.nan, False), (math.inf, False), (1.0, True), (True, True), ("x", True)]
)
def test_what_may_travel(value: float | bool | str, expected: bool) -> None:
    assert is_finite(value) is expected
