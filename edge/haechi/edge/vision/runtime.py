"""What every detector needs of onnxruntime: one bounded session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
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
        reason = (str(error).splitlines() or [""])[0][:160]
        raise ModelError(_("{path}: cannot be run as a model: {reason}").format(path=model, reason=reason)) from error
