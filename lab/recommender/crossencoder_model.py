"""The cross-encoder in PyTorch: some layers of MiniLM over `[CLS] request [SEP] item [SEP]`, and a score on top.

Also the first encoder it comes from, as the teacher that says how near a request and an item lie in meaning, and how
weights travel: word vectors as int8 by row, the rest as float16, two small .npz files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import BertConfig, BertModel

START, END = 101, 102
"""Ids of [CLS] and [SEP]."""
WORDS = "encoder.embeddings.word_embeddings.weight"


@dataclass(frozen=True)
class Config:
    """What a run was told."""

    layers: str = "0,2,4"
    """Which of the six layers are kept, in order."""
    longest: int = 64
    """Tokens of a pair."""
    choices: int = 8
    """Items a request is asked about at once, one of them right."""
    groups: int = 64
    """Requests a step."""
    steps: int = 2400
    rate: float = 8e-5
    teach: float = 2.0
    """What agreeing with the teacher counts at the start beside the right answer; it falls to a tenth of that."""
    sharpness: float = 20.0
    """What a unit of the teacher's cosine counts in logits."""
    smoothing: float = 0.1
    forget: float = 0.1
    """Share of a request's tokens that are left out in training."""
    seed: int = 0


class CrossEncoder(nn.Module):
    """Token columns (n, t) to scores (n,)."""

    def __init__(self, encoder: BertModel) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.config.hidden_size, 1)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        states = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=kinds).last_hidden_state
        return self.head(states[:, 0])[:, 0]


class Teacher(nn.Module):
    """Token columns (n, t) to unit vectors (n, d): the sentence encoder as it came."""

    def __init__(self, encoder: BertModel) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return nn.functional.normalize(mean, dim=1)


def original(base: Path) -> BertModel:
    """The sentence encoder of a folder, in float32."""
    return BertModel.from_pretrained(base, add_pooling_layer=False, dtype=torch.float32)


def started(base: Path, config: Config) -> CrossEncoder:
    """A cross-encoder that starts from the encoder's layers."""
    torch.manual_seed(config.seed)
    encoder = original(base)
    encoder.encoder.layer = nn.ModuleList([encoder.encoder.layer[int(at)] for at in config.layers.split(",")])
    encoder.config.num_hidden_layers = len(encoder.encoder.layer)
    return CrossEncoder(encoder)


def joined(asked: torch.Tensor, texts: torch.Tensor, longest: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, mask and segment kinds (n, t) of pairs from request ids (n, a) and item ids (n, b), 0 where they end.

    t is as long as the longest pair, `longest` at the most; what is too much is cut from the item.
    """
    told, room = (asked > 0).sum(1, keepdim=True), (texts > 0).sum(1, keepdim=True)
    room = torch.minimum(room, longest - 3 - told)
    place = torch.arange(int((told + room).max()) + 3, device=asked.device)[None]
    ids = torch.zeros(len(asked), place.shape[1], dtype=torch.long, device=asked.device)
    ids[:, 0] = START
    within = (place >= 1) & (place <= told)
    ids = torch.where(within, asked.gather(1, (place - 1).clamp(0, asked.shape[1] - 1).expand_as(ids)), ids)
    inside = (place >= told + 2) & (place < told + 2 + room)
    ids = torch.where(inside, texts.gather(1, (place - told - 2).clamp(0, texts.shape[1] - 1)), ids)
    ids = torch.where((place == told + 1) | (place == told + 2 + room), END, ids)
    mask = (place <= told + 2 + room).long()
    return ids, mask, ((place >= told + 2) & (mask > 0)).long()


def framed(ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask (n, t) of single texts with their marks around them."""
    count = (ids > 0).sum(1, keepdim=True)
    width = int(count.max()) + 2
    place = torch.arange(width, device=ids.device)[None]
    body = ids[:, : width - 2]
    whole = nn.functional.pad(body, (1, 1))
    whole[:, 0] = START
    return torch.where(place == count + 1, END, whole), (place <= count + 1).long()


def save_small(run: Path, model: CrossEncoder, config: Config) -> None:
    """Writes RUN/words.npz and RUN/layers.npz, each well under 16 MB."""
    state = {name: tensor.detach().float().cpu().numpy() for name, tensor in model.state_dict().items()}
    words = state.pop(WORDS)
    scale = np.abs(words).max(axis=1, keepdims=True) / 127.0 + 1e-12
    np.savez_compressed(run / "words.npz", rows=np.round(words / scale).astype(np.int8), scale=scale.astype(np.float32))
    halves: Mapping[str, Any] = {n: a.astype(np.float16) if a.dtype == np.float32 else a for n, a in state.items()}
    np.savez_compressed(run / "layers.npz", config=np.array(json.dumps(asdict(config))), **halves)


def load_small(run: Path, base: Path) -> tuple[CrossEncoder, Config]:
    """The model that `save_small` wrote; `base` gives the shape alone."""
    with np.load(run / "layers.npz", allow_pickle=False) as saved:
        config = Config(**json.loads(str(saved["config"])))
        state = {n: torch.from_numpy(saved[n]) for n in saved.files if n != "config"}
    with np.load(run / "words.npz", allow_pickle=False) as saved:
        state[WORDS] = torch.from_numpy(saved["rows"].astype(np.float32) * saved["scale"])
    shape = BertConfig.from_pretrained(base, num_hidden_layers=len(config.layers.split(",")))
    model = CrossEncoder(BertModel(shape, add_pooling_layer=False))
    model.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in state.items()})
    return model.eval(), config
