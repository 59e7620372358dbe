"""All gauges and surfaces of one camera, picture by picture; see :mod:`.gauge` and :mod:`.surface`.

Promise: a picture costs something only when a gauge or surface asks for one, every second or few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.measures import Measure
from haechi.edge.vision.motion import texture_of
from haechi.edge.vision.picture import Picture
from haechi.edge.vision.raising import Change
from haechi.edge.vision.scene_config import GaugeConfig
from haechi.edge.vision.water.gauge import Gauge
from haechi.edge.vision.water.surface import Dry, Surface
from haechi.edge.vision.water.waterline import HEIGHT_PX, Doubt, Waterline, find


class Told(NamedTuple):
    """What one picture brought."""

    measures: list[Measure]
    changes: list[Change]


def read(picture: Picture, gauge: GaugeConfig) -> Waterline:
    """Where the water meets a gauge in a picture."""
    return _read(_grey(picture), gauge)


class WaterWatch:
    """What the water does in one camera's view."""

    def __init__(
        self, config: CameraConfig, *, active: frozenset[str] = frozenset(), known: Mapping[str, Dry] | None = None
    ) -> None:
        """Begins without a level.

        Args:
            config: the camera's.
            active: names of gauges and surfaces whose condition was raised before and not cleared.
            known: what surfaces look like, as :attr:`known` gave it once.
        """
        known = {} if known is None else known
        stills = config.picture_every_s is not None
        zone = config.time_zone
        self._gauges = [
            (gauge, Gauge(gauge, stills=stills, active=gauge.name in active), gauge.hours(zone))
            for gauge in config.gauges
        ]
        self._surfaces = [
            (
                Surface(
                    surface,
                    period_s=config.count_period_s,
                    active=surface.name in active,
                    known=known.get(surface.name),
                ),
                surface.name,
                surface.hours(zone),
            )
            for surface in config.surfaces
        ]

    @property
    def known(self) -> Mapping[str, Dry]:
        """What surfaces look like when they are dry, as far as that is learned."""
        return {name: dry for surface, name, _hours in self._surfaces if (dry := surface.known) is not None}

    def look(
        self,
        picture: Picture,
        grey: NDArray[np.uint8],
        objects: Sequence[Box],
        now_s: float,
        now_us: int | None = None,
    ) -> Told:
        """Takes one picture into account.

        Args:
            picture: what the camera sees.
            grey: its brightness, small.
            objects: what stands in it.
            now_s: when it was taken, of a clock that only rises.
            now_us: the same by the wall clock; without it every schedule is in force.
        """
        told = Told([], [])
        full: NDArray[np.uint8] | None = None
        for config, gauge, hours in self._gauges:
            if now_us is not None and not hours.in_force(now_us):
                _note(told, [], gauge.rest(now_s))
            elif gauge.asks(now_s):
                full = _grey(picture) if full is None else full
                _note(told, *gauge.take(_read(full, config), now_s))
        texture: NDArray[np.float32] | None = None
        for surface, _name, hours in self._surfaces:
            if now_us is not None and not hours.in_force(now_us):
                _note(told, [], surface.rest(now_s))
            elif surface.asks(now_s):
                texture = texture_of(grey) if texture is None else texture
                _note(told, *surface.take(grey, texture, objects, now_s))
        return told

    def look_away(self, now_s: float, now_us: int | None = None) -> list[Measure]:
        """Takes into account that the view is lost, at night perhaps: levels are uncertain, nothing begins or ends."""
        measures: list[Measure] = []
        for _config, gauge, hours in self._gauges:
            if (now_us is None or hours.in_force(now_us)) and gauge.asks(now_s):
                measures += gauge.take(Waterline(None, Doubt.UNSEEN), now_s)[0]
        for surface, _name, _hours in self._surfaces:
            surface.forget()
        return measures

    def forget(self) -> None:
        """Begins anew after a time without pictures."""
        for _config, gauge, _hours in self._gauges:
            gauge.forget()
        for surface, _name, _hours in self._surfaces:
            surface.forget()


def _note(told: Told, measures: list[Measure], change: Change | None) -> None:
    told.measures.extend(measures)
    if change is not None:
        told.changes.append(change)


def _read(grey: NDArray[np.uint8], gauge: GaugeConfig) -> Waterline:
    return find(grey, Point(*gauge.a), Point(*gauge.b), gauge.width)


def _grey(picture: Picture) -> NDArray[np.uint8]:
    grey = np.asarray(cv2.cvtColor(picture.colours(), cv2.COLOR_BGR2GRAY), np.uint8)
    high, wide = grey.shape
    if high <= HEIGHT_PX * 1.2:
        return grey
    size = (max(1, round(wide * HEIGHT_PX / high)), HEIGHT_PX)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
