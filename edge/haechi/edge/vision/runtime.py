"""What every detector needs of OpenCV and onnxruntime: one bounded session, and pictures made small cheaply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NoSuchFile,
    RuntimeException,
)
from onnxruntime.capi.onnxruntime_pybind11_state import (
    NotImplemented as OperatorNotImplemented,
)

from haechi.edge.vision.models.errors import ModelError
from haechi.text import _

# Its errors have no common base.
_REFUSALS = (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NoSuchFile,
    OperatorNotImplemented,
    RuntimeException,
)


def open_session(model: Path, threads: int) -> Any:
    """Opens an ONNX file with so many threads and nothing spinning between looks.

    Raises:
        ModelError: it is not there or no model that can be run.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except _REFUSALS as error:
        reason = (str(error).splitlines() or [""])[0][:160]
        raise ModelError(_("{path}: cannot be run as a model: {reason}").format(path=model, reason=reason)) from error


def shrunk(picture: NDArray[np.uint8], height_px: int, width_px: int) -> NDArray[np.uint8]:
    """The picture halved by averages as often as it stays at least so large.

    Small objects stay whole in it, and the last step to the exact size can be a plain interpolation; averaging all the
    way would take as long as a look.
    """
    while picture.shape[1] >= 2 * width_px and picture.shape[0] >= 2 * height_px:
        half = (picture.shape[1] // 2, picture.shape[0] // 2)
        picture = np.asarray(cv2.resize(picture, half, interpolation=cv2.INTER_AREA), np.uint8)
    return picture
