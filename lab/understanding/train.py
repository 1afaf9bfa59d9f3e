"""Trains the understanding model: `python -m lab.understanding.train --out RUN --until HH:MM`.

RUN holds `encoder.pt` and `tokenizer.json` of `lab.understanding.distil` and receives `model.pt` every few minutes
(written beside and renamed, so that it is always whole). A run that finds `model.pt` goes on from it.
"""
from __future__ import annotations

import argparse
import math
import random
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel

from lab.understanding.augment import augment, catalogue_pools, corpus_pools, merged
from lab.understanding.corpus import CORPUS, Example, Record, example, split
from lab.understanding.distil import teacher_dir
from lab.understanding.model import Shape, Understander
from lab.understanding.progress import log_to


def fresh_model(run: Path, layers: int, dropout: float) -> Understander:
    """A model whose encoder is the distilled one of the run."""
    start = torch.load(run / "encoder.pt", weights_only=True)
    return build(start["pieces"], layers, dropout, start["encoder"])


def build(pieces: int, layers: int, dropout: float, encoder_state: dict | None = None) -> Understander:
    """An untrained model for a vocabulary of `pieces`; loads the encoder's state where given."""
    config = AutoConfig.from_pretrained(teacher_dir())
    config.vocab_size = pieces
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
    encoder = AutoModel.from_config(config, add_pooling_layer=False)
    if encoder_state:
        encoder.load_state_dict({k: v for k, v in encoder_state.items() if not k.startswith("pooler")})
    return Understander(encoder, Shape(layers=layers), dropout)


def save(path: Path, model: Understander, state: dict) -> None:
    """Writes a checkpoint whole or not at all."""
    beside = path.with_suffix(".new")
    torch.save({"model": model.state_dict(), **state}, beside)
    beside.replace(path)


def batches(records: list[Record], pools: dict, tokenizer: Tokenizer, size: int, rng: random.Random):
    """Endless batches of augmented examples of similar length, every record once an epoch."""
    while True:
        order = rng.sample(records, len(records))
        for at in range(0, len(order), size * 8):
            found = [example(augment(r, pools, rng), tokenizer) or example(r, tokenizer)
                     for r in order[at:at + size * 8]]
            ready: list[Example] = sorted(filter(None, found), key=lambda e: len(e.source))
            groups = [ready[n:n + size] for n in range(0, len(ready), size)]
            yield from rng.sample(groups, len(groups))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--encoder-lr", type=float, default=2e-4)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--warm", type=int, default=60)
    parser.add_argument("--save-minutes", type=float, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    log = log_to("train")
    train, test = split(args.corpus)
    pools = merged(corpus_pools(train), catalogue_pools(args.shared / "catalog"))
    tokenizer = Tokenizer.from_file(str(args.out / "tokenizer.json"))
    path, step = args.out / "model.pt", 0
    if path.exists():
        saved = torch.load(path, weights_only=True)
        model = build(tokenizer.get_vocab_size(), saved["layers"], args.dropout)
        model.load_state_dict(saved["model"])
        step = saved["step"]
    else:
        model = fresh_model(args.out, args.layers, args.dropout)
    table = model.encoder.embeddings.word_embeddings.weight
    rest = [p for p in model.encoder.parameters() if p is not table]
    head = [*model.decoder.parameters(), *model.bridge.parameters()]
    groups = [{"params": [table], "base": args.encoder_lr * 3}, {"params": rest, "base": args.encoder_lr},
              {"params": head, "base": args.lr}]
    optimizer = torch.optim.AdamW(groups, lr=args.lr, weight_decay=0.01, betas=(0.9, 0.98), fused=True)
    log.info("%d training and %d test records, %.1f M parameters, from step %d", len(train), len(test),
             sum(p.numel() for p in model.parameters()) / 1e6, step)
    state = {"layers": args.layers, "seed": args.seed}
    model.train()
    start, saved_at, mean, first = time.time(), time.time(), None, step
    for batch in batches(train, pools, tokenizer, args.batch, rng):
        spent = (time.time() - start) / (args.minutes * 60)
        if spent >= 1:
            break
        factor = min(1, (step - first + 1) / args.warm) * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * spent)))
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * factor
        loss = model.loss([e.source for e in batch], [e.target for e in batch])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        mean = loss.item() if mean is None else 0.96 * mean + 0.04 * loss.item()
        if step % 20 == 0:
            log.info("%4.0f s  step %d  loss %.3f", time.time() - start, step, mean)
        if time.time() - saved_at > args.save_minutes * 60:
            save(path, model, {**state, "step": step})
            saved_at = time.time()
    save(path, model, {**state, "step": step})
    log.info("finished at step %d, loss %.3f", step, mean or math.nan)


if __name__ == "__main__":
    main()
