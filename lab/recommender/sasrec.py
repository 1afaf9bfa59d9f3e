"""Trains SASRec: `python -m lab.recommender.sasrec --data ml1m --folder DATA --out RUN [--device cuda]`.

Full-softmax cross entropy as 'SASRec+' (Klenitskiy & Vasilev, RecSys 2023); for large catalogues sampled softmax or
gBCE (Petrov & Macdonald, RecSys 2023) over negatives shared by the batch. Measured leave-one-out over the full
ranking, items seen filtered; the figure against 100 negatives beside it.

Needs torch, numpy and tqdm alone. Writes into RUN weights.npz (the best epoch so far, with its item ids), run.json
(config, data hash, metrics, the course of training) and, until it has finished, checkpoint.pt to go on from.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from lab.recommender.data import READERS, Ratings, fingerprint, leave_one_out, positives, read, user_split
from lab.recommender.runs import finish, resume, stale, write_checkpoint
from lab.recommender.sasrec_model import LOSSES, Config, Histories, SasRec, load, save
from lab.recommender.sasrec_ranking import exams

JUDGE = "ndcg@10"
"""The figure on the validation items that picks the epoch."""


def train(ratings: Ratings, config: Config, out: Path, *, device: str = "cpu", minutes: float = 1e9) -> dict[str, Any]:
    """Trains on everything but each user's last two items; returns what run.json holds. Goes on from a checkpoint."""
    until = time.monotonic() + 60.0 * minutes
    out.mkdir(parents=True, exist_ok=True)
    lessons = Histories(_lessons(leave_one_out(ratings).train, config), config.longest + 1, device)
    exam = exams(ratings, config.longest, device)
    model = SasRec(len(ratings.items), _seeded(config)).to(device)
    adam = torch.optim.Adam(model.parameters(), lr=config.rate, betas=(0.9, 0.98))
    told = {"config": asdict(config), "data": ratings.name, "data_sha256": fingerprint(ratings)}
    course = resume(out, told, model, adam)
    done = len(course)
    bar = tqdm(range(done, config.epochs), initial=done, total=config.epochs, desc="sasrec", mininterval=5)
    for epoch in bar:
        if stale(course, JUDGE) >= config.patience or (epoch > done and time.monotonic() > until):
            break
        begun = time.monotonic()
        loss = _epoch(model, adam, lessons, epoch)
        figures = exam["valid"].figures(model)
        course.append({"loss": loss, "seconds": time.monotonic() - begun, **figures})
        bar.set_postfix(loss=f"{loss:.3f}", ndcg=f"{figures['ndcg@10']:.4f}", hr=f"{figures['hr@10']:.4f}")
        if stale(course, JUDGE) == 0:
            save(out, model, ratings.items)
        write_checkpoint(out, told, course, model, adam)
    best = load(out, device)[0]
    waited = stale(course, JUDGE)
    metrics = {part: one.figures(best) | one.sampled(best) for part, one in exam.items()}
    card = told | {"metrics": metrics, "epochs": len(course), "best_epoch": len(course) - waited}
    card |= {"finished": waited >= config.patience or len(course) >= config.epochs, "course": course}
    finish(out, card, device)
    return card


def _epoch(model: SasRec, adam: torch.optim.Optimizer, lessons: Histories, epoch: int) -> float:
    """One pass over the lessons in an order drawn from the seed and the epoch; returns the mean loss."""
    config, device = model.config, lessons.device
    torch.manual_seed(config.seed * 100_003 + epoch)
    model.train()
    total = torch.zeros((), device=device)
    order = torch.randperm(len(lessons.lengths)).split(config.batch)
    for users in order:
        ids, lengths = lessons.take(users)
        steps = (torch.arange(ids.shape[1] - 1) < (lengths - 1)[:, None]).flatten().nonzero()[:, 0].to(device)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=config.half):
            states = model(ids[:, :-1], (lengths - 1).to(device)).flatten(0, 1)[steps]
            loss = _loss(model, states, ids[:, 1:].flatten()[steps])
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        total += loss.detach()
    return float(total) / len(order)


def _loss(model: SasRec, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The mean loss of states (n, width) whose next items are `targets` (n,), numbered from 1."""
    config, table = model.config, model.items.weight
    if config.loss == "softmax":
        return F.cross_entropy((states @ table[1:].T).float(), targets - 1)
    count, total = config.negatives, len(table) - 1
    drawn = torch.randint(1, total + 1, (count,), device=states.device)
    wrong = (states @ table[drawn].T).float().masked_fill_(drawn == targets[:, None], -torch.inf)
    right = (states * table[targets]).sum(1).float()
    if config.loss == "sampled":
        logits = torch.cat([right[:, None], wrong + math.log((total - 1) / count)], 1)
        return F.cross_entropy(logits, torch.zeros_like(targets))
    share = count / (total - 1)
    power = share * (config.trust * (1 - 1 / share) + 1 / share)
    return (F.softplus(wrong).sum(1) - power * F.logsigmoid(right)).mean() / (count + 1)


def _lessons(sequences: Sequence[np.ndarray], config: Config) -> list[np.ndarray]:
    """What can teach a next item: the latest part of each history, with `windows` the earlier parts too."""
    parts = []
    for sequence in sequences:
        ends = range(len(sequence), 1, -config.longest) if config.windows else (len(sequence),)
        parts += [sequence[max(0, end - config.longest - 1) : end] for end in ends]
    return [part for part in parts if len(part) >= 2]


def _seeded(config: Config) -> Config:
    torch.manual_seed(config.seed)
    return config


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=READERS, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where the data set lies")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu", help="cpu, cuda")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop training after so long and measure")
    parser.add_argument("--users", type=int, help="only the first so many users, to try it out")
    parser.add_argument("--held-out", type=float, default=0.0, help="share of users never looked at (see user_split)")
    parser.add_argument("--split-seed", type=int, default=0)
    parser.add_argument("--least", type=float, default=0.0, help="only ratings of so many stars or more")
    for field in fields(Config):
        name, kind = f"--{field.name}", type(field.default)
        if kind is bool:
            parser.add_argument(name, action="store_true")
        else:
            parser.add_argument(name, type=kind, default=field.default, choices=LOSSES if name == "--loss" else None)
    return parser.parse_args()


def main() -> None:
    """Trains as the command line says."""
    args = _arguments()
    torch.set_float32_matmul_precision("high")
    ratings = read(args.data, args.folder)
    ratings = ratings.of(user_split(ratings, args.held_out, args.split_seed)[0])
    ratings = positives(ratings, args.least).of(range(min(args.users or 10**9, len(ratings.users))))
    config = replace(Config(), **{field.name: getattr(args, field.name) for field in fields(Config)})
    told = train(ratings, config, args.out, device=args.device, minutes=args.minutes)
    print(json.dumps(told["metrics"]))


if __name__ == "__main__":
    main()
