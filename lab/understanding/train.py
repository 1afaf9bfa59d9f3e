"""Trains the understanding model, from corpus to weights: `python -m lab.understanding.train --out RUN --minutes 60`.

RUN receives `encoder.pt` and `tokenizer.json` of `lab.understanding.distil` (unless they are there), `model.pt` every
few minutes (written beside and renamed, so that it is always whole; a run that finds it goes on from it), and at the
end `weights/`: what the product loads, with card and held-out figures. `lab.understanding.accept`
puts them into service.
"""

from __future__ import annotations

import argparse
import math
import random
from pathlib import Path

import torch
from tokenizers import Tokenizer

from chat.llm.understanding import Understanding
from lab.understanding.augment import augment, catalogue_pools, corpus_pools, joinable, joined, merged
from lab.understanding.corpus import CORPUS, Example, Record, example, split
from lab.understanding.distil import Plan, make_encoder
from lab.understanding.evaluate import calibrate, lines_of, on_screen, run
from lab.understanding.export import export
from lab.understanding.model import Understander, build
from lab.understanding.progress import log_to
from lab.understanding.schedule import TimedSchedule, smoothed

WORD_DROPOUT = 0.04
JOINED = 0.15
"""Share of joinable utterances that are said together with another one."""


def fresh_model(run: Path, layers: int, dropout: float) -> Understander:
    """A model whose encoder is the distilled one of the run."""
    start = torch.load(run / "encoder.pt", weights_only=True)
    return build(start["pieces"], layers, dropout, start["encoder"])


def save(path: Path, model: Understander, state: dict) -> None:
    """Writes a checkpoint whole or not at all."""
    beside = path.with_suffix(".new")
    torch.save({"model": model.state_dict(), **state}, beside)
    beside.replace(path)


def batches(records: list[Record], pools: dict, tokenizer: Tokenizer, size: int, rng: random.Random):
    """Endless batches of augmented examples of similar length, every record once an epoch."""
    unknown = tokenizer.token_to_id("[MASK]")
    partners = {lang: [r for r in records if r.lang == lang and joinable(r)] for lang in ("en", "zh")}

    def variant(record: Record) -> Record:
        made = augment(record, pools, rng)
        if joinable(made) and rng.random() < JOINED:
            return joined(made, augment(rng.choice(partners[record.lang]), pools, rng), rng)
        return made

    while True:
        order = rng.sample(records, len(records))
        for at in range(0, len(order), size * 8):
            found = [example(variant(r), tokenizer) or example(r, tokenizer) for r in order[at : at + size * 8]]
            ready = sorted((blurred(e, unknown, rng) for e in found if e), key=lambda e: len(e.source))
            groups = [ready[n : n + size] for n in range(0, len(ready) - size + 1, size)]
            yield from rng.sample(groups, len(groups))


def blurred(made: Example, unknown: int, rng: random.Random) -> Example:
    """The example with a few of its input tokens hidden, so that no single word decides (word dropout)."""
    middle = [unknown if rng.random() < WORD_DROPOUT else piece for piece in made.source[1:-1]]
    return Example([made.source[0], *middle, made.source[-1]], made.target)


def optimizer_of(model: Understander, rate: float, encoder_rate: float) -> torch.optim.Optimizer:
    """AdamW with a gentle rate for the pre-trained encoder and a faster one for its partly new embeddings."""
    table = model.encoder.embeddings.word_embeddings.weight
    rest = [p for p in model.encoder.parameters() if p is not table]
    head = [*model.decoder.parameters(), *model.bridge.parameters()]
    groups = [
        {"params": [table], "base": encoder_rate * 3},
        {"params": rest, "base": encoder_rate},
        {"params": head, "base": rate},
    ]
    return torch.optim.AdamW(groups, lr=rate, weight_decay=0.01, betas=(0.9, 0.98), fused=True)


def resumed(run: Path, tokenizer: Tokenizer, layers: int, dropout: float) -> tuple[Understander, int]:
    """The model of the run's checkpoint and its step, or a fresh one at step 0."""
    path = run / "model.pt"
    if not path.exists():
        return fresh_model(run, layers, dropout), 0
    saved = torch.load(path, weights_only=True)
    model = build(tokenizer.get_vocab_size(), saved["layers"], dropout)
    model.load_state_dict(saved["model"], strict=False)
    return model, saved["step"]


def train(args: argparse.Namespace) -> None:
    """Trains until the time is up; saves on the way."""
    log, rng = log_to("train"), random.Random(args.seed)
    records, test = split(args.corpus)
    pools = merged(corpus_pools(records), catalogue_pools(args.shared / "catalog"))
    tokenizer = Tokenizer.from_file(str(args.out / "tokenizer.json"))
    model, step = resumed(args.out, tokenizer, args.layers, args.dropout)
    parameters = sum(p.numel() for p in model.parameters()) / 1e6
    log.info("%d training, %d test records, %.1f M parameters, from step %d", len(records), len(test), parameters, step)
    optimizer = optimizer_of(model, args.lr, args.encoder_lr)
    told = {
        "minutes": args.minutes,
        "batch": args.batch,
        "lr": args.lr,
        "encoder_lr": args.encoder_lr,
        "bf16": args.bf16,
    }
    state = {"layers": args.layers, "seed": args.seed, "told": told}
    model.train()
    schedule, saved_at, mean = TimedSchedule(optimizer, args.minutes, args.warm), 0.0, None
    for batch in batches(records, pools, tokenizer, args.batch, rng):
        if not schedule.step():
            break
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            loss = model.loss([e.source for e in batch], [e.target for e in batch])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step, mean = step + 1, smoothed(mean, loss.item())
        if step % 20 == 0:
            log.info("%4.0f s  step %d  loss %.3f", schedule.seconds, step, mean)
        if schedule.seconds - saved_at > args.save_minutes * 60:
            save(args.out / "model.pt", model, {**state, "step": step})
            saved_at = schedule.seconds
    save(args.out / "model.pt", model, {**state, "step": step})
    log.info("finished at step %d, loss %.3f", step, mean or math.nan)


def main() -> None:
    """All steps, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--distil-minutes", type=float, default=15, help="for an encoder that is not there yet")
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--encoder-lr", type=float, default=2e-4)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--warm", type=int, default=60)
    parser.add_argument("--save-minutes", type=float, default=2)
    parser.add_argument("--bf16", action="store_true", help="much faster on processors with AMX, slower on others")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    if not (args.out / "encoder.pt").exists():
        make_encoder(args.shared, args.out / "encoder.pt", Plan(args.distil_minutes, args.bf16, args.seed))
    train(args)
    export(args.out, args.out / "weights")
    model, records = Understanding.load(args.out / "weights"), split(args.corpus)[1]
    report = calibrate(args.out / "weights", run(model, records), run(model, on_screen(records)))
    for line in lines_of(report):
        log_to("train").info("%s", line)


if __name__ == "__main__":
    main()
