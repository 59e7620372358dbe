"""Counts a clip's lines by what moves, where the detector turned out to know hardly any of it.

Seen from straight above nothing looks like what detectors were taught, and whoever holds such a clip in hand seldom
knows that. Their lines are then counted as a camera with ``detector.model = "background"`` would count them.
"""

from __future__ import annotations

from collections.abc import Mapping

from haechi.edge.vision.config import BACKGROUND, CameraConfig
from haechi.edge.vision.evaluation.truth import Truth
from haechi.edge.vision.labels import Label


def camera_for(config: CameraConfig, truth: Truth, names: Mapping[str, str]) -> tuple[CameraConfig, Truth] | None:
    """The same camera with the background counter, and what of the truth it can be judged by.

    Args:
        config: the camera that the detector was judged with.
        truth: what is known of the clip.
        names: of each true line in the camera's scene.

    Returns:
        None where there are no lines, or where they ask for different classes: what merely moves has but one.
    """
    shared = _in_all(config, names)
    if not shared:
        return None
    detector = config.detector.model_copy(
        update={"model": BACKGROUND, "moving_class": _called(shared, config.detector.moving_class)}
    )
    return config.model_copy(update={"detector": detector, "zones": ()}), Truth(lines=truth.lines)


def _in_all(config: CameraConfig, names: Mapping[str, str]) -> frozenset[Label]:
    judged = [frozenset(line.classes) for line in config.lines if line.name in names.values()]
    return frozenset(config.classes).intersection(*judged) if judged else frozenset()


def _called(shared: frozenset[Label], preferred: Label) -> Label:
    return preferred if preferred in shared else min(shared)
