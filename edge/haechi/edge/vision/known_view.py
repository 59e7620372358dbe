"""What a camera's view should be, kept over restarts: so a camera that was turned while the power was off is noticed,
and the water that stands on a road at the start is not taken for the road.

Promise: a small file a camera, written whole or not at all, hourly at most but in its first minutes. It holds edges of
brightness in a hundred rows or a few, averaged over minutes, of surfaces over an hour: a street, and next to nobody who
passed through it. It is taken for right only for the same source, masks and geometry of the scene; whoever turns a
camera and draws its scene anew has it learned anew.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.models.cache import write
from haechi.edge.vision.water.surface import Dry

_BYTES_MAX = 2 * 1024**2
_LIMIT = 127
_DIGEST_BYTES = hashlib.sha256().digest_size
_WHITENESS, _SURFACE = "whiteness.", "surface."
_STEPS = 3.0  # of what is kept, for one hundredth of a factor e


_DRAWN: dict[str, Any] = {
    "url": True,
    "masks": True,
    "lines": {"__all__": {"a", "b"}},
    "zones": {"__all__": {"polygon", "way"}},
    "gauges": {"__all__": {"a", "b"}},
    "surfaces": {"__all__": {"polygon"}},
}
"""What is drawn on a camera's picture, and what the picture is of."""


class Known(NamedTuple):
    """What a camera's view should be."""

    view: NDArray[np.float32]
    """Its texture, float32[h, w]."""
    surfaces: Mapping[str, Dry]
    """By their names; those that are known."""


class KnownView:
    """The file of one camera."""

    def __init__(self, folder: Path, config: CameraConfig) -> None:
        """Names the file; nothing is read or written yet."""
        self._path = folder / f"{config.id}.view"
        scene = config.model_dump(mode="json", include=_DRAWN)
        self._scene = hashlib.sha256(json.dumps(scene, sort_keys=True).encode()).hexdigest()

    def read(self) -> Known | None:
        """What was kept, if anything was."""
        try:
            if self._path.stat().st_size > _BYTES_MAX:
                return None
            whole = self._path.read_bytes()
        except OSError:
            return None
        digest, content = whole[:_DIGEST_BYTES], whole[_DIGEST_BYTES:]
        if digest != hashlib.sha256(content).digest():
            return None  # damaged: NumPy, zipfile and zlib fail in more ways than one could name
        with np.load(io.BytesIO(content), allow_pickle=False) as kept:
            if "view" not in kept or str(kept["scene"]) != self._scene:
                return None
            names = [key.removeprefix(_WHITENESS) for key in kept if key.startswith(_WHITENESS)]
            surfaces = {
                name: Dry(
                    _texture(kept[_SURFACE + name]) if _SURFACE + name in kept else None, float(kept[_WHITENESS + name])
                )
                for name in names
            }
            return Known(_texture(kept["view"]), surfaces)

    def write(self, known: Known) -> bool:
        """Keeps what is known; False when the disk does not take it."""
        arrays: dict[str, Any] = {"scene": np.array(self._scene), "view": _kept(known.view)}
        for name, dry in known.surfaces.items():
            arrays[_WHITENESS + name] = np.array(dry.whiteness)
            if dry.texture is not None:
                arrays[_SURFACE + name] = _kept(dry.texture)
        content = io.BytesIO()
        np.savez_compressed(content, **arrays)
        try:
            write(self._path, hashlib.sha256(content.getvalue()).digest() + content.getvalue())
        except OSError:
            return False
        return True


def _kept(texture: NDArray[np.float32]) -> NDArray[np.int8]:
    return np.asarray(np.clip(np.rint(texture * _STEPS), -_LIMIT, _LIMIT), np.int8)


def _texture(kept: NDArray[np.int8]) -> NDArray[np.float32]:
    return np.asarray(kept / _STEPS, np.float32)
