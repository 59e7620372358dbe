"""Does a model compute, on this machine, what it must?

Each models/<name>/vectors/<size>.npz holds outputs for one picture that is made by arithmetic (:func:`test_picture`),
taken at every :data:`SAMPLED`-th cell. The vector of the source size was computed by TensorFlow.js itself from the
publisher's own files, so it proves the conversion; those of the other sizes were computed by the fp32 conversion.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from haechi.edge.vision import nanodet
from haechi.edge.vision.models.card import ModelCard, height_width_px

SAMPLED = 29
"""Every so manieth cell is stored; prime, so that all columns of the grids take part."""


class Difference(NamedTuple):
    """How far outputs lie from the stored ones."""

    worst: float
    score_mean: float
    side_mean_cells: float


def test_picture(height_px: int, width_px: int) -> NDArray[np.uint8]:
    """A picture with edges, gradients and all values, uint8[H, W, 3], the same everywhere and for ever."""
    y, x, channel = np.ogrid[:height_px, :width_px, :3]
    return np.asarray((3 * x + 5 * y + 40 * channel) * (x // 16 + y // 16) % 256, np.uint8)


def outputs(model: bytes | str, size: str) -> dict[str, NDArray[np.float32]]:
    """What the model answers to the test picture, sampled.

    Args:
        model: the ONNX model itself, or its path.
        size: its input size.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    picture = nanodet.normalised(test_picture(*height_width_px(size)))
    answers = session.run(list(nanodet.OUTPUTS), {"image": picture})
    return {name: sample(answer) for name, answer in zip(nanodet.OUTPUTS, answers, strict=True)}


def sample(output: NDArray[Any]) -> NDArray[np.float32]:
    """Every :data:`SAMPLED`-th cell of one output, float32[cells, values]."""
    return np.asarray(output[0, ::SAMPLED], np.float32)


def stored(model: ModelCard, size: str) -> dict[str, NDArray[np.float32]]:
    """The stored outputs of one size."""
    return read(model.folder / "vectors" / f"{size}.npz")


def read(path: Path) -> dict[str, NDArray[np.float32]]:
    """Reads stored outputs."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in nanodet.OUTPUTS}


def difference(ours: dict[str, NDArray[np.float32]], theirs: dict[str, NDArray[np.float32]]) -> Difference:
    """Compares two sets of sampled outputs; shapes that differ or values that are not finite are infinitely far."""
    infinite = Difference(float("inf"), float("inf"), float("inf"))
    if any(ours[name].shape != theirs[name].shape or not np.isfinite(ours[name]).all() for name in nanodet.OUTPUTS):
        return infinite
    worst = max(float(np.abs(ours[name] - theirs[name]).max()) for name in nanodet.OUTPUTS)
    scores = [np.abs(ours[name] - theirs[name]).ravel() for name in nanodet.OUTPUTS[:3]]
    sides = [np.abs(nanodet.expected(ours[n]) - nanodet.expected(theirs[n])).ravel() for n in nanodet.OUTPUTS[3:]]
    return Difference(worst, float(np.concatenate(scores).mean()), float(np.concatenate(sides).mean()))


def agrees(model: ModelCard, precision: str, found: Difference) -> bool:
    """Whether a difference is within what the card allows."""
    limit = model.agreement
    if precision == "fp32":
        return found.worst <= limit.fp32_worst
    return found.score_mean <= limit.int8_score_mean and found.side_mean_cells <= limit.int8_side_mean_cells
