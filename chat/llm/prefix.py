"""Runs the encoder in onnxruntime: text in, soft prefix for the decoder out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Encoding, Tokenizer


class PrefixEncoder:
    """Tokenizer and ONNX encoder. `encode` may be called from several threads at once."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Reads `tokenizer.json` and `encoder.onnx`. Raises OSError or the library's error for bad files."""
        for name in ("tokenizer.json", "encoder.onnx"):
            if not (folder / name).is_file():
                raise FileNotFoundError(folder / name)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(folder / "encoder.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def tokens(self, text: str) -> Encoding:
        """The tokens of `text` with their character offsets, cut at the model's limit."""
        return self._tokenizer.encode(text)

    def encode(self, text: str) -> tuple[Encoding, np.ndarray]:
        """The tokens of `text` (cut at the model's limit) and their prefix, float32 (tokens, width)."""
        coded = self.tokens(text)
        (prefix,) = self._session.run(None, {"ids": np.array([coded.ids], dtype=np.int64)})
        return coded, np.ascontiguousarray(np.asarray(prefix)[0], dtype=np.float32)
