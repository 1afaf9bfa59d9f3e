"""Teaches the encoder what Chinese words mean while it learns to understand requests.

A dictionary and translated sentences give Chinese texts whose English is known. The mean of the encoder's states over
the Chinese text, through a linear map, approaches the teacher's embedding of the English (as in Reimers & Gurevych
2020, but beside the task instead of before it). The map is for training only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn

from catalog.cedict import dictionary
from chat.llm.context import Context, layout
from lab.understanding.distil import Plan, Rows, as_taught, goals, pooled, short_pairs

LONGEST_WORD = 8
BATCH = 256


def translations(public: Path) -> list[tuple[str, str]]:
    """English and Chinese: the dictionary's words, translated sentences, the names of the vocabularies three times."""
    known = dictionary()
    words = [(known.english(word), word) for word in known if len(word) <= LONGEST_WORD]
    return [*((en, zh) for en, zh in words if en), *short_pairs(public)]


class Meanings:
    """Chinese texts, the vectors of their English, and the map from encoders' states to these."""

    def __init__(self, rows: Rows, wanted: torch.Tensor, hidden: int) -> None:
        """`wanted` (n, d), on the device of the rows: the direction of each text."""
        self._rows, self._wanted = rows, F.normalize(wanted.float(), dim=1)
        self.map = nn.Linear(hidden, wanted.shape[1]).to(wanted.device)

    @classmethod
    def taught(cls, public: Path, tokenizer: Tokenizer, plan: Plan) -> Meanings:
        """With the vectors of the teacher model, worked out first (three minutes on a processor)."""
        pairs = translations(public)
        english = Rows(as_taught([en for en, _ in pairs]), plan.device, plan.seed)
        wanted = goals(english, len(pairs), plan)
        chinese = Rows(as_said([zh for _, zh in pairs], tokenizer), plan.device, plan.seed)
        return cls(chinese, wanted, wanted.shape[1])

    def loss(self, encoders: Sequence[Any]) -> torch.Tensor:
        """For each encoder one less the mean cosine of a batch, summed."""
        places = self._rows.draw(BATCH)
        ids, mask = self._rows.at(places)
        wanted = self._wanted[places.to(ids.device)]
        found = (F.normalize(self.map(pooled(encoder, ids, mask)).float(), dim=1) for encoder in encoders)
        return torch.stack([1 - (vectors * wanted).sum(1).mean() for vectors in found]).sum()


def as_said(texts: list[str], tokenizer: Tokenizer) -> list[list[int]]:
    """Token ids of each text, laid out as the chat lays out what a user says."""
    return [code.ids for code in tokenizer.encode_batch([layout(text, Context()).text for text in texts])]
