"""What every detector needs of onnxruntime: one bounded session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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

onnxruntime.disable_telemetry_events()  # a city's camera tells nobody that it runs

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
        raise _refused(model, error) from error


def tried(session: Any, model: Path, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
    """What a model answers to its first picture: whoever cannot be run is known before a camera relies on it.

    Raises:
        ModelError: it cannot be run.
    """
    try:
        return list(session.run(None, dict(feeds)))
    except (*_REFUSALS, ValueError) as error:
        raise _refused(model, error) from error


def _refused(model: Path, error: Exception) -> ModelError:
    reason = (str(error).splitlines() or [""])[0][:160]
    return ModelError(_("{path}: cannot be run as a model: {reason}").format(path=model, reason=reason))
