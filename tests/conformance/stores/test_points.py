"""What every time-series store must do; run against each of them."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haechi.cloud.addresses import open_points
from haechi.cloud.store import Batch, Marker, PointStore, StoreRefused, StoreUnavailable
from haechi.contract.observations import Quality, Value
from support.influx import DATABASE, InfluxServer
from support.sender import table

NOW_US = 1_790_000_000_000_000
DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    with InfluxServer(tmp_path_factory.mktemp("influx")) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("influxdb", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PointStore]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/points.db"
    else:
        server = request.getfixturevalue("influx")
        server.ask(f"DROP DATABASE {DATABASE}")
        server.ask(f"CREATE DATABASE {DATABASE}")
        url = f"influxdb://127.0.0.1:{server.port}/{DATABASE}"
    opened = open_points(url, lambda: NOW_US, retention_days=365)
    yield opened
    opened.close()


def batch(*values: Value, start_us: int = NOW_US - DAY_US, step_us: int = 1_000_000, number: int = 7) -> Batch:
    times_us = [start_us + step_us * index for index in range(len(values))]
    return Batch("city", "cabinet-1", number, [table(["river-1.level"], times_us, [values])])


def read(store: PointStore, datastream: str = "river-1.level", points_max: int = 10_000) -> list[Value]:
    rows = store.read("city", "cabinet-1", datastream, 0, NOW_US + DAY_US, points_max)
    return [row.value for row in rows]


def test_what_was_written_comes_back_in_order_with_its_time_and_quality(store: PointStore) -> None:
    times_us = [NOW_US - 2_000_001, NOW_US - 1_000_000, NOW_US]
    written = table(
        ["a.x", "a.y"], times_us, [[1.5, 2.5, -0.1], [3, 4, 5]], {1: [Quality.BAD, Quality.GOOD, Quality.UNCERTAIN]}
    )
    assert store.write([Batch("city", "cabinet-1", 999, [written])]) == []
    rows = store.read("city", "cabinet-1", "a.x", 0, NOW_US + 1, 100)
    assert [(row.time_us, row.value, row.quality) for row in rows] == [
        (times_us[0], 1.5, 0), (times_us[1], 2.5, 0), (times_us[2], -0.1, 0)
    ]  # fmt: skip
    rows = store.read("city", "cabinet-1", "a.y", 0, NOW_US + 1, 100)
    assert [(row.value, row.quality) for row in rows] == [(3.0, 2), (4.0, 0), (5.0, 1)]


def test_truth_and_text_come_back_as_what_they_are(store: PointStore) -> None:
    nasty = "a\"b\\c,d=e f'g;h 홍수 \n x"
    times_us = [NOW_US - 1, NOW_US]
    written = table(["door.open", "sign.text"], times_us, [[True, False], [nasty, ""]])
    assert store.write([Batch("city", "cabinet-1", 0, [written])]) == []
    assert read(store, "door.open") == [True, False]
    assert read(store, "sign.text") == [nasty, ""]


def test_a_datastream_may_change_its_type(store: PointStore) -> None:
    assert store.write([batch(1.0, True, "off", 2)]) == []
    assert read(store) == [1.0, True, "off", 2.0]


def test_writing_again_adds_nothing(store: PointStore) -> None:
    for _ in range(3):
        assert store.write([batch(1.0, 2.0, 3.0)]) == []
    assert read(store) == [1.0, 2.0, 3.0]
    assert store.count("city") == {"cabinet-1/river-1.level": 3}


def test_two_epochs_in_the_same_fake_time_overwrite_nothing(store: PointStore) -> None:
    store.write([batch(1.0, number=1), batch(2.0, number=2)])
    assert read(store) == [1.0, 2.0]


def test_records_with_device_time_are_the_same_point_in_every_epoch(store: PointStore) -> None:
    for number in (1, 2):
        one = batch(1.0, number=number)
        store.write([Batch(one.tenant, one.gateway, number, one.tables, frozenset({"river-1.level"}))])
    assert store.count("city") == {"cabinet-1/river-1.level": 1}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_and_costs_nobody_else(store: PointStore, value: float) -> None:
    refused = store.write([batch(1.0, value, 3.0)])
    assert [(point.datastream, point.time_ns) for point in refused] == [
        ("river-1.level", (NOW_US - DAY_US + 1_000_000) * 1000 + 7)
    ]
    assert read(store) == [1.0, 3.0]


@pytest.mark.parametrize(
    "time_us",
    [-1, NOW_US - 366 * DAY_US, NOW_US + DAY_US + 1, 2**70, -(2**70)],
    ids=["negative", "old", "ahead", "huge", "-huge"],
)
def test_an_impossible_time_is_refused(store: PointStore, time_us: int) -> None:
    good = table(["a.x"], [NOW_US], [[1.0]])
    bad = table(["a.x"], [time_us], [[2.0]])
    refused = store.write([Batch("city", "cabinet-1", 0, [bad, good])])
    assert [point.value for point in refused] == [2.0]
    assert read(store, "a.x") == [1.0]


def test_the_range_is_closed_below_and_open_above(store: PointStore) -> None:
    store.write([batch(0.0, 1.0, 2.0, start_us=NOW_US, step_us=10, number=0)])
    rows = store.read("city", "cabinet-1", "river-1.level", NOW_US, NOW_US + 20, 10)
    assert [row.value for row in rows] == [0.0, 1.0]
    assert store.read("city", "cabinet-1", "river-1.level", NOW_US + 20, NOW_US, 10) == []


def test_a_series_is_somebody_s_own(store: PointStore) -> None:
    one = batch(1.0)
    store.write([one, Batch("town", "cabinet-1", 7, one.tables), Batch("city", "cabinet-2", 7, one.tables)])
    assert store.count("city") == {"cabinet-1/river-1.level": 1, "cabinet-2/river-1.level": 1}
    assert store.count("city", "cabinet-2") == {"cabinet-2/river-1.level": 1}
    assert store.read("city", "cabinet-9", "river-1.level", 0, NOW_US, 10) == []
    assert store.read("x' OR 'a'='a", "cabinet-1", "river-1.level", 0, NOW_US + DAY_US, 10) == []


@pytest.mark.parametrize("points_max", [1, 2, 7, 100, 999])
def test_down_sampling_keeps_the_spikes_and_the_bound(store: PointStore, points_max: int) -> None:
    values = [float(index % 10) for index in range(1000)]
    values[503] = 99.0
    values[777] = -5.0
    store.write([batch(*values)])
    rows = store.read("city", "cabinet-1", "river-1.level", 0, NOW_US + DAY_US, points_max)
    assert 1 <= len(rows) <= points_max
    assert max(row.maximum for row in rows if row.maximum is not None) == 99.0
    assert min(row.minimum for row in rows if row.minimum is not None) == -5.0
    assert [row.time_us for row in rows] == sorted(row.time_us for row in rows)
    assert all(row.minimum is not None and row.minimum <= float(row.value) <= (row.maximum or 0) for row in rows)


def test_down_sampling_what_is_no_number_keeps_a_value_of_each_stretch(store: PointStore) -> None:
    store.write([batch(*(index >= 50 for index in range(100)))])
    rows = store.read("city", "cabinet-1", "river-1.level", 0, NOW_US + DAY_US, 10)
    assert 2 <= len(rows) <= 10
    assert (rows[0].value, rows[-1].value) == (False, True)


def test_many_points_in_one_write(store: PointStore) -> None:
    columns = [[float(row) for row in range(60)] for _ in range(200)]
    names = [f"meter-{number}.power" for number in range(200)]
    times_us = [NOW_US - DAY_US + 1_000_000 * row for row in range(60)]
    assert store.write([Batch("city", "cabinet-1", 1, [table(names, times_us, columns)])]) == []
    counted = store.count("city")
    assert len(counted) == 200
    assert set(counted.values()) == {60}


def test_nothing_to_write_is_no_error(store: PointStore) -> None:
    assert store.write([]) == []
    assert store.count("city") == {}
    store.check()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.one_of(st.floats(allow_nan=False, allow_infinity=False, width=64), st.integers(-(2**62), 2**62)),
        min_size=1,
        max_size=20,
    )
)
def test_every_number_comes_back(store: PointStore, values: list[float]) -> None:
    assert store.write([batch(*values)]) == []
    assert read(store)[: len(values)] == [float(value) for value in values]


@pytest.mark.servers
def test_a_database_that_is_missing_wants_a_person(influx: InfluxServer) -> None:
    store = open_points(f"influxdb://127.0.0.1:{influx.port}/nothing", lambda: NOW_US, None)
    with pytest.raises(StoreRefused, match="nothing"):
        store.write([batch(1.0)])
    with pytest.raises(StoreRefused, match="not found"):
        store.check()
    store.close()


@pytest.mark.servers
def test_a_line_that_the_server_refuses_costs_no_other(influx: InfluxServer) -> None:
    influx.ask(f"DROP DATABASE {DATABASE}")
    influx.ask(f"CREATE DATABASE {DATABASE}")
    store = open_points(f"influxdb://127.0.0.1:{influx.port}/{DATABASE}", lambda: NOW_US, None)
    long = "x" * 70_000  # over the 64 KiB that the server takes as a string
    refused = store.write(
        [
            batch(1.0, 2.0, start_us=NOW_US),
            Batch("city", "g", 0, [table(["a." + "b" * 66_000], [NOW_US], [[1.0]])]),
            batch(long, 5.0),
        ]
    )
    assert len(refused) >= 1
    assert sorted(map(str, read(store)))[:3] == ["1.0", "2.0", "5.0"]
    store.close()


@pytest.mark.servers
def test_a_server_that_is_gone_or_frozen_means_try_again(tmp_path: Path) -> None:
    with InfluxServer(tmp_path) as server:
        store = open_points(f"influxdb://127.0.0.1:{server.port}/{DATABASE}", lambda: NOW_US, None)
        server.kill()
        with pytest.raises(StoreUnavailable):
            store.write([batch(1.0)])
        with pytest.raises(StoreUnavailable):
            store.check()
        server.start()
        assert store.write([batch(1.0)]) == []
        store.close()


def test_the_newest_marker_is_the_one_with_the_highest_number_whatever_the_clock_said(store: PointStore) -> None:
    assert store.newest_mark("this-cloud") is None
    for marker in (Marker(1, NOW_US), Marker(2, NOW_US + 4000 * DAY_US), Marker(3, NOW_US - DAY_US)):
        store.mark("this-cloud", marker)
        assert store.newest_mark("this-cloud") == marker
    store.mark("this-cloud", Marker(2, NOW_US - DAY_US))
    assert store.newest_mark("this-cloud") == Marker(3, NOW_US - DAY_US), "a slower worker takes nothing back"
    store.mark('this cloud\'s, "other"', Marker(9, NOW_US))
    assert store.newest_mark("this-cloud") == Marker(3, NOW_US - DAY_US)
    assert store.newest_mark('this cloud\'s, "other"') == Marker(9, NOW_US)
    assert store.count("city") == {}, "no marker is anybody's point"
