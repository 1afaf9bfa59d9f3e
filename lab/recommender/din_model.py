"""DIN, the deep interest network: Zhou et al., KDD 2018 (arXiv 1706.06978).

A history counts for a candidate as far as its items have to do with it: sum of a(e_j, v) e_j over the history, the
weights a not normalised, so that a strong interest stays strong. a is a small network over [v, e_j, v - e_j, v * e_j];
its layers and those on top are activated by Dice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lab.recommender.runs import load_weights, save_weights


@dataclass(frozen=True)
class Config:
    """What a run is made of."""

    width: int = 32
    """Of an item's embedding."""
    attention: int = 32
    """Hidden units of the attention network."""
    top: tuple[int, ...] = (128, 64)
    dropout: float = 0.1
    own: bool = True
    """Whether an item has an embedding of its own, added to the projection of its vector."""
    places: int = 0
    """Exposure positions with a bias of their own in training; left out at serving. 0: none, as where the log tells no
    positions. The shipped weights are of such a run."""
    batch: int = 512
    rate: float = 1e-3
    decay: float = 1e-5
    epochs: int = 10
    patience: int = 2
    """Epochs without a better GAUC on the held-out examples before it stops."""
    seed: int = 0


class Dice(nn.Module):
    """f(s) = p s + (1 - p) alpha s, p = sigmoid((s - E[s]) / sqrt(Var[s] + eps)), per channel (the last axis).

    E and Var are those of the batch in training, of what the mask keeps alone, and running averages afterwards.
    """

    mean: torch.Tensor
    var: torch.Tensor

    def __init__(self, width: int, eps: float = 1e-8, momentum: float = 0.05) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(width))
        self.eps, self.momentum = eps, momentum
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("var", torch.ones(width))

    def forward(self, s: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """(..., width) to the same shape; mask: bool (...), False where there is padding."""
        mean, var = self._statistics(s, mask) if self.training else (self.mean, self.var)
        p = torch.sigmoid((s - mean) * torch.rsqrt(var + self.eps))
        return s * (p + (1.0 - p) * self.alpha)

    def _statistics(self, s: torch.Tensor, mask: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        flat = s.flatten(0, -2)
        kept = torch.ones_like(flat[:, :1]) if mask is None else mask.reshape(-1, 1).to(s.dtype)
        count = kept.sum().clamp(min=1.0)
        mean = (flat * kept).sum(0) / count
        var = ((flat - mean).square() * kept).sum(0) / count
        with torch.no_grad():
            self.mean.lerp_(mean, self.momentum)
            self.var.lerp_(var, self.momentum)
        return mean, var


class Attention(nn.Module):
    """The weights of history items for candidates, and the histories summed up by them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(4 * width, hidden)
        self.dice = Dice(hidden)
        self.last = nn.Linear(hidden, 1)

    def forward(self, candidates: torch.Tensor, history: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Candidates (n, width), histories (n or 1, t, width), mask (n, t) or None, to interests (n, width).

        The first layer of [q, k, q - k, q * k] is taken apart, so that only q * k costs n x t products.
        """
        for_q, for_k, for_difference, for_product = self.first.weight.chunk(4, 1)
        asked = (candidates @ (for_q + for_difference).T + self.first.bias)[:, None]
        told = history @ (for_k - for_difference).T
        hidden = asked + told + (candidates[:, None] * history) @ for_product.T
        weights = self.last(self.dice(hidden, mask))
        return (weights * history if mask is None else weights * history * mask[..., None]).sum(1)


class Din(nn.Module):
    """The chance that a candidate is liked, as a logit."""

    centre: torch.Tensor
    spread: torch.Tensor

    def __init__(self, items: int, vector: int, dense: int, config: Config) -> None:
        super().__init__()
        self.config = config
        self.project = nn.Linear(vector, config.width)
        self.own = nn.Embedding(items if config.own else 1, config.width)
        nn.init.zeros_(self.own.weight)
        self.places = nn.Embedding(config.places + 1, 1, padding_idx=config.places)
        nn.init.zeros_(self.places.weight)
        self.attention = Attention(config.width, config.attention)
        sizes = (3 * config.width + dense, *config.top)
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in zip(sizes, sizes[1:], strict=False))
        self.dices = nn.ModuleList(Dice(size) for size in config.top)
        self.dropout = nn.Dropout(config.dropout)
        self.out = nn.Linear(sizes[-1], 1)
        self.register_buffer("centre", torch.zeros(dense))
        self.register_buffer("spread", torch.ones(dense))

    def embed(self, rows: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """Embeddings (..., width) of rows (...) of `vectors` (items, d); each different row is projected once."""
        different, place = rows.unique(return_inverse=True)
        table = self.project(vectors[different])
        if self.config.own:
            table = table + self.own(different)
        return table[place]

    def forward(
        self, candidates: torch.Tensor, history: torch.Tensor, mask: torch.Tensor | None, dense: torch.Tensor
    ) -> torch.Tensor:
        """Embeddings (n, width) and (n or 1, t, width), mask (n, t) or None, features (n, f) to logits (n,)."""
        interest = self.attention(candidates, history, mask)
        x = torch.cat([interest, candidates, interest * candidates, (dense - self.centre) / self.spread], 1)
        for layer, dice in zip(self.layers, self.dices, strict=True):
            x = self.dropout(dice(layer(x)))
        return self.out(x)[:, 0]

    def bias(self, places: torch.Tensor) -> torch.Tensor:
        """What a position (n,) adds to the logit in training; unknown (-1) and far positions add nothing."""
        known = (places >= 0) & (places < self.config.places)
        return self.places(torch.where(known, places, self.config.places))[:, 0]


def save(run: Path, model: Din) -> None:
    """Writes RUN/weights.npz."""
    shape = [len(model.own.weight), model.project.in_features, len(model.centre)]
    save_weights(run, model, asdict(model.config), {"shape": np.array(shape)})


def load(run: Path, device: str = "cpu") -> Din:
    """The model in RUN/weights.npz, ready to score."""
    state, config, extra = load_weights(run)
    items, vector, dense = extra["shape"].tolist()
    model = Din(items, vector, dense, Config(**{**config, "top": tuple(config["top"])}))
    model.load_state_dict(state)
    return model.to(device).eval()
