"""One picture of a camera with its lines, zones and masks drawn, for whoever sets it up.

Promise: heads of people are blurred as in evidence before anything is written, masks are black, and colours never stand
alone: every line and zone bears its name, and every line an arrow that points **forward**.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision import closely, evidence
from haechi.edge.vision.capture import Capture
from haechi.edge.vision.config import CameraConfig, GaugeConfig, GroundConfig, LineConfig, ZoneConfig
from haechi.edge.vision.detector import Detector
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.masked import masked
from haechi.edge.vision.picture import Drawn, Picture
from haechi.edge.vision.source import CannotOpen
from haechi.edge.vision.water.watch import read
from haechi.edge.vision.water.waterline import Waterline
from haechi.text import _

_SETTLES_S = 1.5  # a camera adjusts its exposure, and a stream's first pictures may be half of one
_LINE = (80, 220, 255)  # BGR
_ZONE = (40, 80, 255)
_MASK = (200, 200, 200)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_ARROW_SHARE = 0.08  # of the picture's smaller side
_FILLED = 0.18
_RIGHT = np.array([1.0, 0.0])
_WATER_REACH = 0.04  # of the picture's width, to both sides


def take(config: CameraConfig, *, clock_us: Callable[[], int], environment: Mapping[str, str] = os.environ) -> Picture:
    """One picture of the camera, masks black; blocks for up to its time-outs.

    Raises:
        CannotOpen: it gives none; the text is one line without secrets.
    """
    capture = Capture(config.model_copy(update={"loop": False}), clock_us=clock_us, environment=environment)
    try:
        picture: Picture | None = None
        give_up_s = time.monotonic() + config.open_timeout_s + config.read_timeout_s
        until_s = give_up_s
        while time.monotonic() < until_s and not capture.ended:
            try:
                frame = capture.newest(max(0.0, until_s - time.monotonic()))
            except CannotOpen:
                if picture is None:
                    raise
                break
            if frame is not None:
                if picture is None:
                    until_s = min(give_up_s, time.monotonic() + _SETTLES_S)
                picture = frame.picture
        if picture is None:
            raise CannotOpen(_("{url}: gives no pictures").format(url=masked(config.url)))
        return picture
    finally:
        capture.close()


def draw(picture: NDArray[np.uint8], config: CameraConfig, detector: Detector) -> bytes:
    """The picture with the scene drawn, as PNG.

    Args:
        picture: uint8[H, W, 3] BGR, masks black already; it is not changed.
        config: the camera's.
        detector: finds the people whose heads are blurred.
    """
    _done, encoded = cv2.imencode(".png", _drawn(picture, config, closely.people(detector, picture)))
    return bytes(encoded)


def draw_jpeg(picture: NDArray[np.uint8], config: CameraConfig, people: Iterable[Box]) -> bytes:
    """The same as JPEG, with the heads of `people` blurred, whom the caller has found."""
    _done, encoded = cv2.imencode(".jpg", _drawn(picture, config, people), [cv2.IMWRITE_JPEG_QUALITY, 85])
    return bytes(encoded)


def _drawn(picture: NDArray[np.uint8], config: CameraConfig, people: Iterable[Box]) -> NDArray[np.uint8]:
    shown = picture.copy()
    evidence.blur_heads(shown, people)
    for polygon in config.masks:
        corners = evidence.pixels([Point(*corner) for corner in polygon], shown)
        cv2.polylines(shown, [corners], isClosed=True, color=_MASK, thickness=1, lineType=cv2.LINE_AA)
        _write(shown, _("mask"), _middle(corners))
    for zone in config.zones:
        _draw_zone(shown, zone)
    if config.ground is not None:
        _draw_ground(shown, config.ground)
    for surface in config.surfaces:
        _draw_area(shown, surface.name, surface.kind, surface.outline)
    for gauge in config.gauges:
        _draw_area(shown, gauge.name, "gauge", gauge.outline)
        _draw_gauge(shown, gauge, read(Drawn(picture), gauge))
    for line in config.lines:
        _draw_line(shown, line)
    return shown


def _draw_zone(picture: NDArray[np.uint8], zone: ZoneConfig) -> None:
    _draw_area(picture, zone.name, zone.kind, zone.outline)
    if zone.way is not None:
        start, end = evidence.pixels([Point(*zone.way[0]), Point(*zone.way[1])], picture)
        for colour, thickness in ((_BLACK, 5), (_ZONE, 2)):
            cv2.arrowedLine(picture, _at(start), _at(end), colour, thickness, cv2.LINE_AA, tipLength=0.1)


def _draw_ground(picture: NDArray[np.uint8], ground: GroundConfig) -> None:
    """The four known points of the ground with their metres."""
    corners = evidence.pixels([Point(*point) for point in ground.points], picture)
    cv2.polylines(picture, [corners], isClosed=True, color=_MASK, thickness=1, lineType=cv2.LINE_AA)
    for corner, (x_m, y_m) in zip(corners, ground.metres, strict=True):
        cv2.drawMarker(picture, _at(corner), _MASK, cv2.MARKER_CROSS, 12, 2)
        _write(picture, f"{x_m:g}, {y_m:g} m", corner + 12)


def _draw_gauge(picture: NDArray[np.uint8], gauge: GaugeConfig, found: Waterline) -> None:
    """The gauge's line with its two heights, and where its water is seen now."""
    a, b = evidence.pixels([Point(*gauge.a), Point(*gauge.b)], picture)
    cv2.line(picture, _at(a), _at(b), _LINE, 1, cv2.LINE_AA)
    for end, height_m in ((a, gauge.a_m), (b, gauge.b_m)):
        _write(picture, f"{height_m:g} m", end, beside=_RIGHT)
    if found.at is None:
        _write(picture, _("water: {doubt}").format(doubt=found.doubt), (a + b) / 2, beside=_RIGHT)
        return
    at = a + (b - a) * found.at
    reach = _WATER_REACH * picture.shape[1] * _RIGHT
    for colour, thickness in ((_BLACK, 4), (_LINE, 2)):
        cv2.line(picture, _at(at - reach), _at(at + reach), colour, thickness, cv2.LINE_AA)
    level_m = gauge.a_m + (gauge.b_m - gauge.a_m) * found.at
    _write(picture, _("water: {level:.2f} m").format(level=level_m), at + reach, beside=_RIGHT)


def _draw_area(picture: NDArray[np.uint8], name: str, kind: str, outline: Sequence[Point]) -> None:
    corners = evidence.pixels(outline, picture)
    filled = picture.copy()
    cv2.fillPoly(filled, [corners], _ZONE)
    cv2.addWeighted(filled, _FILLED, picture, 1 - _FILLED, 0, dst=picture)
    cv2.polylines(picture, [corners], isClosed=True, color=_ZONE, thickness=2, lineType=cv2.LINE_AA)
    _write(picture, f"{name}: {kind}", _middle(corners))


def _draw_line(picture: NDArray[np.uint8], line: LineConfig) -> None:
    a, b = evidence.pixels([Point(*line.a), Point(*line.b)], picture)
    cv2.line(picture, _at(a), _at(b), _BLACK, 4, cv2.LINE_AA)
    cv2.line(picture, _at(a), _at(b), _LINE, 2, cv2.LINE_AA)
    middle = (a + b) / 2
    forward = _forward(a, b)
    tip = middle + forward * _ARROW_SHARE * min(picture.shape[:2])
    for colour, thickness in ((_BLACK, 5), (_LINE, 2)):
        cv2.arrowedLine(picture, _at(middle), _at(tip), colour, thickness, cv2.LINE_AA, tipLength=0.35)
    for end, letter in ((a, "a"), (b, "b")):
        cv2.circle(picture, _at(end), 4, _LINE, -1, cv2.LINE_AA)
        _write(picture, letter, end + 8)
    _write(picture, f"{line.name} forward", tip, beside=forward)


def _forward(a: NDArray[np.int32], b: NDArray[np.int32]) -> NDArray[np.float64]:
    """Unit vector to the right of a→b, in pixels with y down."""
    way = (b - a).astype(np.float64)
    right = np.array([-way[1], way[0]])
    return right / max(float(np.hypot(*right)), 1e-9)


def _middle(corners: NDArray[np.int32]) -> NDArray[np.float64]:
    return np.asarray(corners.mean(axis=0), np.float64)


def _at(point: NDArray[np.floating | np.integer]) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def _write(
    picture: NDArray[np.uint8],
    text: str,
    at: NDArray[np.floating | np.integer],
    *,
    beside: NDArray[np.float64] | None = None,
) -> None:
    """Writes text about a point, or beside it in a direction, wholly inside the picture."""
    size = max(0.4, picture.shape[1] / 1600)
    (wide, high), below = cv2.getTextSize(text, _FONT, size, 1)
    if beside is not None:
        at = at + beside * (np.array([wide, high]) / 2 + 8)
    x, y = _at(at)
    corner = (
        max(4, min(x - wide // 2, picture.shape[1] - wide - 4)),
        max(high + 4, min(y + high // 2, picture.shape[0] - below - 4)),
    )
    lowest = (corner[0] + wide + 3, corner[1] + below + 2)
    cv2.rectangle(picture, (corner[0] - 3, corner[1] - high - 3), lowest, _BLACK, -1)
    cv2.putText(picture, text, corner, _FONT, size, _WHITE, 1, cv2.LINE_AA)
