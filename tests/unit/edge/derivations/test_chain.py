"""Every kind of derivation, from its configuration to its results: no input, no claim; what is local stays."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from haechi.contract.observations import Quality, Reading, Value
from haechi.contract.places import Datastream
from haechi.edge.derivations.chain import Chain
from haechi.edge.derivations.config import Derivation
from haechi.edge.derivations.planning import computed, straight

_written: TypeAdapter[Any] = TypeAdapter(Derivation)


def stream(name: str, unit: str, **more: Any) -> Datastream:
    return Datastream(id=name, thing=name.partition(".")[0], observed_property="it", unit=unit, **more)


KNOWN = {
    one.id: one
    for one in (
        stream("rain-1.total", "mm", counter="total"),
        stream("rain-1.since", "mm", counter="increment"),
        stream("loop-1.count", "{veh}", counter="total", rolls_over_at=1000.0),
        stream("loop-1.speed", "m/s"),
        stream("loop-1.share", "%"),
        stream("loop-1.covered", "1", kind="bool"),
        stream("road-1.temperature", "Cel"),
        stream("road-1.film", "um"),
        stream("road-1.freezing", "Cel"),
        stream("cam-1.dip.wetness", "1"),
        stream("air-1.temperature", "Cel"),
        stream("air-1.humidity", "%"),
        stream("air-1.dew", "Cel"),
        stream("meter-1.power", "W"),
        stream("meter-1.energy", "kW.h"),
        stream("shake-1.ehz", "1", period_s=0.01, device_time=True),
        stream("river-1.level", "cm"),
        stream("sign-1.text", "1", kind="text"),
    )
}


def chain(*written: dict[str, Any], **more: Any) -> Chain:
    known, links = dict(KNOWN), []
    for index, one in enumerate(written):
        link, made = computed(f"derivation[{index}]", _written.validate_python(one), known)
        known[made.id] = made
        links.append(link)
    return Chain(links, **more)


def run(
    at_work: Chain, said: Iterable[tuple[float, Mapping[str, Value]]], qualities: dict[str, Quality] | None = None
) -> dict[str, list[tuple[float, Value, Quality]]]:
    """Let values come at their times; return what was made of them."""
    found: dict[str, list[tuple[float, Value, Quality]]] = {}
    for at_s, values in said:
        marks = tuple((qualities or {}).get(name, Quality.GOOD) for name in values)
        for made in at_work.observe(Reading(int(at_s * 1e6), tuple(values), tuple(values.values()), marks), at_s):
            for one in made.observations():
                found.setdefault(one.datastream, []).append((at_s, one.value, one.quality))
    return found


RAIN = {"id": "rain-1.intensity", "kind": "rain_intensity", "source": "rain-1.total", "window_s": 600}


def test_rain_intensity_begins_after_its_window_and_outlives_a_reset() -> None:
    said = [(float(at_s), {"rain-1.total": (at_s % 900) / 100}) for at_s in range(0, 1800, 10)]
    found = run(chain(RAIN), said)["rain-1.intensity"]
    assert found[0][0] == 600
    assert all(value == pytest.approx(36.0, rel=0.02) for _at_s, value, _quality in found)


def test_a_count_that_its_reading_resets_is_added_up() -> None:
    said = [(float(at_s), {"rain-1.since": 0.1}) for at_s in range(0, 1200, 10)]
    found = run(chain({**RAIN, "source": "rain-1.since"}), said)["rain-1.intensity"]
    assert found[-1][1] == pytest.approx(36.0, rel=0.02)


def test_a_result_is_uncertain_for_as_long_as_its_window_holds_what_an_uncertain_value_said() -> None:
    at_work, unsure = chain({**RAIN, "window_s": 60}), {"rain-1.total": Quality.UNCERTAIN}
    run(at_work, [(float(at_s), {"rain-1.total": at_s / 100}) for at_s in range(0, 100, 10)])
    run(at_work, [(100.0, {"rain-1.total": 1.0})], unsure)
    found = run(at_work, [(float(at_s), {"rain-1.total": at_s / 100}) for at_s in range(110, 200, 10)])
    uncertain_at = [at_s for at_s, _value, quality in found["rain-1.intensity"] if quality is Quality.UNCERTAIN]
    assert uncertain_at == [110, 120, 130, 140, 150, 160, 170]


def test_an_occupancy_is_as_sure_as_the_least_sure_word_in_its_window() -> None:
    share = {"id": "loop-1.occupancy", "kind": "occupancy", "source": "loop-1.covered", "window_s": 60}
    at_work = chain(share)
    run(at_work, [(float(at_s), {"loop-1.covered": True}) for at_s in range(0, 100, 2)])
    run(at_work, [(100.0, {"loop-1.covered": True})], {"loop-1.covered": Quality.UNCERTAIN})
    found = run(at_work, [(float(at_s), {"loop-1.covered": True}) for at_s in range(102, 200, 2)])["loop-1.occupancy"]
    assert {quality for at_s, _value, quality in found if at_s <= 162} == {Quality.UNCERTAIN}
    assert {quality for at_s, _value, quality in found if at_s > 162} == {Quality.GOOD}


def test_rain_of_a_long_silence_is_the_mean_of_that_silence_and_uncertain() -> None:
    at_work = chain(RAIN)
    run(at_work, [(60.0 * minute, {"rain-1.total": 100.0}) for minute in range(30)])
    found = run(at_work, [(60.0 * 29 + 5 * 3600, {"rain-1.total": 160.0})])["rain-1.intensity"]
    assert [(value, quality) for _at_s, value, quality in found] == [(12.0, Quality.UNCERTAIN)]


def test_a_counter_that_jumps_is_told_once_as_bad_and_watched_anew() -> None:
    at_work = chain({**RAIN, "window_s": 60})
    totals = [5.0] * 10 + [500.0] * 10
    found = run(at_work, [(10.0 * place, {"rain-1.total": total}) for place, total in enumerate(totals)])
    assert [(at_s, quality) for at_s, value, quality in found["rain-1.intensity"] if value or at_s >= 100] == [
        (110.0, Quality.BAD),
        (170.0, Quality.GOOD),
        (180.0, Quality.GOOD),
        (190.0, Quality.GOOD),
    ]


SERVICE = {"id": "loop-1.service", "kind": "level_of_service", "flow": "loop-1.flow", "speed": "loop-1.speed"}


@pytest.mark.parametrize(
    ("more", "each_2_s", "said", "level"),
    [
        ({}, 1, {"loop-1.speed": 0.0}, "F"),
        ({}, 0, {"loop-1.speed": 0.0}, None),
        ({}, 0, {"loop-1.speed": 1.0}, None),
        ({"occupancy": "loop-1.share"}, 0, {"loop-1.speed": 1.0, "loop-1.share": 95.0}, "F"),
        ({"occupancy": "loop-1.share"}, 0, {"loop-1.share": 0.0}, "A"),
        ({"occupancy": "loop-1.share"}, 1, {"loop-1.share": 11.0}, "D"),
        ({"occupancy": "loop-1.share"}, 1, {"loop-1.speed": 25.0, "loop-1.share": 0.0}, "D"),
    ],
)
def test_a_standing_queue_is_no_empty_road(
    more: dict[str, str], each_2_s: int, said: dict[str, Value], level: str | None
) -> None:
    flow = {"id": "loop-1.flow", "kind": "traffic_flow", "source": "loop-1.count", "window_s": 60}
    at_work = chain(flow, {**SERVICE, **more})
    run(at_work, [(0.0, said)])
    found = run(at_work, [(2.0 * place, {"loop-1.count": place * each_2_s}) for place in range(100)])
    assert {value for _at_s, value, _quality in found.get("loop-1.service", [])} == ({level} if level else set())


def test_flow_and_speed_make_a_level_of_service_out_of_one_reading() -> None:
    service = {"id": "loop-1.service", "kind": "level_of_service", "flow": "loop-1.flow", "speed": "loop-1.speed"}
    at_work = chain({"id": "loop-1.flow", "kind": "traffic_flow", "source": "loop-1.count", "window_s": 60}, service)
    said = [
        (float(at_s), {"loop-1.count": (at_s // 2 + 990) % 1000, "loop-1.speed": 25.0}) for at_s in range(0, 200, 2)
    ]
    found = run(at_work, said)
    # One vehicle every two seconds, the counter rolling over at its declared end: 1800 an hour at 90 km/h are 20 a km.
    assert found["loop-1.flow"][-1][1] == pytest.approx(1800)
    assert {value for _at_s, value, _quality in found["loop-1.service"]} == {"D"}


def test_a_speed_that_is_too_old_is_none() -> None:
    service = {"id": "loop-1.service", "kind": "level_of_service", "flow": "loop-1.flow", "speed": "loop-1.speed"}
    at_work = chain(
        {"id": "loop-1.flow", "kind": "traffic_flow", "source": "loop-1.count", "window_s": 60},
        {**service, "stale_after_s": 30},
    )
    run(at_work, [(0.0, {"loop-1.speed": 25.0})])
    found = run(at_work, [(float(at_s), {"loop-1.count": at_s}) for at_s in range(0, 200, 2)])
    assert "loop-1.flow" in found
    assert "loop-1.service" not in found


def test_occupancy_is_the_share_of_time_and_silence_is_no_occupancy() -> None:
    share = {"id": "loop-1.occupancy", "kind": "occupancy", "source": "loop-1.covered", "window_s": 60}
    said = [(at_s / 2, {"loop-1.covered": at_s % 10 < 3}) for at_s in range(400)]
    found = run(chain(share), said)["loop-1.occupancy"]
    assert found[0][0] >= 54
    assert all(value == pytest.approx(30.0, abs=2.0) for _at_s, value, _quality in found)
    rarely = [(float(at_s), {"loop-1.covered": True}) for at_s in range(0, 2000, 60)]
    assert run(chain(share), rarely) == {}


def test_a_detector_that_repeats_itself_as_often_as_its_word_holds_is_known() -> None:
    share = {"id": "loop-1.occupancy", "kind": "occupancy", "source": "loop-1.covered", "window_s": 300}
    said = [(10.004 * place, {"loop-1.covered": place % 2 == 0}) for place in range(100)]
    found = run(chain({**share, "stale_after_s": 10}), said)["loop-1.occupancy"]
    assert found[-1][1] == pytest.approx(50.0, abs=2.0)


ICE = {"id": "road-1.ice", "kind": "black_ice", "road": "road-1.temperature", "film": "road-1.film"}
DEW = {"air": "air-1.temperature", "humidity": "air-1.humidity"}


@pytest.mark.parametrize(
    ("more", "known", "road", "expected"),
    [
        ({}, {"road-1.film": 500.0}, -1.0, [(2, Quality.GOOD)]),
        ({}, {"road-1.film": 5.0}, -1.0, [(0, Quality.GOOD)]),
        ({}, {}, -1.0, []),
        ({}, {}, 8.0, [(0, Quality.GOOD)]),
        ({"freezing": "road-1.freezing"}, {"road-1.film": 500.0, "road-1.freezing": -6.0}, -3.0, [(0, Quality.GOOD)]),
        ({"freezing": "road-1.freezing"}, {"road-1.film": 500.0}, -3.0, [(2, Quality.UNCERTAIN)]),
        (DEW, {"road-1.film": 0.0, "air-1.temperature": 1.0, "air-1.humidity": 95.0}, -1.0, [(2, Quality.GOOD)]),
        (DEW, {"road-1.film": 0.0, "air-1.temperature": 1.0, "air-1.humidity": 40.0}, -1.0, [(0, Quality.GOOD)]),
        (DEW, {"road-1.film": 0.0, "air-1.temperature": 1.0}, -1.0, []),
        (DEW, {"air-1.temperature": 1.0, "air-1.humidity": 40.0}, -1.0, [(1, Quality.UNCERTAIN)]),
        ({"wetness": "cam-1.dip.wetness"}, {"cam-1.dip.wetness": 0.9}, -1.0, [(2, Quality.UNCERTAIN)]),
        ({"wetness": "cam-1.dip.wetness"}, {"road-1.film": 0.0, "cam-1.dip.wetness": 0.9}, -1.0, [(0, Quality.GOOD)]),
        ({"wetness": "cam-1.dip.wetness"}, {"cam-1.dip.wetness": 0.9}, 8.0, [(0, Quality.UNCERTAIN)]),
        ({"dew_point": "air-1.dew"}, {"road-1.film": 0.0, "air-1.dew": -0.5}, -2.0, [(2, Quality.GOOD)]),
    ],
)
def test_black_ice_claims_what_its_inputs_carry_and_no_more(
    more: dict[str, str], known: dict[str, Value], road: float, expected: list[tuple[int, Quality]]
) -> None:
    at_work = chain({**ICE, **more})
    run(at_work, [(0.0, known)] if known else [])
    found = run(at_work, [(10.0, {"road-1.temperature": road})]).get("road-1.ice", [])
    assert [(value, quality) for _at_s, value, quality in found] == expected


def test_stale_bad_and_uncertain_inputs_of_black_ice() -> None:
    at_work = chain({**ICE, "stale_after_s": 60})
    wet, cold = {"road-1.film": 500.0}, {"road-1.temperature": -1.0}
    run(at_work, [(0.0, wet)])
    assert run(at_work, [(61.0, cold)]) == {}
    run(at_work, [(62.0, wet)], {"road-1.film": Quality.BAD})
    assert run(at_work, [(63.0, cold)]) == {}
    run(at_work, [(64.0, wet)], {"road-1.film": Quality.UNCERTAIN})
    assert run(at_work, [(65.0, cold)])["road-1.ice"] == [(65.0, 2, Quality.UNCERTAIN)]
    assert run(at_work, [(66.0, cold)], {"road-1.temperature": Quality.BAD}) == {}


def test_carbon_of_power_by_the_factor_of_the_day() -> None:
    factors = [
        {"valid_from": "2025-01-01", "kg_per_kwh": 0.5, "source": "one"},
        {"valid_from": "2026-01-01", "kg_per_kwh": 0.4, "source": "other"},
    ]
    at_work = chain({"id": "meter-1.carbon", "kind": "carbon", "source": "meter-1.power", "factor": factors})
    days = [datetime(year, 6, 1, tzinfo=UTC).timestamp() for year in (2024, 2025, 2026)]
    found = run(at_work, [(day_s, {"meter-1.power": 2000.0}) for day_s in days])["meter-1.carbon"]
    assert [value for _at_s, value, _quality in found] == [1.0, 0.8]
    counted = chain({"id": "meter-1.carbon", "kind": "carbon", "source": "meter-1.energy", "factor": factors})
    said = [(days[2] + at_s, {"meter-1.energy": 100 + at_s / 1800}) for at_s in range(0, 1800, 30)]
    assert run(counted, said)["meter-1.carbon"][-1][1] == pytest.approx(0.8, rel=0.05)


def test_a_seismogram_is_reckoned_by_its_own_times_and_read_again_makes_nothing_again() -> None:
    at_work = chain({"id": "shake-1.ratio", "kind": "sta_lta", "source": "shake-1.ehz", "long_s": 5.0})

    def feed(start: int, stop: int) -> list[Reading]:
        readings = (Reading(place * 10_000, ("shake-1.ehz",), (float(place % 7),)) for place in range(start, stop))
        return [made for reading in readings for made in at_work.observe(reading, 1e9, by_record=True)]

    assert [made.observed_at_us for made in feed(0, 700)] == [5_000_000, 6_000_000]
    assert feed(0, 700) == []
    assert [made.observed_at_us for made in feed(700, 800)] == [7_000_000]


class Seismogram:
    """A hundred samples a second, by a clock that a test sets."""

    def __init__(self, counters: Counter[str]) -> None:
        ratio = {"id": "shake-1.ratio", "kind": "sta_lta", "source": "shake-1.ehz", "long_s": 5.0}
        self.at_work = chain(ratio, counters=counters)
        self.now_s = 1e6

    def feed(self, begin_us: int, seconds: float) -> list[int]:
        """Return at which seconds since ``begin_us`` a ratio was said."""
        said = []
        for place in range(int(seconds * 100)):
            self.now_s += 0.01
            reading = Reading(begin_us + place * 10_000, ("shake-1.ehz",), (float(place % 7),))
            made = self.at_work.observe(reading, self.now_s, by_record=True)
            said += [(one.observed_at_us - begin_us) // 1_000_000 for one in made]
        return said


@pytest.mark.parametrize("wrong_us", [0, 9_999_999_999_000_000])
def test_one_record_with_a_wrong_time_silences_nothing(wrong_us: int) -> None:
    counters: Counter[str] = Counter()
    shake = Seismogram(counters)
    assert shake.feed(1_700_000_000_000_000, 6.5)[-1:] == [6]
    assert shake.feed(wrong_us, 0.01) == []
    assert shake.feed(1_700_000_006_500_000, 2) == [0, 1]
    assert not counters


@pytest.mark.parametrize("set_by_s", [-3600, -4, 10 * 86_400])
def test_a_seismometers_clock_that_is_set_silences_the_trigger_for_seconds_only(set_by_s: int) -> None:
    counters: Counter[str] = Counter()
    shake = Seismogram(counters)
    assert shake.feed(1_700_000_000_000_000, 7)
    # Three seconds until it is believed, five of the long window.
    assert shake.feed(1_700_000_007_000_000 + set_by_s * 1_000_000, 12) == [8, 9, 10, 11]
    assert counters == {"device_clock_steps": 1}


def test_a_first_record_out_of_the_future_is_no_end_of_all_others() -> None:
    shake = Seismogram(Counter())
    assert shake.feed(9_999_999_999_000_000, 0.01) == []
    assert shake.feed(1_700_000_000_000_000, 10) == [8, 9]


def test_what_a_device_gives_of_the_past_is_no_step_of_its_clock() -> None:
    counters: Counter[str] = Counter()
    at_work, hour_us = chain({**RAIN, "window_s": 60}, counters=counters), 3_600_000_000
    assert not at_work.observe(Reading(2 * hour_us, ("rain-1.total",), (9.0,)), 1.0, by_record=True)
    for place in range(200):
        old = Reading(hour_us + place * 10_000_000, ("rain-1.total",), (place / 10,))
        assert not at_work.observe(old, 2.0 + place, by_record=True, history=True)
    assert not counters


def test_a_result_that_cannot_be_is_bad_and_makes_nothing() -> None:
    service = {"id": "loop-1.service", "kind": "level_of_service", "flow": "loop-1.flow", "speed": "loop-1.speed"}
    flow = {"id": "loop-1.flow", "kind": "traffic_flow", "source": "loop-1.count", "window_s": 60}
    at_work = chain(flow, service, ranges={"loop-1.flow": (0.0, 100.0)})
    found = run(at_work, [(float(at_s), {"loop-1.count": at_s, "loop-1.speed": 20.0}) for at_s in range(0, 130, 2)])
    assert {quality for _at_s, _value, quality in found["loop-1.flow"]} == {Quality.BAD}
    assert "loop-1.service" not in found


def test_a_number_that_is_not_finite_is_counted() -> None:
    counters: Counter[str] = Counter()
    at_work = chain({**RAIN, "window_s": 60}, counters=counters)
    assert (
        run(at_work, [(0.0, {"rain-1.total": 0.0}), (60.0, {"rain-1.total": 1e308}), (70.0, {"rain-1.total": 1e308})])
        == {}
    )
    assert counters["values_not_derived"] > 0


def test_what_is_local_does_not_travel() -> None:
    at_work = Chain(local=["shake-1.ehz"])
    alone = Reading(1, ("shake-1.ehz",), (1.0,))
    beside = Reading(1, ("shake-1.ehz", "shake-1.state"), (1.0, 2.0), (Quality.GOOD, Quality.BAD))
    assert at_work.travelling(alone) is None
    assert at_work.travelling(beside) == Reading(1, ("shake-1.state",), (2.0,), (Quality.BAD,))
    other = Reading(1, ("river-1.level",), (1.0,))
    assert at_work.travelling(other) is other


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            {**RAIN, "source": "rain-2.total"},
            r"derivation\[0\]\.source = 'rain-2.total': there is no such thing; known:",
        ),
        ({**RAIN, "source": "air-1.dew"}, r"source = 'air-1.dew': is in Cel; expected a datastream in mm, cm, m"),
        ({**ICE, "road": "air-1.humidity"}, r"road = 'air-1.humidity': is in %; expected a datastream in Cel"),
        ({**ICE, "film": "road-1.temperature"}, r"film = 'road-1.temperature': is road already"),
        ({"id": "a.b", "kind": "occupancy", "source": "sign-1.text"}, r"source = 'sign-1.text': is a text"),
        (
            {"id": "a.b", "kind": "sta_lta", "source": "river-1.level"},
            r"expected a seismogram: samples at a fixed rate",
        ),
        ({"id": "a.b", "kind": "sta_lta", "source": "shake-1.ehz", "short_s": 0.05, "long_s": 1}, ""),
    ],
)
def test_sources_that_do_not_fit_are_one_line(written: dict[str, Any], said: str) -> None:
    if not said:
        assert chain(written)
        return
    with pytest.raises(ValueError, match=said):
        chain(written)


@pytest.mark.parametrize(
    ("more", "offset", "factor"),
    [({}, 0.0, 0.01), ({"zero_above_datum_m": 12.34, "datum": "Incheon mean sea level"}, 12.34, 0.01)],
)
def test_a_stage_above_its_datum(more: dict[str, Any], offset: float, factor: float) -> None:
    written = _written.validate_python({"id": "river-1.stage", "kind": "stage", "source": "river-1.level", **more})
    line = straight("derivation[0]", written, KNOWN)
    assert (line.offset, line.factor, line.unit, line.observed_property) == (offset, factor, "m", "water_level")


def test_a_stage_out_of_a_distance_needs_the_height_of_its_sensor() -> None:
    known = {"d-1.distance": Datastream(id="d-1.distance", thing="d-1", observed_property="distance", unit="mm")}
    base = {"id": "d-1.stage", "kind": "stage", "source": "d-1.distance"}
    with pytest.raises(ValueError, match="expected sensor_above_zero_m"):
        straight("derivation[0]", _written.validate_python(base), known)
    wrong = _written.validate_python({**base, "source": "river-1.level", "sensor_above_zero_m": 3})
    with pytest.raises(ValueError, match="expected no sensor_above_zero_m"):
        straight("derivation[0]", wrong, KNOWN)
    over = {"sensor_above_zero_m": 8.1, "zero_above_datum_m": 0.2, "datum": "zero of the map"}
    line = straight("derivation[0]", _written.validate_python({**base, **over}), known)
    assert (line.offset, line.factor) == (8.3, -0.001)
