"""The training loop: from an encoder that knows both languages to a model that reads the contract."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lab.understanding.batches import Batch, Stream, loader
from lab.understanding.corpus import Record, example
from lab.understanding.follow import Guide
from lab.understanding.meanings import Meanings
from lab.understanding.model import Pull, Readers, Understander, build
from lab.understanding.origins import MINILM, first_state, origins_of
from lab.understanding.progress import log_to
from lab.understanding.schedule import TimedSchedule, smoothed

FITTED_ON = 1500
"""Utterances that a following encoder's first linear map is fitted on."""


class Recipe(NamedTuple):
    """How to train: minutes, examples a step, highest learning rates of decoder and encoder, seed, where."""

    minutes: float = 60.0
    batch: int = 48
    lr: float = 1e-3
    encoder_lr: float = 2.5e-4
    origins: tuple[str, ...] = (MINILM, MINILM)
    """Where the encoder of each model begins that reads with the others."""
    layers: int = 4
    dropout: float = 0.1
    encoder_dropout: float = 0.0
    agreement: float = 0.0
    """Weight of two readings of one example agreeing (R-Drop); above 0 every example is read twice."""
    meanings: float = 0.0
    """Weight of learning what Chinese words mean on the way (`lab.understanding.meanings`)."""
    warm: int = 60
    averaged: float = 0.998
    """Decay of the moving average of the weights that is kept; 0 keeps the last ones."""
    save_minutes: float = 2.0
    bf16: bool = False
    seed: int = 0
    device: str = "cpu"
    workers: int = 0
    compiled: bool = False
    augmented: bool = True


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes a checkpoint whole or not at all."""
    beside = path.with_suffix(".new")
    torch.save(state, beside)
    beside.replace(path)


def optimizer_of(models: Readers, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW with a gentle rate for the pre-trained encoders and a faster one for their partly new embeddings."""
    tables = models.tables
    rest = [p for model in models for p in model.encoder.parameters() if not any(p is table for table in tables)]
    parts = [part for model in models for part in (model.decoder, model.bridge, model.hints)]
    groups = [
        {"params": tables, "base": recipe.encoder_lr * 3},
        {"params": rest, "base": recipe.encoder_lr},
        {"params": [p for part in parts for p in part.parameters()], "base": recipe.lr},
    ]
    return torch.optim.AdamW(groups, lr=recipe.lr, weight_decay=0.01, betas=(0.9, 0.98), fused=True)


def resumed(run: Path, tokenizer: Tokenizer, recipe: Recipe) -> tuple[Readers, int]:
    """The models of the run's checkpoint and its step, or fresh ones at step 0.

    Where the recipe wants more models than the checkpoint holds, the others begin with the encoder that one of the
    same origin has there, else with that of its origin, and with a decoder of their own.
    """
    saved = saved_in(run)
    there = origins_of(saved)
    origins = there + recipe.origins[len(there) :]
    states = {origin: encoder_of(saved["last"], there.index(origin)) for origin in set(there)}
    for origin in set(origins) - set(there):
        states[origin] = first_state(origin, run, tokenizer)
    layers = [*saved["layers"], *[recipe.layers] * (len(origins) - len(there))]
    models = build(
        tokenizer.get_vocab_size(), layers, origins,
        dropout=recipe.dropout, encoder_dropout=recipe.encoder_dropout, states=states,
    )  # fmt: skip
    models.load_state_dict(saved["last"], strict=len(origins) == len(there))
    return models, saved["step"]


def saved_in(run: Path) -> dict[str, Any]:
    """The run's checkpoint; one of no models where there is none."""
    path = run / "model.pt"
    if not path.exists():
        return {"model": {}, "last": {}, "layers": [], "step": 0, "told": {}}
    return torch.load(path, weights_only=True, mmap=True)


def told_earlier(run: Path) -> dict[str, Any]:
    """How the run's checkpoint was trained; nothing where there is none."""
    return saved_in(run)["told"]


def averaging(models: Readers, run: Path, decay: float) -> AveragedModel:
    """The moving average of the models' weights.

    It goes on from that of the run's checkpoint where just these models are there, else it begins with their weights
    after the first step.
    """
    mean, saved = AveragedModel(models, multi_avg_fn=get_ema_multi_avg_fn(decay)), saved_in(run)
    if origins_of(saved) == models.origins:
        mean.module.load_state_dict(saved["model"])
        mean.n_averaged.fill_(1)  # at 0 the first update would put the models' weights in place of the average
    return mean


def encoder_of(state: Mapping[str, torch.Tensor], number: int) -> dict[str, torch.Tensor]:
    """The encoder of one model in the state of several."""
    start = f"models.{number}.encoder."
    return {name.removeprefix(start): value for name, value in state.items() if name.startswith(start)}


class Beside(NamedTuple):
    """What is learnt beside the task: Chinese words, and to follow a model that reads already; None: nothing."""

    meanings: Meanings | None = None
    guide: Guide | None = None

    def loss(self, model: Readers, batch: Batch, recipe: Recipe, spent: float) -> torch.Tensor:
        """The task's loss and that of what is beside it, after a share of the time (0..1)."""
        loss = model.loss(batch, recipe.agreement, self._pulls(model, spent))
        if self.meanings:
            loss = loss + recipe.meanings * self.meanings.loss([reader.encoder for reader in model])
        return loss

    def _pulls(self, model: Readers, spent: float) -> list[Pull | None]:
        """What draws each model; nothing draws one that read already."""
        if not self.guide:
            return []
        pull = self.guide.at(spent)
        return [pull if self.guide.leads(reader) else None for reader in model]

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        """What is trained beside the models."""
        return list(self.meanings.map.parameters()) if self.meanings else []


def fit(run: Path, records: list[Record], pools: dict, recipe: Recipe, beside: Beside | None = None) -> Readers:
    """Trains until the time is up, with checkpoints in `run/model.pt`; returns the averaged models."""
    beside = beside or Beside()
    log, tokenizer = log_to("train"), Tokenizer.from_file(str(run / "tokenizer.json"))
    earlier, there = told_earlier(run), len(origins_of(saved_in(run)))
    model, step = resumed(run, tokenizer, recipe)
    model = model.on(recipe.device)
    parameters = sum(p.numel() for p in model.parameters()) / 1e6
    log.info("%d training records, %.1f M parameters, from step %d", len(records), parameters, step)
    if beside.guide and len(model) > there:
        begin_following(list(model.eval())[there:], beside.guide, first_batches(records, tokenizer, recipe))
    optimizer = optimizer_of(model, recipe)
    if beside.parameters:
        optimizer.add_param_group({"params": beside.parameters, "base": recipe.lr})
    mean_model = averaging(model, run, recipe.averaged) if recipe.averaged else None
    kept = mean_model.module if mean_model else model
    if recipe.compiled:
        model.compile_layers()
    shape = [reader.decoder.shape.layers for reader in model]
    told = {k: v for k, v in recipe._asdict().items() if k not in ("save_minutes", "workers")}
    told |= {"gone_on_from": {**earlier, "steps": step}} if earlier else {}

    def checkpoint() -> None:
        state = {"model": kept.state_dict(), "last": model.state_dict()}
        made = {"layers": shape, "origins": list(model.origins), "step": step, "seed": recipe.seed, "told": told}
        save(run / "model.pt", {**state, **made})

    stream = Stream(
        records, pools, run / "tokenizer.json", recipe.batch, recipe.seed + step, augmented=recipe.augmented
    )
    schedule, saved_at, mean = TimedSchedule(optimizer, recipe.minutes, recipe.warm), 0.0, None
    model.train()
    for batch in loader(stream, recipe.workers, recipe.device):
        if not schedule.step():
            break
        with torch.autocast(recipe.device, torch.bfloat16, enabled=recipe.bf16):
            loss = beside.loss(model, batch.to(recipe.device), recipe, schedule.spent)
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


def begin_following(fresh: Sequence[Understander], guide: Guide, batches: list[Batch]) -> None:
    """Fresh models take over what the guide's model knows."""
    for reader in fresh:
        log_to("train").info("follows; a linear map explains %.2f", guide.begin(reader, batches))


def first_batches(records: list[Record], tokenizer: Tokenizer, recipe: Recipe) -> list[Batch]:
    """Some of the records as they stand, to fit a linear map on."""
    some = random.Random(recipe.seed).sample(records, min(len(records), FITTED_ON))
    made = sorted((found for record in some if (found := example(record, tokenizer))), key=lambda one: len(one.source))
    return [Batch.of(made[at : at + 50]).to(recipe.device) for at in range(0, len(made), 50)]


@torch.no_grad()
def greedy_share(model: Readers, records: list[Record], tokenizer: Tokenizer, device: str) -> dict[str, float]:
    """Share of records whose every target token is the model's first choice, by language: greedy exact match.

    A quick look on the way; no grammar, no vote of the encoder, the first reading that can be written alone.
    """
    hits: dict[str, list[bool]] = {"en": [], "zh": []}
    ready = [(record.lang, made) for record in records if (made := example(record, tokenizer))]
    for at in range(0, len(ready), 64):
        part = ready[at : at + 64]
        batch = Batch.of([made for _, made in part]).to(device)
        logits = model.scores(batch)
        right = ((logits.argmax(-1) == batch.wanted) | (batch.real == 0)).all(1).tolist()
        for (lang, _), hit in zip(part, right, strict=True):
            hits[lang].append(hit)
    return {lang: sum(found) / max(1, len(found)) for lang, found in hits.items()}
