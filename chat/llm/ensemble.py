"""Decoders that write one reading together.

Each was trained by itself and reads its own prefix; their scores of the next token are averaged (the geometric mean of
their probabilities, a product of experts, Hinton 2002). What one of them has learnt wrongly by chance, the others
outvote.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from chat.llm.llama import LlamaDecoder

FIRST = "decoder.gguf"
OTHERS = "decoder.[0-9].gguf"


def decoder_files(folder: Path) -> list[Path]:
    """The decoders of a folder of weights, in the order of the encoder's prefixes."""
    return [folder / FIRST, *sorted(folder.glob(OTHERS))]


class Ensemble:
    """One or more decoders as one. Not thread-safe: one user at a time; `close` frees them."""

    def __init__(self, decoders: Sequence[LlamaDecoder]) -> None:
        self._decoders = tuple(decoders)

    @classmethod
    def load(cls, files: Sequence[Path], threads: int) -> Ensemble:
        """Loads every file. Raises FileNotFoundError or ValueError for a bad one; nothing stays loaded then."""
        decoders: list[LlamaDecoder] = []
        try:
            for path in files:
                decoders.append(LlamaDecoder(path, threads))
        except Exception:
            cls(decoders).close()
            raise
        return cls(decoders)

    def __len__(self) -> int:
        return len(self._decoders)

    @property
    def pieces(self) -> set[int]:
        """How many pieces the decoders know: one number, unless they do not belong together."""
        return {decoder.pieces for decoder in self._decoders}

    def start(self, prefixes: np.ndarray) -> None:
        """Forgets everything and reads the prefixes, float32 (decoders, positions, width)."""
        for decoder, prefix in zip(self._decoders, prefixes, strict=True):
            decoder.start(prefix)

    def step(self, token: int) -> np.ndarray:
        """Reads one token and returns the mean logits of the next, float32 (pieces,)."""
        return np.mean([decoder.step(token) for decoder in self._decoders], axis=0)

    def back_to(self, at: int) -> None:
        """Forgets everything from the token on that was read as number `at` (0: the first) after the prefix."""
        for decoder in self._decoders:
            decoder.back_to(at)

    def close(self) -> None:
        """Frees the native memory; the object is of no use afterwards."""
        for decoder in self._decoders:
            decoder.close()
