"""What a camera's view should be, kept over restarts: so a camera that was turned while the power was off is noticed.

Promise: a small file a camera, written whole or not at all, hourly at most; a damaged one is taken for none. It holds
edges of brightness in some ninety rows, averaged over minutes: a street, and nobody who passed through it. It is taken
for right only for the same source, lines, zones and masks; whoever turns a camera and draws its scene anew has it
learned anew.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.models.cache import write

_BYTES_MAX = 256 * 1024
_SIDE_PX_MAX = 1024
_LIMIT = 127
_DIGEST_BYTES = hashlib.sha256().digest_size
_STEPS = 3.0  # of what is kept, for one hundredth of a factor e


class KnownView:
    """The file of one camera."""

    def __init__(self, folder: Path, config: CameraConfig) -> None:
        """Names the file; nothing is read or written yet."""
        self._path = folder / f"{config.id}.view"
        scene = config.model_dump(mode="json", include={"url", "lines", "zones", "masks"})
        self._scene = hashlib.sha256(json.dumps(scene, sort_keys=True).encode()).hexdigest()

    def read(self) -> NDArray[np.float32] | None:
        """The texture (:func:`~haechi.edge.vision.motion.texture_of`) that was kept, float32[h, w], if any was."""
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
            scene, texture = str(kept["scene"]), kept["texture"]
        sound = texture.ndim == 2 and texture.dtype == np.int8 and 0 < max(texture.shape) <= _SIDE_PX_MAX
        return np.asarray(texture / _STEPS, np.float32) if sound and scene == self._scene else None

    def write(self, texture: NDArray[np.float32]) -> bool:
        """Keeps a texture; False when the disk does not take it."""
        kept = np.clip(np.rint(texture * _STEPS), -_LIMIT, _LIMIT).astype(np.int8)
        content = io.BytesIO()
        np.savez_compressed(content, scene=np.array(self._scene), texture=kept)
        try:
            write(self._path, hashlib.sha256(content.getvalue()).digest() + content.getvalue())
        except OSError:
            return False
        return True
