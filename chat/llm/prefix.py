"""Runs the encoder in onnxruntime: text in, a soft prefix for each decoder and cues out."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from tokenizers import Encoding, Tokenizer

from catalog.onnx_session import open_session
from chat.llm.cues import Cues


class Encoded(NamedTuple):
    """The tokens of a text, their prefixes, float32 (decoders, tokens, width), and what the encoder makes of it."""

    coded: Encoding
    prefixes: np.ndarray
    cues: Cues


class PrefixEncoder:
    """Tokenizer and ONNX encoder. `encode` may be called from several threads at once."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Reads `tokenizer.json` and `encoder.onnx`. Raises OSError or the library's error for bad files."""
        for name in ("tokenizer.json", "encoder.onnx"):
            if not (folder / name).is_file():
                raise FileNotFoundError(folder / name)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._session = open_session(folder / "encoder.onnx", threads, spinning=False)

    @property
    def decoders(self) -> int:
        """How many decoders there is a prefix for."""
        return int(self._session.get_outputs()[0].shape[0])

    def tokens(self, text: str) -> Encoding:
        """The tokens of `text` with their character offsets, cut at the model's limit."""
        return self._tokenizer.encode(text)

    def encode(self, text: str) -> Encoded:
        """What the encoder makes of `text`, cut at the model's limit."""
        coded = self.tokens(text)
        found = self._session.run(None, {"ids": np.array([coded.ids], dtype=np.int64)})
        prefixes, tools, words = map(np.asarray, found)
        return Encoded(coded, np.ascontiguousarray(prefixes, dtype=np.float32), Cues(tools[0], words[0]))
