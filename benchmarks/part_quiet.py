"""Hours of quiet video made hard: what is told though nothing is there, and what is missed of those who are.

The pictures are a real street's with everybody taken out (:mod:`benchmarks.walkers`), under each kind of
:mod:`benchmarks.weather`, and go through the camera's own way of looking at file time, without being compressed again.
False is every event of a zone or of the view, and every crossing of a line. Then people walk through the same weather.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Limit
from benchmarks.staged import Way, crowd, staged
from benchmarks.walkers import Picture, Street, cut_apart
from benchmarks.weather import KINDS
from haechi.demo.clip import obtain
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.detector import Detector, open_detector
from haechi.edge.vision.evaluation.alarms import matched, upper_bound_per_hour
from haechi.edge.vision.looking import Looker
from haechi.edge.vision.picture import Drawn

_LOOKS_A_S = 5
_QUIET_S = 7_300.0
_STREET_S = 24.0
_WALKS_EVERY_S = 8.0
_LEARNING_S = 20.0
_MIDDLE = 0.5
_EVERYWHERE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
_ROAD = ((0.0, 0.15), (1.0, 0.15), (1.0, 1.0), (0.0, 1.0))
"""Without the car park behind it, where cars do stand."""
CAMERA = CameraConfig.model_validate(
    {
        "id": "quiet",
        "url": "staged.mp4",
        "place": "street",
        "looks_per_s": _LOOKS_A_S,
        "detector": {"precision": "fp32"},
        "lines": [{"name": "middle", "a": (_MIDDLE, 0.0), "b": (_MIDDLE, 1.0)}],
        "zones": [
            {"name": "people", "kind": "intrusion", "polygon": _EVERYWHERE, "clear_after_s": 2},
            {"name": "vehicles", "kind": "stopped_vehicle", "polygon": _ROAD},
        ],
    }
)


class Watched(NamedTuple):
    """What was told of some video."""

    events_s: list[float]
    """When a zone's condition or a fault of the view was raised."""
    crossings_s: list[float]
    intrusions_s: list[tuple[float, float]]
    """From when to when the zone for people was active."""
    looks: int
    analysed: int


async def measure(bench: Bench) -> Sequence[Figure]:
    """Each kind of weather in turn: first nobody, then people at known times."""
    return await asyncio.to_thread(_measure, bench)


def _measure(bench: Bench) -> Sequence[Figure]:
    bench.say("cutting people out of a real clip")
    street = real_street()
    detector = open_detector(CAMERA.detector, CAMERA.classes)
    quiet_s = bench.choose(30.0, _QUIET_S / len(KINDS))
    walks_s = bench.choose(30.0, 120.0)
    cv2.setNumThreads(1)
    false = looks = analysed = walks = uncounted = unnoticed = 0
    for number, (kind, weather) in enumerate(KINDS.items()):
        made = weather(number)
        still = watch(detector, lambda now_s, made=made: made(_empty(street, now_s), now_s), quiet_s)  # type: ignore[misc]
        ways = crowd(street, walks_s, seed=number, every_s=_WALKS_EVERY_S, heights=(0.16, 0.35))
        ways = [way._replace(from_s=way.from_s + _LEARNING_S) for way in ways]
        made = weather(number)
        busy = watch(
            detector,
            lambda now_s, made=made, ways=ways: made(staged(_empty(street, now_s), ways, now_s)[0], now_s),  # type: ignore[misc]
            walks_s + _LEARNING_S,
        )
        told = len(still.events_s) + len(still.crossings_s)
        through = [way for way in ways if way.when_s(_MIDDLE) < walks_s + _LEARNING_S - 1]
        not_counted = len(through) - matched((way.when_s(_MIDDLE) for way in through), busy.crossings_s)
        not_noticed = sum(not _noticed(way, busy.intrusions_s) for way in through)
        share = 100 * still.analysed / still.looks
        bench.say(f"{kind}: {told} false in {quiet_s / 60:.0f} min, detector ran at {share:.0f} % of the looks")
        bench.say(f"{kind}: of {len(through)} who walked {not_counted} were not counted, {not_noticed} not noticed")
        false, looks, analysed = false + told, looks + still.looks, analysed + still.analysed
        walks, uncounted, unnoticed = walks + len(through), uncounted + not_counted, unnoticed + not_noticed
    hours = looks / _LOOKS_A_S / 3600
    bound = Limit("95 % upper bound", upper_bound_per_hour(false, hours) or 0.0, "an hour")
    of_walks = Limit("walks", walks, "people")
    return [
        Figure("vision.quiet_watched", hours, "h"),
        Figure("vision.quiet_false_events", false, "events", 0.0, compared_with=bound),
        Figure("vision.quiet_looks_analysed", 100 * analysed / looks, "%"),
        Figure("vision.hard_crossings_missed", uncounted, "people", compared_with=of_walks),
        Figure("vision.hard_intrusions_missed", unnoticed, "people", compared_with=of_walks),
    ]


@lru_cache(maxsize=1)
def real_street() -> Street:
    """The demo's clip, cut apart; kept, for it takes half a minute."""
    return cut_apart(Path(obtain(lambda _line: None)), seconds=_STREET_S)


def watch(detector: Detector, picture: Callable[[float], Picture], seconds: float) -> Watched:
    """Shows pictures to a camera's way of looking, as many as it would look at in so long a time."""
    looker = Looker(CAMERA, detector)
    told = Watched([], [], [], 0, 0)
    looks = analysed = 0
    since_s: float | None = None
    for number in range(round(seconds * _LOOKS_A_S)):
        now_s = number / _LOOKS_A_S
        look = looker.look(Drawn(picture(now_s)), now_s)
        looks, analysed = looks + 1, analysed + look.analysed
        told.events_s.extend(now_s for change in look.changes if change.raised)
        told.events_s.extend(now_s for fault in look.faults if fault.raised)
        told.crossings_s.extend(now_s for _crossing in look.crossings)
        for change in look.changes:
            if change.zone == "people":
                if since_s is not None:
                    told.intrusions_s.append((since_s, now_s))
                since_s = now_s if change.raised else None
    if since_s is not None:
        told.intrusions_s.append((since_s, seconds))
    return told._replace(looks=looks, analysed=analysed)


def _empty(street: Street, now_s: float) -> Picture:
    """The street with nobody in it, there and back through what was filmed."""
    length = len(street.empty)
    place = int(now_s * 10) % (2 * length - 2)
    return street.empty[min(place, 2 * length - 2 - place)].copy()


def _noticed(way: Way, intrusions_s: Sequence[tuple[float, float]]) -> bool:
    entered_s, left_s = sorted((way.when_s(0.0), way.when_s(1.0)))
    return any(from_s < left_s and to_s > entered_s for from_s, to_s in intrusions_s)
