"""Samples become readings: nothing that is not finite, nothing undescribed, derived values exact."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.contract.observations import Quality, Reading
from haechi.contract.places import Step
from haechi.edge.derive import plan
from haechi.edge.normalise import Normaliser
from haechi.sdk.sample import Sample

NAMES = ("river-1.distance", "river-1.battery")


def normaliser(**more: object) -> Normaliser:
    return Normaliser(NAMES, **more)  # type: ignore[arg-type]


def test_a_sample_is_stamped() -> None:
    reading = normaliser().reading(Sample(NAMES, (1.2, 12.0)), 99)
    assert reading == Reading(99, NAMES, (1.2, 12.0))


def test_a_record_from_the_devices_own_memory_keeps_its_time() -> None:
    reading = normaliser().reading(Sample(NAMES, (1.2, 12.0), device_time_us=5), 99)
    assert reading is not None
    assert reading.observed_at_us == 5


@given(st.lists(st.floats(), min_size=2, max_size=2), st.booleans())
def test_what_is_not_finite_is_dropped_and_counted(values: list[float], with_qualities: bool) -> None:
    maker = normaliser()
    qualities = (Quality.GOOD, Quality.UNCERTAIN) if with_qualities else None
    reading = maker.reading(Sample(NAMES, tuple(values), qualities), 1)
    kept = [name for name, value in zip(NAMES, values, strict=True) if math.isfinite(value)]
    assert ([] if reading is None else list(reading.datastreams)) == kept
    assert maker.counters["values_impossible"] == 2 - len(kept)
    if reading is not None:
        assert all(math.isfinite(value) for value in reading.values if isinstance(value, float))
        assert reading.qualities is None or len(reading.qualities) == len(kept)


@pytest.mark.parametrize(
    "value", [2**63, -(2**63) - 1, Decimal(1), Fraction(1), None, b"", [1.0], "\udcff", "x" * 4097]
)
def test_what_cannot_be_sent_is_dropped_and_counted(value: object) -> None:
    maker = normaliser()
    reading = maker.reading(Sample(NAMES, (value, 12.0)), 1)  # type: ignore[arg-type]
    assert reading == Reading(1, NAMES[1:], (12.0,))
    assert maker.counters["values_impossible"] == 1


def test_undescribed_and_malformed_samples_are_counted() -> None:
    maker = normaliser()
    assert maker.reading(Sample(("river-1.other",), (1.0,)), 1) is None
    assert maker.reading(Sample((NAMES[0], NAMES[0]), (1.0, 2.0)), 2) is None
    assert maker.reading(Sample(NAMES, (1.0,)), 3) is None
    assert maker.reading(Sample(NAMES, (1.0, 2.0), device_time_us=-1), 4) is None
    assert maker.counters == {"samples_not_described": 2, "samples_malformed": 2}


def test_a_value_outside_its_range_is_kept_and_marked_bad() -> None:
    reading = normaliser(ranges={"river-1.distance": (0.3, 5.0)}).reading(Sample(NAMES, (9.0, 12.0)), 1)
    assert reading is not None
    assert reading.values == (9.0, 12.0)
    assert reading.qualities == (Quality.BAD, Quality.GOOD)


def test_a_derived_value_takes_time_and_quality_of_its_source() -> None:
    derivations = {"river-1.distance": [("river-1.level", plan(5.0, -1.0, (1, 1000)))]}
    sample = Sample(NAMES, (1.2, 12.0), (Quality.UNCERTAIN, Quality.GOOD))
    reading = normaliser(derivations=derivations).reading(sample, 7)
    assert reading == Reading(
        7,
        (*NAMES, "river-1.level"),
        (1.2, 12.0, 3.8),
        (Quality.UNCERTAIN, Quality.GOOD, Quality.UNCERTAIN),
    )


@given(
    st.integers(-(10**6), 10**6),
    st.sampled_from(["0", "5", "5.123", "-0.5"]),
    st.sampled_from(["1", "-1", "2.5", "0.1"]),
    st.sampled_from(["1", "0.001", "0.25", "10"]),
)
def test_derived_values_of_whole_counts_are_exact(count: int, offset: str, factor: str, scale: str) -> None:
    step = Step.of(scale)
    derived = plan(float(offset), float(factor), step)
    assert derived.step is not None
    exact = Fraction(offset) + Fraction(factor) * count * Fraction(*step)
    value = derived.value(step.value(count))
    assert value == float(exact)
    assert derived.step.count_of(value) is not None


def test_a_camera_that_stamps_twice_alike_is_put_apart() -> None:
    maker = normaliser()
    reading = Reading(5, ("cam-1.line.forward",), (1,))
    assert [maker.later(reading, 100).observed_at_us for _ in range(3)] == [100, 101, 102]
    maker.begin_epoch()
    assert maker.later(reading, 50).observed_at_us == 50


@pytest.mark.parametrize("told_us", [1e15, math.nan, -1, 2**60, True, "5"])
def test_a_time_that_is_no_number_of_microseconds_is_malformed(told_us: object) -> None:
    maker = normaliser()
    assert maker.reading(Sample(NAMES, (1.2, 12.0), device_time_us=told_us), 99) is None  # type: ignore[arg-type]
    assert maker.counters["samples_malformed"] == 1


def test_what_cannot_be_derived_costs_nothing_else_that_can() -> None:
    maker = normaliser(
        derivations={
            "river-1.distance": [("river-1.level", plan(3.0, -1.0, None))],
            "river-1.battery": [("river-1.charge", plan(0.0, 2.0, None))],
        },
        ranges={"river-1.charge": (0.0, 10.0), "river-1.level": (0.0, 10.0)},
    )
    reading = maker.reading(Sample(NAMES, ("no echo", 12.0)), 1)
    assert reading is not None
    assert dict(zip(reading.datastreams, reading.values, strict=True)) == {
        "river-1.distance": "no echo",
        "river-1.battery": 12.0,
        "river-1.charge": 24.0,
    }
    assert reading.qualities == (Quality.GOOD, Quality.GOOD, Quality.BAD)
    assert maker.counters["values_not_derived"] == 1
