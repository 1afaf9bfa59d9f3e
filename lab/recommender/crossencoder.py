"""Trains the cross-encoder: `python -m lab.recommender.crossencoder --pairs FOLDER --base MODEL --out RUN`.

Listwise softmax over one right item and hard wrong ones per request, beside agreement with the sentence encoder that it
starts from (KL of their softmaxes), which counts less and less. The last weights are kept: nothing is chosen by the
validation requests but `weight`, how much the score counts beside the search's own.

Needs torch, transformers, numpy and tqdm, FOLDER/pairs.npz (`crossencoder_pairs`) and the MiniLM folder. Writes into
RUN words.npz and layers.npz (`crossencoder_model.save_small`), run.json (config, data hash, metrics, course), until it
has finished checkpoint.pt to go on from.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from lab.recommender.crossencoder_model import (
    Config,
    CrossEncoder,
    Teacher,
    framed,
    joined,
    original,
    save_small,
    started,
)
from lab.recommender.runs import finish, resume, write_checkpoint

KINDS = ("requests", "sentence", "tags", "phrase", "like", "author", "shelves")
PARTS = ("train", "valid", "test")
SHARES = {"requests": 0.2, "sentence": 0.15, "tags": 0.15, "phrase": 0.1, "like": 0.15, "author": 0.02, "shelves": 0.23}
"""Of what a batch is made."""
PLACES, LOOKED_AT = 10, 20
WEIGHTS = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
"""Of the score beside the search's own, tried on the validation requests."""
ROUND = 200
"""Steps between checkpoints."""


class Pairs:
    """The prepared file on a device, with the teacher's vectors."""

    def __init__(self, folder: Path, device: str) -> None:
        path = folder / "pairs.npz"
        with np.load(path, allow_pickle=False) as saved:
            self.arrays = {name: saved[name] for name in saved.files}
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        self.texts = torch.from_numpy(self.arrays["texts"].astype(np.int64)).to(device)
        self.asked = torch.from_numpy(self.arrays["asked"].astype(np.int64)).to(device)
        self.device = device

    def teach(self, base: Path, cache: Path) -> None:
        """Vectors of all texts and requests; kept beside the run, as they cost minutes without a GPU."""
        if not cache.exists():
            teacher = Teacher(original(base)).to(self.device).eval()
            found = {"texts": _vectors(teacher, self.texts), "asked": _vectors(teacher, self.asked)}
            np.savez(cache, allow_pickle=False, **found)
        with np.load(cache, allow_pickle=False) as saved:
            self.text_vectors = torch.from_numpy(saved["texts"]).float().to(self.device)
            self.asked_vectors = torch.from_numpy(saved["asked"]).float().to(self.device)

    def rows(self, kind: str, part: str) -> np.ndarray:
        """Places of the requests of a kind and part."""
        return np.flatnonzero((self.arrays["kind"] == KINDS.index(kind)) & (self.arrays["part"] == PARTS.index(part)))


def train(pairs: Pairs, base: Path, config: Config, out: Path, minutes: float = 1e9) -> dict[str, Any]:
    """Trains and measures; returns what run.json holds. Goes on from a checkpoint."""
    until = time.monotonic() + 60.0 * minutes
    out.mkdir(parents=True, exist_ok=True)
    pairs.teach(base, out / "teacher.npz")
    model = started(base, config).to(pairs.device)
    adam = torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=0.01)
    told = {"config": asdict(config), "data_sha256": pairs.sha256}
    course = resume(out, told, model, adam)
    bar = tqdm(
        range(len(course), config.steps // ROUND), initial=len(course), total=config.steps // ROUND, unit="round"
    )
    for at in bar:
        if course and time.monotonic() > until:
            break
        begun = time.monotonic()
        loss = _round(model, adam, pairs, config, at)
        figures = measured(model, pairs, "valid", config)
        course.append({"loss": loss, "seconds": time.monotonic() - begun, **figures})
        bar.set_postfix(loss=f"{loss:.3f}", **{name: f"{value:.3f}" for name, value in figures.items()})
        write_checkpoint(out, told, course, model, adam)
    save_small(out, model, config)
    weight = course[-1]["weight"]
    metrics = {part: measured(model, pairs, part, config, weight) for part in ("valid", "test")}
    card = told | {"weight": weight, "metrics": metrics, "steps": len(course) * ROUND, "course": course}
    card["finished"] = len(course) >= config.steps // ROUND
    finish(out, card, pairs.device)
    return card


def _round(model: CrossEncoder, adam: torch.optim.Optimizer, pairs: Pairs, config: Config, at: int) -> float:
    """ROUND steps; returns the mean loss."""
    torch.manual_seed(config.seed * 100_003 + at)
    dice = np.random.default_rng((config.seed, at))
    model.train()
    total = torch.zeros((), device=pairs.device)
    for step in range(at * ROUND, (at + 1) * ROUND):
        done = step / config.steps
        for group in adam.param_groups:
            group["lr"] = config.rate * min(1.0, (step + 1) / (0.06 * config.steps)) * (1.0 - done)
        requests, items = _drawn(pairs, config, dice)
        with torch.autocast(torch.device(pairs.device).type, torch.bfloat16):
            scores = _scores(model, pairs, requests, items, config)
        near = (pairs.asked_vectors[requests][:, None] * pairs.text_vectors[items]).sum(-1)
        target = torch.zeros(len(items), dtype=torch.long, device=pairs.device)
        loss = F.cross_entropy(scores.float(), target, label_smoothing=config.smoothing)
        wanted = F.log_softmax(config.sharpness * near, 1)
        apart = F.kl_div(F.log_softmax(scores.float(), 1), wanted, log_target=True, reduction="batchmean")
        loss = loss + config.teach * (1.0 - 0.9 * done) * apart
        adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        total += loss.detach()
    return float(total) / ROUND


def _drawn(pairs: Pairs, config: Config, dice: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Requests (g,) and their items (g, choices), the right one first; places without a wrong one take another's."""
    kinds = dice.choice(len(KINDS), config.groups, p=[SHARES[kind] for kind in KINDS])
    rows = np.array([dice.choice(_pool(pairs, KINDS[kind])) for kind in kinds])
    yes, no = pairs.arrays["yes"][rows], pairs.arrays["no"][rows]
    right = np.array([dice.choice(line[line >= 0]) for line in yes])
    items = np.empty((len(rows), config.choices), dtype=np.int64)
    items[:, 0] = right
    for at, line in enumerate(no):
        wrong = dice.permutation(line[line >= 0])[: config.choices - 3]
        others = dice.permutation(np.delete(right, at))
        others = others[~np.isin(others, yes[at])][: config.choices - 1 - len(wrong)]
        items[at, 1:] = np.concatenate([wrong, others])
    return torch.from_numpy(rows).to(pairs.device), torch.from_numpy(items).to(pairs.device)


def _pool(pairs: Pairs, kind: str) -> np.ndarray:
    found = pairs.rows(kind, "train")
    return found if len(found) else pairs.rows("requests", "train")


def _scores(
    model: CrossEncoder, pairs: Pairs, requests: torch.Tensor, items: torch.Tensor, config: Config
) -> torch.Tensor:
    """(g, choices) scores of requests (g,) with their items (g, choices); in training some words are forgotten."""
    asked = pairs.asked[requests]
    if model.training and config.forget:
        asked = _forgotten(asked, config.forget)
    asked = asked.repeat_interleave(items.shape[1], 0)
    return model(*joined(asked, pairs.texts[items.flatten()], config.longest)).view(items.shape)


def _forgotten(asked: torch.Tensor, share: float) -> torch.Tensor:
    """Without some of each row's tokens, moved together; the first token always stays."""
    kept = (torch.rand(asked.shape, device=asked.device) >= share) & (asked > 0)
    kept[:, 0] = True
    order = torch.argsort((~kept).long(), dim=1, stable=True)
    return torch.where(kept.gather(1, order), asked.gather(1, order), 0)


@torch.no_grad()
def measured(
    model: CrossEncoder, pairs: Pairs, part: str, config: Config, weight: float | None = None
) -> dict[str, float]:
    """NDCG@10 over the first hits of the search as they stand, by the score alone, and with both at the best weight."""
    model.eval()
    rows = pairs.rows("requests", part)
    lists = []
    for row in rows:
        hits = pairs.arrays["hits"][row][:LOOKED_AT]
        hits = hits[hits >= 0]
        if len(hits):
            request, items = torch.tensor([row], device=pairs.device), torch.from_numpy(hits[None].astype(np.int64))
            read = _scores(model, pairs, request, items.to(pairs.device), config)[0].float().cpu().numpy()
            lists.append((hits, pairs.arrays["scores"][row][: len(hits)], read, set(pairs.arrays["yes"][row]) - {-1}))
    found = {
        w: float(np.mean([_ndcg(h[np.argsort(-(s + w * r), kind="stable")], y) for h, s, r, y in lists]))
        for w in WEIGHTS
    }
    alone = float(np.mean([_ndcg(h[np.argsort(-r, kind="stable")], y) for h, _, r, y in lists]))
    best = max(found, key=lambda w: (found[w], -w)) if weight is None else weight
    return {"search": found[0.0], "alone": alone, "both": found[best], "weight": best}


def _ndcg(ranked: np.ndarray, relevant: set[int]) -> float:
    gains = [1.0 / np.log2(place + 2) for place, row in enumerate(ranked[:PLACES]) if int(row) in relevant]
    return float(sum(gains) / sum(1.0 / np.log2(place + 2) for place in range(min(PLACES, len(relevant)))))


@torch.no_grad()
def _vectors(teacher: Teacher, table: torch.Tensor) -> np.ndarray:
    found = []
    for part in tqdm(table.split(128), desc="teacher", mininterval=5):
        ids, mask = framed(part)
        with torch.autocast(table.device.type, torch.bfloat16):
            vectors = teacher(ids, mask)
        found.append(vectors.float().cpu().numpy().astype(np.float16))
    return np.concatenate(found)


def main() -> None:
    """Trains as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True, help="folder with MiniLM's config.json and weights")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu", help="cpu, cuda")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop training after so long and measure")
    for one in fields(Config):
        parser.add_argument(f"--{one.name}", type=type(one.default), default=one.default)
    args = parser.parse_args()
    torch.set_float32_matmul_precision("high")
    config = replace(Config(), **{one.name: getattr(args, one.name) for one in fields(Config)})
    told = train(Pairs(args.pairs, args.device), args.base, config, args.out, args.minutes)
    print(json.dumps(told["metrics"]))


if __name__ == "__main__":
    main()
