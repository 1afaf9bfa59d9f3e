"""Runs the encoder in onnxruntime: text in, a soft prefix for each decoder and cues out."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tokenizers import Encoding, Tokenizer

from catalog.onnx_session import UNREADABLE, open_session
from chat.llm.cues import Cues

ENCODER, TOKENIZER = "encoder.onnx.gz", "tokenizer.json"
"""The encoder is packed: its eight-bit numbers carry six bits each, and what ships is to be small."""
GZIP = zlib.MAX_WBITS | 16
"""The format of a gzip file, in zlib's numbering."""


def encoder_content(folder: Path) -> bytes:
    """The ONNX encoder of a folder of weights, unpacked. Raises FileNotFoundError, or ValueError for a damaged file."""
    path = folder / ENCODER
    try:
        return zlib.decompress(path.read_bytes(), GZIP)
    except zlib.error as error:
        raise ValueError(f"{path} is damaged ({error}); get it again") from error


class Encoded(NamedTuple):
    """The tokens of a text, their prefixes, float32 (decoders, tokens, width), and what the encoder makes of it."""

    coded: Encoding
    prefixes: np.ndarray
    cues: Cues


class PrefixEncoder:
    """Tokenizer and ONNX encoder. `encode` may be called from several threads at once."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Reads tokenizer and encoder. Raises FileNotFoundError, or ValueError for bad files."""
        for name in (TOKENIZER, ENCODER):
            if not (folder / name).is_file():
                raise FileNotFoundError(folder / name)
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
            self._session = open_session(encoder_content(folder), threads, spinning=False)
        except UNREADABLE as error:
            raise ValueError(f"{folder / ENCODER} holds no encoder: {error}") from error
        except Exception as error:  # the tokenizers library raises nothing narrower
            raise ValueError(f"{folder} cannot be loaded: {error}") from error

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
