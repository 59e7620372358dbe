"""The level over time, its quality, and the flood that it may be."""

from collections.abc import Iterable

import pytest

from haechi.contract.observations import Quality
from haechi.edge.vision.measures import Measure
from haechi.edge.vision.raising import Change
from haechi.edge.vision.scene_config import GaugeConfig
from haechi.edge.vision.water.gauge import Gauge
from haechi.edge.vision.water.waterline import Doubt, Waterline

CONFIG = GaugeConfig.model_validate(
    {"name": "staff", "a": (0.5, 0.1), "b": (0.5, 0.9), "a_m": 2.0, "b_m": 0.0, "period_s": 10, "flood_m": 1.5}
)
DOUBT = Waterline(None, Doubt.DARK)


def at(level_m: float) -> Waterline:
    return Waterline((2.0 - level_m) / 2.0, None)


class Watch:
    """Shows a gauge pictures, one a second."""

    def __init__(self, *, stills: bool = False, every_s: float = 1.0, active: bool = False, config: object = CONFIG):
        assert isinstance(config, GaugeConfig)
        self.gauge = Gauge(config, stills=stills, active=active)
        self.every_s, self.now_s = every_s, 0.0
        self.told: list[tuple[float, Quality]] = []
        self.changes: list[Change] = []

    def show(self, pictures: Iterable[Waterline]) -> "Watch":
        for found in pictures:
            if self.gauge.asks(self.now_s):
                measures, change = self.gauge.take(found, self.now_s)
                self.told += [(measure.value, measure.quality) for measure in measures]
                self.changes += [] if change is None else [change]
            self.now_s += self.every_s
        return self


def test_a_level_is_the_median_of_its_period() -> None:
    wave = [at(1.0), at(1.02), at(0.98), at(1.01), at(0.99)] * 4
    assert Watch().show(wave).told == [(1.0, Quality.GOOD)]


def test_one_who_walks_by_changes_nothing_and_pictures_that_disagree_tell_nothing() -> None:
    calm = [at(1.0)] * 5 + [at(1.9)] + [at(1.0)] * 5
    assert Watch().show(calm).told == [(1.0, Quality.GOOD)]
    assert Watch().show([at(1.0), at(1.4)] * 6).told == []


def test_while_there_is_doubt_the_last_level_is_uncertain_and_then_bad() -> None:
    watch = Watch().show([DOUBT] * 11)
    assert watch.told == [], "nothing is told that was never seen"
    watch.show([at(1.0)] * 20).show([DOUBT] * 1200)
    qualities = [quality for _level, quality in watch.told]
    assert {level for level, _quality in watch.told} == {1.0}
    assert qualities == sorted(qualities)
    assert (qualities[0], qualities[-1]) == (Quality.GOOD, Quality.BAD)
    assert watch.show([at(0.4)] * 20).told[-1] == (0.4, Quality.GOOD)


def test_half_of_the_pictures_must_be_sure() -> None:
    assert Watch().show([at(1.0), DOUBT] * 6).told == [(1.0, Quality.GOOD)]
    assert Watch().show([at(1.0), DOUBT, DOUBT] * 5).told == []


def test_each_still_is_told_at_once() -> None:
    stills = Watch(stills=True, every_s=900).show([at(1.0), at(1.1), DOUBT, at(1.2)])
    assert stills.told == [
        (1.0, Quality.GOOD),
        (1.1, Quality.GOOD),
        (1.1, Quality.UNCERTAIN),
        (1.2, Quality.GOOD),
    ]


def test_a_flood_is_raised_when_it_lasts_and_darkness_does_not_end_it() -> None:
    watch = Watch().show([at(1.6)] * 60)
    assert not watch.changes, "it has not lasted for a minute"
    watch.show([at(1.6)] * 30)
    assert [change.raised for change in watch.changes] == [True]
    watch.show([DOUBT] * 2000)
    watch.show([at(1.0)] * 100)
    assert len(watch.changes) == 1, "nobody saw how long it was below while it was dark"
    watch.show([at(1.0)] * 220)
    assert [(change.raised, change.level_m) for change in watch.changes] == [(True, 1.6), (False, 1.0)]


def test_one_still_below_ends_no_flood_and_the_next_does() -> None:
    stills = Watch(stills=True, every_s=900).show([at(1.6), at(1.6), at(1.0), at(1.6)])
    assert [change.raised for change in stills.changes] == [True]
    stills.show([at(1.0), at(1.0)])
    assert [change.raised for change in stills.changes] == [True, False]


def test_a_stream_that_breaks_off_again_and_again_still_tells_the_level_and_its_flood() -> None:
    watch = Watch()
    for _time in range(20):
        watch.show([at(1.6)] * 7)
        watch.gauge.forget()
        watch.now_s += 2
    assert len(watch.told) >= 10
    assert [change.raised for change in watch.changes] == [True]
    before = len(watch.told)
    watch.show([at(1.6)] * 3)
    watch.now_s += 600
    watch.show([at(0.5)] * 8)
    assert len(watch.told) == before, "readings of ten minutes ago are of another period"


def test_a_flood_from_before_the_start_is_ended_only_by_what_is_seen() -> None:
    watch = Watch(active=True).show([DOUBT] * 100).show([at(1.0)] * 290)
    assert not watch.changes
    watch.show([at(1.0)] * 40)
    assert [change.raised for change in watch.changes] == [False]


def test_a_gauge_looks_at_no_more_than_twenty_pictures_a_period() -> None:
    slow = Gauge(CONFIG.model_copy(update={"period_s": 100}), stills=False, active=False)
    asked = 0
    for look in range(500):
        if slow.asks(look / 5):
            asked += 1
            slow.take(at(1.0), look / 5)
    assert asked == pytest.approx(20, abs=1)


def test_a_measure_names_its_gauge() -> None:
    measures, _ = Gauge(CONFIG, stills=True, active=False).take(at(1.234), 0.0)
    assert measures == [Measure("staff", "level", 1.234)]
