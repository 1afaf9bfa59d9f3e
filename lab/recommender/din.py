"""Trains DIN from arrays: who was shown what, after which history, with which features, and whether it was liked.

Binary cross entropy by AdamW; the epoch with the best GAUC on held-out users is kept. Needs torch, numpy and tqdm
alone. Writes weights.npz, run.json (config, data hash, figures, the course of training) and, until it has finished,
checkpoint.pt to go on from. `lab.recommender.din_export` makes it ready for serving by `recommend.din`.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from lab.recommender.din_model import Config, Din, load, save
from lab.recommender.gauc import auc, gauc
from lab.recommender.runs import finish, resume, stale, write_checkpoint

JUDGE = "gauc"
SCORE_BATCH = 4096


@dataclass(frozen=True, eq=False)
class Examples:
    """n exposures, as arrays."""

    candidates: np.ndarray
    """(n,) rows of the items shown."""
    histories: np.ndarray
    """(n, t) rows of the items that the user had heard before, in any order, padded behind with -1.

    t is remembered: at serving only the latest t items of a history are looked at.
    """
    dense: np.ndarray
    """(n, f) features, raw: the model centres and scales them by what it saw in training."""
    labels: np.ndarray
    """(n,) 1 = liked, 0 = not."""
    users: np.ndarray
    """(n,) whatever tells users apart: numbers or strings."""
    places: np.ndarray | None = None
    """(n,) position of the exposure from 0, -1 unknown; explains away clicks that only the position got."""

    def __post_init__(self) -> None:
        """ValueError where the arrays are of different lengths or a candidate is missing."""
        sizes = {field.name: len(value) for field in fields(self) if (value := getattr(self, field.name)) is not None}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"examples of different numbers: {sizes}")
        if len(self.candidates) and self.candidates.min() < 0:
            raise ValueError("a candidate has row -1; only histories are padded")


def train(  # noqa: PLR0913
    lessons: Examples,
    held: Examples,
    vectors: np.ndarray,
    out: Path,
    config: Config,
    *,
    device: str = "cpu",
    quiet: bool = False,
) -> Din:
    """The model of the best epoch. `held` are examples of users that `lessons` do not know; it picks the epoch.

    vectors: float32 (items, d), what is known of each item's content. Goes on from a checkpoint in `out`.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    model = Din(len(vectors), vectors.shape[1], lessons.dense.shape[1], config).to(device)
    model.centre.copy_(torch.from_numpy(lessons.dense.mean(0)))
    model.spread.copy_(torch.from_numpy(np.where(lessons.dense.std(0) > 1e-6, lessons.dense.std(0), 1.0)))
    adam = torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=config.decay)
    told = {"config": {**asdict(config), "top": list(config.top)}, "longest": lessons.histories.shape[1]}
    told |= {"data_sha256": fingerprint(lessons, held, vectors)}
    course = resume(out, told, model, adam)
    table, part = torch.from_numpy(np.asarray(vectors, dtype=np.float32)).to(device), _Part(lessons, device)
    bar = tqdm(range(len(course), config.epochs), desc="din", mininterval=5, disable=quiet)
    for epoch in bar:
        if stale(course, JUDGE) >= config.patience:
            break
        loss = _epoch(model, adam, part, table, epoch)
        course.append({"loss": loss, **measure(model, held, vectors)})
        bar.set_postfix(loss=f"{loss:.4f}", gauc=f"{course[-1]['gauc']:.4f}")
        if stale(course, JUDGE) == 0:
            save(out, model)
        write_checkpoint(out, told, course, model, adam)
    best = len(course) - 1 - stale(course, JUDGE)
    card = told | {"metrics": course[best], "epochs": len(course), "best_epoch": best + 1, "finished": True}
    finish(out, card | {"course": course}, device)
    return load(out, device)


def score(model: Din, examples: Examples, vectors: np.ndarray) -> np.ndarray:
    """Logits (n,) of the examples, float32; the position takes no part."""
    device = model.centre.device
    table = torch.from_numpy(np.asarray(vectors, dtype=np.float32)).to(device)
    part = _Part(examples, str(device))
    model.eval()
    with torch.no_grad():
        rows = torch.arange(len(part.labels), device=device).split(SCORE_BATCH)
        return np.concatenate([part.logits(model, table, some).cpu().numpy() for some in rows])


def measure(model: Din, examples: Examples, vectors: np.ndarray) -> dict[str, float]:
    """GAUC, AUC and log loss on the examples. ValueError where no user has a positive and a negative."""
    logits = score(model, examples, vectors)
    labels = torch.from_numpy(np.asarray(examples.labels, dtype=np.float32))
    loss = float(F.binary_cross_entropy_with_logits(torch.from_numpy(logits), labels))
    by_user = gauc(examples.users, examples.labels, logits)
    if np.isnan(by_user):
        raise ValueError("no user has both a positive and a negative example; there is nothing to measure")
    return {"gauc": by_user, "auc": auc(examples.labels, logits), "log_loss": loss}


def fingerprint(lessons: Examples, held: Examples, vectors: np.ndarray) -> str:
    """SHA-256 (hex) of everything that a model is trained on and chosen by."""
    digest = hashlib.sha256(np.ascontiguousarray(vectors).data.cast("B"))
    for examples in (lessons, held):
        for field in fields(examples):
            value = getattr(examples, field.name)
            digest.update(field.name.encode() + (b"" if value is None else np.ascontiguousarray(value).tobytes()))
    return digest.hexdigest()


class _Part:
    """Examples on the device."""

    def __init__(self, examples: Examples, device: str) -> None:
        def sent(array: np.ndarray, kind: type) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array, dtype=kind)).to(device)

        places = np.full(len(examples.labels), -1) if examples.places is None else examples.places
        self.candidates, self.places = sent(examples.candidates, np.int64), sent(places, np.int64)
        self.histories = sent(examples.histories, np.int32)
        self.dense, self.labels = sent(examples.dense, np.float32), sent(examples.labels, np.float32)

    def logits(self, model: Din, table: torch.Tensor, some: torch.Tensor) -> torch.Tensor:
        """Logits of the examples at these indexes, without the position's bias."""
        histories = self.histories[some].long()
        mask = histories >= 0
        rows = torch.cat([self.candidates[some, None], histories.clamp(min=0)], 1)
        embedded = model.embed(rows, table)
        return model(embedded[:, 0], embedded[:, 1:], mask, self.dense[some])


def _epoch(model: Din, adam: torch.optim.Optimizer, part: _Part, table: torch.Tensor, epoch: int) -> float:
    """One pass over the examples in an order drawn from the seed and the epoch; returns the mean loss."""
    config = model.config
    torch.manual_seed(config.seed * 100_003 + epoch)
    model.train()
    order = torch.randperm(len(part.labels)).to(table.device).split(config.batch)
    total = torch.zeros((), device=table.device)
    for some in order:
        logits = part.logits(model, table, some) + model.bias(part.places[some])
        loss = F.binary_cross_entropy_with_logits(logits, part.labels[some])
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        total += loss.detach()
    return float(total) / len(order)
