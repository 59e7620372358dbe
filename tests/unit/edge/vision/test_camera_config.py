"""Impossible cameras are refused by one line that names the key."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.masked import masked

LINE = {"name": "gate", "a": (0, 0.5), "b": (1, 0.5)}
ZONE = {"name": "bank", "kind": "intrusion", "polygon": [(0, 0), (1, 0), (1, 1)]}

GAUGE = {"name": "staff", "a": (0.5, 0.1), "b": (0.5, 0.9), "a_m": 2.0, "b_m": 0.0}
WAY = [(0.5, 0.1), (0.5, 0.9)]
GROUND: dict[str, Any] = {
    "points": [(0.2, 0.9), (0.8, 0.9), (0.6, 0.4), (0.4, 0.4)],
    "metres": [(0, 0), (1, 0), (1, 4), (0, 4)],
}


def camera(**changes: Any) -> CameraConfig:
    return CameraConfig.model_validate({"id": "cam-1", "url": "clip.mp4", "place": "bridge"} | changes)


def refusal(**changes: Any) -> tuple[str, str]:
    """Key and text of the first error: what the person is shown."""
    with pytest.raises(ValidationError) as caught:
        camera(**changes)
    error = caught.value.errors()[0]
    return ".".join(str(part) for part in error["loc"]), error["msg"]


def test_defaults_are_a_whole_camera() -> None:
    made = camera(lines=[LINE], zones=[ZONE])
    assert made.looks_per_s == 5
    assert made.zones[0].watched == {"person"}
    assert made.zones[0].lasting_s == 1


def test_a_camera_goes_to_its_process_as_json_and_comes_back_the_same() -> None:
    schedule = [{"days": ["fri"], "begin": "22:00", "end": "06:00"}]
    made = camera(
        lines=[LINE | {"speed": True, "confirm": (2, 3)}],
        zones=[ZONE | {"schedule": schedule}, ZONE | {"name": "q", "kind": "queue", "way": WAY}],
        gauges=[GAUGE | {"flood_m": 1.5}],
        surfaces=[{"name": "dip", "kind": "flooded", "polygon": ZONE["polygon"]}],
        ground=GROUND,
        time_zone="Asia/Seoul",
    )
    assert CameraConfig.model_validate(json.loads(json.dumps(made.model_dump(mode="json")))) == made


@pytest.mark.parametrize(
    "url", ["rtsp://10.0.0.7:554/stream", "usb:0", "/dev/video2", "clips/a b.mp4", "http://c/x?token=profile_1"]
)
def test_sources(url: str) -> None:
    assert camera(url=url).url == url


@pytest.mark.parametrize(
    ("changes", "key", "told"),
    [
        ({"lines": [LINE | {"b": (0, 0.5)}]}, "lines.0", "length"),
        ({"lines": [LINE | {"b": (1.2, 0.5)}]}, "lines.0.b.0", "less than or equal to 1"),
        ({"lines": [LINE | {"b": (float("nan"), 0.5)}]}, "lines.0.b.0", "finite"),
        ({"lines": [LINE, LINE]}, "", "gate is used twice"),
        ({"zones": [ZONE | {"polygon": [(0, 0), (1, 1)]}]}, "zones.0.polygon", "three"),
        ({"zones": [ZONE | {"polygon": [(0, 0), (1, 1), (1, 0), (0, 1)]}]}, "zones.0.polygon", "cross"),
        ({"zones": [ZONE | {"polygon": [(0, 0), (0.5, 0), (1, 0)]}]}, "zones.0.polygon", "no area"),
        ({"zones": [ZONE | {"kind": "dancing"}]}, "zones.0.kind", "intrusion"),
        ({"zones": [ZONE | {"classes": ["truck"]}], "classes": ["person"]}, "", "truck"),
        ({"zones": [ZONE], "classes": ["car"]}, "", "zones.bank"),
        ({"classes": ["cell phone"]}, "classes.0", "person"),
        ({"classes": ["car", "car"]}, "classes", "twice"),
        ({"url": "rtsp://user:secret@10.0.0.7/"}, "url", "credentials_file"),
        ({"url": "http://10.0.0.7/snapshot.cgi?user=admin&pwd=secret"}, "url", "credentials_file"),
        ({"url": "rtsp://10.0.0.7/user=admin_password=secret_channel=1.sdp"}, "url", "{password} in their places"),
        ({"url": "http://10.0.0.7/video?loginuse=admin&loginpas=secret"}, "url", "credentials_file"),
        ({"url": "http://10.0.0.7/x?user={user}&password={password}"}, "", "need credentials_file"),
        ({"url": "onvif://10.0.0.7:99999"}, "url", "port from 1 to 65535"),
        ({"url": "onvif://10.0.0.7:abc"}, "url", "port from 1 to 65535"),
        ({"url": "rtsp://10.0.0.7:0/"}, "url", "port from 1 to 65535"),
        ({"url": "ftp://10.0.0.7/"}, "url", "rtsp://"),
        ({"url": "rtsp:///stream"}, "url", "no host"),
        ({"url": "usb:first"}, "url", "usb:0"),
        ({"looks_per_s": 0}, "looks_per_s", "greater than or equal to 1"),
        ({"look_per_s": 5}, "look_per_s", "Extra"),
        ({"credentials_file": "a", "credentials_env": "B"}, "", "one of them"),
        ({"zones": [ZONE | {"confirm": (4, 3)}]}, "zones.0.confirm", "N at most M"),
        ({"lines": [LINE | {"confirm": (0, 3)}]}, "lines.0.confirm.0", "greater than or equal to 1"),
        ({"zones": [ZONE | {"schedule": [{"begin": "25:00", "end": "06:00"}]}]}, "zones.0.schedule.0.begin", "time"),
        ({"zones": [ZONE | {"schedule": [{"begin": "22:00Z", "end": "06:00"}]}]}, "zones.0.schedule.0", "time zone"),
        (
            {"zones": [ZONE | {"schedule": [{"begin": "22:00", "end": "06:00", "days": ["mon", "mon"]}]}]},
            "zones.0.schedule.0",
            "twice",
        ),
        ({"gauges": [GAUGE | {"b": (0.5, 0.05)}]}, "gauges.0", "`a` is the upper end"),
        ({"gauges": [GAUGE | {"a_m": 0.0}]}, "gauges.0", "a_m must be more than b_m"),
        ({"gauges": [GAUGE | {"flood_m": 3.0}]}, "gauges.0", "flood_m"),
        ({"gauges": [GAUGE], "zones": [ZONE | {"name": "staff"}]}, "", "staff"),
        (
            {"gauges": [GAUGE], "surfaces": [{"name": "staff", "kind": "wetness", "polygon": ZONE["polygon"]}]},
            "",
            "staff",
        ),
        ({"picture_every_s": 60, "lines": [LINE]}, "", "lines and zones need video"),
        ({"picture_every_s": 60, "url": "rtsp://10.0.0.7/x"}, "", "folder or an http address"),
        ({"detector": {"model": "none"}, "zones": [ZONE]}, "", "need a detector"),
        ({"time_zone": "Asia/Soul"}, "time_zone", "Asia/Seoul"),
        ({"time_zone": "../etc/passwd"}, "time_zone", "Asia/Seoul"),
        ({"lines": [LINE | {"speed": True}]}, "", "lines.gate: a speed needs `ground`"),
        ({"zones": [ZONE | {"kind": "congestion"}]}, "", "zones.bank: a speed needs `ground`"),
        ({"zones": [ZONE | {"kind": "queue"}]}, "zones.0", "way: expected"),
        ({"zones": [ZONE | {"kind": "bay"}, ZONE | {"kind": "queue", "way": WAY}]}, "", "twice"),
        ({"zones": [ZONE | {"stay_max_s": 60}]}, "zones.0", "stay_max_s"),
        ({"zones": [ZONE | {"kind": "abandoned"}]}, "", "zones.bank"),
        ({"ground": GROUND | {"points": [(0.2, 0.9), (0.5, 0.9), (0.8, 0.9), (0.4, 0.4)]}}, "ground", "on one line"),
        ({"ground": GROUND | {"metres": [(0, 0), (1, 4), (1, 0), (0, 4)]}}, "ground", "same order"),
        ({"ground": GROUND | {"points": GROUND["points"][:3]}}, "ground.points.3", "required"),
    ],
)
def test_refused(changes: dict[str, Any], key: str, told: str) -> None:
    where, text = refusal(**changes)
    assert where == key
    assert told in text
    assert "\n" not in text
    assert "secret" not in text


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://10.0.0.7/user={user}_password={password}_channel=1.sdp",
        "http://10.0.0.7/snapshot.cgi?user={user}&pwd={password}&channel=1",
        "rtsp://10.0.0.7/cam/realmonitor?channel=1&subtype=1",
    ],
)
def test_a_login_has_its_places_in_path_or_query(url: str) -> None:
    assert camera(url=url, credentials_env="CAM").url == url
    assert masked(url) == url


def test_a_polygon_may_be_closed_as_map_programs_do_it() -> None:
    closed = camera(zones=[ZONE | {"polygon": [*ZONE["polygon"], ZONE["polygon"][0]]}])
    assert closed == camera(zones=[ZONE])


def test_it_travels_as_json() -> None:
    made = camera(lines=[LINE], zones=[ZONE], credentials_file="/etc/haechi/cam-1")
    assert CameraConfig.model_validate_json(made.model_dump_json()) == made


def test_relative_paths_are_meant_from_the_folder_of_the_configuration() -> None:
    made = camera(url="clip.mp4", credentials_file="cam", detector={"model": "own.onnx"}).anchored(Path("/etc/haechi"))
    assert made.url == "/etc/haechi/clip.mp4"
    assert made.credentials_file == Path("/etc/haechi/cam")
    assert made.detector.model == "/etc/haechi/own.onnx"
    for url in ("rtsp://10.0.0.7/stream", "usb:0", "/dev/video1"):
        assert camera(url=url).anchored(Path("/etc/haechi")).url == url
    assert camera().anchored(Path("/etc/haechi")).detector.model == "nanodet-g"
