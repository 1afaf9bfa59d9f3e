"""The training loop: from an encoder that knows both languages to a model that reads the contract."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lab.understanding.batches import Batch, Stream, loader
from lab.understanding.corpus import Record, example
from lab.understanding.model import Understander, build
from lab.understanding.progress import log_to
from lab.understanding.schedule import TimedSchedule, smoothed


class Recipe(NamedTuple):
    """How to train: minutes, examples a step, highest learning rates of decoder and encoder, seed, where."""

    minutes: float = 60.0
    batch: int = 48
    lr: float = 1e-3
    encoder_lr: float = 2.5e-4
    layers: int = 4
    dropout: float = 0.1
    warm: int = 60
    averaged: float = 0.998
    """Decay of the moving average of the weights that is kept; 0 keeps the last ones."""
    save_minutes: float = 2.0
    bf16: bool = False
    seed: int = 0
    device: str = "cpu"
    workers: int = 0
    augmented: bool = True


def fresh_model(run: Path, layers: int, dropout: float) -> Understander:
    """A model whose encoder is the distilled one of the run."""
    start = torch.load(run / "encoder.pt", weights_only=True)
    return build(start["pieces"], layers, dropout, start["encoder"])


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes a checkpoint whole or not at all."""
    beside = path.with_suffix(".new")
    torch.save(state, beside)
    beside.replace(path)


def optimizer_of(model: Understander, rate: float, encoder_rate: float) -> torch.optim.Optimizer:
    """AdamW with a gentle rate for the pre-trained encoder and a faster one for its partly new embeddings."""
    table = model.encoder.embeddings.word_embeddings.weight
    rest = [p for p in model.encoder.parameters() if p is not table]
    head = [*model.decoder.parameters(), *model.bridge.parameters(), *model.hints.parameters()]
    groups = [
        {"params": [table], "base": encoder_rate * 3},
        {"params": rest, "base": encoder_rate},
        {"params": head, "base": rate},
    ]
    return torch.optim.AdamW(groups, lr=rate, weight_decay=0.01, betas=(0.9, 0.98), fused=True)


def resumed(run: Path, tokenizer: Tokenizer, recipe: Recipe) -> tuple[Understander, int]:
    """The model of the run's checkpoint and its step, or a fresh one at step 0."""
    path = run / "model.pt"
    if not path.exists():
        return fresh_model(run, recipe.layers, recipe.dropout), 0
    saved = torch.load(path, weights_only=True)
    model = build(tokenizer.get_vocab_size(), saved["layers"], recipe.dropout)
    model.load_state_dict(saved["last"])
    return model, saved["step"]


def fit(run: Path, records: list[Record], pools: dict, recipe: Recipe) -> Understander:
    """Trains until the time is up, with checkpoints in `run/model.pt`; returns the averaged model."""
    log, tokenizer = log_to("train"), Tokenizer.from_file(str(run / "tokenizer.json"))
    model, step = resumed(run, tokenizer, recipe)
    model.to(recipe.device)
    parameters = sum(p.numel() for p in model.parameters()) / 1e6
    log.info("%d training records, %.1f M parameters, from step %d", len(records), parameters, step)
    optimizer = optimizer_of(model, recipe.lr, recipe.encoder_lr)
    mean_model = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.averaged)) if recipe.averaged else None
    kept = mean_model.module if mean_model else model
    told = {k: v for k, v in recipe._asdict().items() if k not in ("save_minutes", "workers")}

    def checkpoint() -> None:
        state = {"model": kept.state_dict(), "last": model.state_dict(), "layers": recipe.layers}
        save(run / "model.pt", {**state, "step": step, "seed": recipe.seed, "told": told})

    stream = Stream(
        records, pools, run / "tokenizer.json", recipe.batch, recipe.seed + step, augmented=recipe.augmented
    )
    schedule, saved_at, mean = TimedSchedule(optimizer, recipe.minutes, recipe.warm), 0.0, None
    model.train()
    for batch in loader(stream, recipe.workers):
        if not schedule.step():
            break
        with torch.autocast(recipe.device, torch.bfloat16, enabled=recipe.bf16):
            loss = model.loss(batch.to(recipe.device))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if mean_model:
            mean_model.update_parameters(model)
        step += 1
        if step % 20 == 0:
            mean = smoothed(mean, loss.item())
            log.info("%4.0f s  step %d  loss %.3f", schedule.seconds, step, mean)
        if schedule.seconds - saved_at > recipe.save_minutes * 60:
            checkpoint()
            saved_at = schedule.seconds
    checkpoint()
    log.info("finished at step %d, loss %.3f", step, mean or math.nan)
    return kept.eval()


@torch.no_grad()
def greedy_share(model: Understander, records: list[Record], tokenizer: Tokenizer, device: str) -> dict[str, float]:
    """Share of records whose every target token is the model's first choice, by language: greedy exact match.

    A quick look on the way; no grammar, no vote of the encoder, the first reading that can be written alone.
    """
    hits: dict[str, list[bool]] = {"en": [], "zh": []}
    ready = [(record.lang, made) for record in records if (made := example(record, tokenizer))]
    for at in range(0, len(ready), 64):
        part = ready[at : at + 64]
        batch = Batch.of([made for _, made in part]).to(device)
        logits, _ = model.scores(batch)
        right = ((logits.argmax(-1) == batch.wanted) | (batch.real == 0)).all(1).tolist()
        for (lang, _), hit in zip(part, right, strict=True):
            hits[lang].append(hit)
    return {lang: sum(found) / max(1, len(found)) for lang, found in hits.items()}
