"""What a camera says, in the contract's words."""

import itertools

import pytest

from haechi.contract.events import RETRACTS, Phase
from haechi.contract.observations import Quality
from haechi.contract.places import Place
from haechi.edge.vision import describe
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.faults import Fault
from haechi.edge.vision.measures import Measure
from haechi.edge.vision.messages import (
    HEADER,
    Counts,
    Measures,
    Snapshot,
    ViewChange,
    ZoneChange,
    decoded,
    encoded,
)

PLACE = Place(id="bridge", name="Gapcheon bridge", latitude=36.37, longitude=127.37)
CAMERA = CameraConfig.model_validate(
    {
        "id": "cam-1",
        "url": "clip.mp4",
        "place": "bridge",
        "lines": [
            {"name": "path", "a": (0, 0.5), "b": (1, 0.5), "classes": ["person"]},
            {"name": "road", "a": (0, 0.7), "b": (1, 0.7), "classes": ["car", "truck"]},
        ],
        "zones": [{"name": "bank", "kind": "intrusion", "polygon": [(0, 0), (1, 0), (1, 1)]}],
    }
)


def test_each_line_is_two_datastreams_with_the_unit_of_what_it_counts() -> None:
    made = {
        datastream.id: (datastream.unit, datastream.observed_property) for datastream in describe.datastreams(CAMERA)
    }
    assert made == {
        "cam-1.path.forward": ("{person}", "person_count"),
        "cam-1.path.backward": ("{person}", "person_count"),
        "cam-1.road.forward": ("{veh}", "vehicle_count"),
        "cam-1.road.backward": ("{veh}", "vehicle_count"),
    }


def test_counts_are_a_reading_of_those_datastreams() -> None:
    reading = describe.reading(CAMERA, Counts(time_us=10, lines={"path": (1, 2), "road": (3, 4)}))
    assert dict(zip(reading.datastreams, reading.values, strict=True)) == {
        "cam-1.path.forward": 1,
        "cam-1.path.backward": 2,
        "cam-1.road.forward": 3,
        "cam-1.road.backward": 4,
    }
    assert {datastream.id for datastream in describe.datastreams(CAMERA)} == set(reading.datastreams)


def test_a_zone_is_raised_with_its_picture_and_cleared_under_the_same_condition() -> None:
    ids = (f"id-{n:08}" for n in itertools.count())
    snapshot = Snapshot(width_px=4, height_px=3, jpeg=b"jpeg")
    change = ZoneChange(
        zone="bank", raised=True, time_us=5, lasted_s=1.04, label="person", score=0.7, number=1, snapshot=snapshot
    )
    raised, (picture,) = describe.event(CAMERA, PLACE, change, new_id=lambda: next(ids))
    cleared, none = describe.event(
        CAMERA, PLACE, ZoneChange(zone="bank", raised=False, time_us=9, lasted_s=20, number=2), new_id=lambda: next(ids)
    )
    assert (raised.phase, cleared.phase, none) == (Phase.RAISED, Phase.CLEARED, ())
    assert raised.condition == cleared.condition == "cam-1.bank.intrusion"
    assert raised.type == "security.intrusion"
    assert raised.subject == "bridge"
    assert raised.evidence == (picture.id,)
    assert picture.event == raised.id != cleared.id
    assert raised.data == {"zone": "bank", "count": 1, "duration_s": 1.0, "object": "person", "score": 0.7}


@pytest.mark.parametrize(
    ("fault", "type_"),
    [
        ("black", "device.degraded"),
        ("no_picture", "device.degraded"),
        ("covered", "device.tampered"),
        ("moved", "device.tampered"),
    ],
)
def test_a_fault_of_the_view_is_an_event_of_the_device(fault: Fault, type_: str) -> None:
    shown = Snapshot(width_px=4, height_px=3, jpeg=b"jpeg")
    change = ViewChange(fault=fault, raised=True, time_us=7, lasted_s=5.04, snapshot=shown)
    event, (picture,) = describe.fault_event(CAMERA, PLACE, change, new_id=lambda: "id")
    assert (event.type, event.condition, event.phase) == (type_, f"{CAMERA.id}.view.{fault}", Phase.RAISED)
    assert event.data == {"problem": fault, "duration_s": 5.0}
    assert (picture.event, picture.content) == (event.id, b"jpeg")
    over = ViewChange(fault=fault, raised=False, time_us=9, lasted_s=60)
    event, none = describe.fault_event(CAMERA, PLACE, over, new_id=lambda: "id")
    assert (event.condition, event.phase, none) == (f"{CAMERA.id}.view.{fault}", Phase.CLEARED, ())


def test_what_was_never_tried_on_a_known_truth_says_so() -> None:
    zones = [{"name": kind, "kind": kind, "polygon": [(0, 0), (1, 0), (1, 1)]} for kind in ("intrusion", "loitering")]
    config = CameraConfig.model_validate({"id": "cam-1", "url": "clip.mp4", "place": "bridge", "zones": zones})
    said = {}
    for kind in ("intrusion", "loitering"):
        change = ZoneChange(zone=kind, raised=True, time_us=7, lasted_s=1, label="person", number=1)
        event, _none = describe.event(config, PLACE, change, new_id=lambda: "id")
        said[event.type] = event.data.get("unevaluated", False)
    assert said == {"security.intrusion": False, "security.loitering": True}


def test_what_is_measured_is_described_and_carries_its_quality() -> None:
    road = CameraConfig.model_validate(
        {
            "id": "cam-2",
            "url": "clip.mp4",
            "place": "bridge",
            "ground": {
                "points": [(0.2, 0.9), (0.8, 0.9), (0.6, 0.4), (0.4, 0.4)],
                "metres": [(0, 0), (6, 0), (6, 40), (0, 40)],
            },
            "lines": [{"name": "loop", "a": (0, 0.6), "b": (1, 0.6), "speed": True}],
            "zones": [
                {"name": "b1", "kind": "bay", "polygon": [(0, 0), (1, 0), (1, 1)]},
                {"name": "q", "kind": "queue", "polygon": [(0, 0), (1, 0), (1, 1)], "way": [(0, 0), (1, 1)]},
                {"name": "road", "kind": "congestion", "polygon": [(0, 0), (1, 0), (1, 1)]},
            ],
        }
    )
    known = {stream.id: (stream.observed_property, stream.unit) for stream in describe.datastreams(road)}
    assert known["cam-2.loop.speed"] == ("vehicle_speed", "km/h")
    assert known["cam-2.b1.occupied"] == ("bay_occupied", "1")
    assert known["cam-2.q.queue_length"] == ("queue_length", "m")
    assert {"cam-2.q.queue", "cam-2.road.occupancy", "cam-2.road.congestion", "cam-2.road.speed"} < set(known)
    told = Measures(time_us=7, values=(Measure("q", "queue", 3), Measure("loop", "speed", 41.5, Quality.UNCERTAIN)))
    assert decoded(encoded(told)[HEADER.size :]) == told
    observations = list(describe.measured(road, told).observations())
    assert [(one.datastream, one.value, one.quality) for one in observations] == [
        ("cam-2.q.queue", 3, Quality.GOOD),
        ("cam-2.loop.speed", 41.5, Quality.UNCERTAIN),
    ]


def test_a_flood_at_a_gauge_says_how_high_the_water_is_and_where_that_is_drawn() -> None:
    gauge = {"name": "staff", "a": (0.4, 0.3), "b": (0.4, 0.9), "a_m": 2.0, "b_m": 0.5, "flood_m": 1.5}
    river = CameraConfig.model_validate({"id": "weir", "url": "clip.mp4", "place": "bridge", "gauges": [gauge]})
    change = ZoneChange(zone="staff", raised=True, time_us=7, lasted_s=60, number=1, level_m=1.625)
    assert decoded(encoded(change)[HEADER.size :]) == change
    event, _none = describe.event(river, PLACE, change, new_id=lambda: "id")
    assert event.datastream in {stream.id for stream in describe.datastreams(river)}
    assert {"value": 1.625, "threshold": 1.5, "unit": "m"}.items() <= event.data.items()


def test_what_takes_an_event_back_names_it() -> None:
    ids = (f"id-{n:08}" for n in itertools.count())
    end = ZoneChange(zone="bank", raised=False, time_us=9, lasted_s=2, number=1, retracted=True)
    event, _ = describe.event(CAMERA, PLACE, end, new_id=lambda: next(ids), raised="id-first-0")
    assert (event.phase, event.data[RETRACTS]) == (Phase.CLEARED, "id-first-0")
    plain = ZoneChange(zone="bank", raised=False, time_us=9, lasted_s=2, number=1)
    event, _ = describe.event(CAMERA, PLACE, plain, new_id=lambda: next(ids), raised="id-first-0")
    assert RETRACTS not in event.data
