"""The SASRec network: Kang & McAuley, ICDM 2018. Item and position embeddings, causal self-attention blocks, scores
by the shared item embedding. Its histories as tensors, its weights as a plain .npz.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from lab.recommender.runs import load_weights, save_weights

LOSSES = ("softmax", "sampled", "gbce")


@dataclass(frozen=True)
class Config:
    """What a run is made of; the defaults are those of Klenitskiy & Vasilev."""

    hidden: int = 64
    blocks: int = 2
    heads: int = 1
    dropout: float = 0.1
    longest: int = 200
    """Items of a history that the model looks at, the latest ones."""
    batch: int = 128
    rate: float = 1e-3
    epochs: int = 100
    patience: int = 10
    """Epochs without a better NDCG@10 on the validation items before it stops."""
    loss: str = "softmax"
    negatives: int = 256
    """Shared by a batch, for the losses `sampled` and `gbce`."""
    trust: float = 0.75
    """gBCE's t: 0 is plain binary cross entropy, 1 full calibration of the sampling."""
    windows: bool = False
    """Also learn from the earlier parts of histories longer than `longest`."""
    seed: int = 0
    half: bool = False
    """bfloat16 autocast in training."""


class Block(nn.Module):
    """Causal attention whose query alone is normalised, then a point-wise layer: the paper's block."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.hidden
        self.heads = config.heads
        self.dropout = config.dropout
        self.before = nn.LayerNorm(width, eps=1e-8)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.between = nn.LayerNorm(width, eps=1e-8)
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, t, width) to the same shape."""
        n, t, width = x.shape
        asked = self.before(x)
        q, k, v = (
            layer(source).view(n, t, self.heads, width // self.heads).transpose(1, 2)
            for layer, source in ((self.query, asked), (self.key, x), (self.value, x))
        )
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=self._rate())
        x = self.between(asked + self.out(mixed.transpose(1, 2).reshape(n, t, width)))
        inner = F.dropout(torch.relu(self.first(x)), self._rate())
        return x + F.dropout(self.second(inner), self._rate())

    def _rate(self) -> float:
        return self.dropout if self.training else 0.0


class SasRec(nn.Module):
    """Histories to states; a state's dot product with an item's embedding is that item's score.

    Items are numbered from 1 (row + 1), 0 pads *after* the history, so that causal attention never meets it;
    positions are counted from the end, as with the paper's padding in front.
    """

    def __init__(self, items: int, config: Config) -> None:
        super().__init__()
        self.config = config
        self.items = nn.Embedding(items + 1, config.hidden, padding_idx=0)
        self.places = nn.Embedding(config.longest, config.hidden)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.last = nn.LayerNorm(config.hidden, eps=1e-8)
        self.apply(_start)

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(n, t) item numbers padded behind and (n,) lengths to states (n, t, width), one after each item."""
        return self.states(self.items(ids), lengths)

    def states(self, vectors: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The same from the items' embeddings (n, t, width)."""
        steps = torch.arange(vectors.shape[1], device=vectors.device)
        places = (steps + self.config.longest - lengths[:, None]).clamp(max=self.config.longest - 1)
        x = vectors * math.sqrt(self.config.hidden) + self.places(places)
        x = F.dropout(x, self.config.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return self.last(x)


class Histories:
    """Sequences as one tensor (n, t) of item numbers, padded behind, the latest `longest` of each."""

    def __init__(self, sequences: Sequence[np.ndarray], longest: int, device: str) -> None:
        cut = [sequence[-longest:] for sequence in sequences]
        self.lengths = torch.tensor([len(sequence) for sequence in cut])
        """On the processor, so that shapes are known without waiting for the device."""
        table = np.zeros((len(cut), max(1, int(self.lengths.max()))), dtype=np.int64)
        for row, sequence in zip(table, cut, strict=True):
            row[: len(sequence)] = sequence + 1
        self.ids = torch.from_numpy(table).to(device)
        self.device = device

    def take(self, users: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Item numbers, no wider than needed, and lengths (on the processor) of these users (on the processor)."""
        lengths = self.lengths[users]
        return self.ids[users.to(self.device), : max(1, int(lengths.max()))], lengths


def save(run: Path, model: SasRec, items: tuple[str, ...]) -> None:
    """Writes RUN/weights.npz: the weights, the config and the ids of the items in order of row."""
    save_weights(run, model, asdict(model.config), {"ids": np.array(items)})


def load(run: Path, device: str = "cpu") -> tuple[SasRec, tuple[str, ...]]:
    """The model in RUN/weights.npz, ready to score, and the ids of its items in order of row."""
    state, config, extra = load_weights(run)
    model = SasRec(len(extra["ids"]), Config(**config))
    model.load_state_dict(state)
    return model.to(device).eval(), tuple(extra["ids"].tolist())


def _start(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        with torch.no_grad():
            module.weight[module.padding_idx].zero_()
