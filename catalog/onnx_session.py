"""A model in ONNX, opened as all models are here: on the processor, quiet, on few threads."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as reported  # pyright: ignore[reportAttributeAccessIssue]

UNREADABLE: tuple[type[Exception], ...] = (
    reported.Fail,
    reported.InvalidArgument,
    reported.InvalidGraph,
    reported.InvalidProtobuf,
    reported.NoSuchFile,
    reported.NotImplemented,
    reported.RuntimeException,
)
"""What onnxruntime raises for a file that holds no model, or another one than is meant."""


def open_session(model: Path | bytes, threads: int = 1, *, spinning: bool = True) -> onnxruntime.InferenceSession:
    """The model of a file, or of a file's content, on `threads` threads.

    Raises one of UNREADABLE for a file that is missing or bad.

    spinning: whether threads that wait for each other keep their processors busy.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if not spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
