"""Where encoders begin: pre-trained models whose licences let what is made of them ship."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer

from lab.understanding.e5 import encoder_state


class Origin(NamedTuple):
    """A pre-trained encoder: how many of its layers are used, and its name and licence for the card."""

    depth: int
    licence: str


MINILM, E5 = "minilm", "e5"
ORIGINS = {
    MINILM: Origin(6, "all-MiniLM-L6-v2, Apache-2.0, fine-tuned"),
    E5: Origin(8, "multilingual-e5-small (the first 8 of its 12 layers), MIT, fine-tuned"),
}
"""Widths, heads and feed-forward layers of all are MiniLM's; only the number of layers differs."""


def origins_of(checkpoint: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the encoders of a checkpoint's models began; older ones do not tell, and all began as MiniLM."""
    return tuple(checkpoint.get("origins") or [MINILM] * len(checkpoint["layers"]))


def first_state(origin: str, run: Path, tokenizer: Tokenizer) -> dict[str, Any]:
    """The encoder that a model of this origin begins with: what was distilled in the run, or the one of a package.

    Raises FileNotFoundError where the run has no distilled encoder, or the package is not installed.
    """
    if origin == E5:
        return encoder_state(tokenizer, ORIGINS[E5].depth)
    return torch.load(run / "encoder.pt", weights_only=True)["encoder"]
