"""Trains the understanding model, from corpus to weights: `python -m lab.understanding.train --out RUN --minutes 60`.

RUN receives `encoder.pt` and `tokenizer.json` of `lab.understanding.distil` (unless there is a model or an encoder to
go on from; `lab.understanding.restore` makes a model of the shipped weights), `model.pt` every few minutes (written
beside and renamed, so that it is always whole; a run that finds it goes on from it), and at the end `weights/`: what
the product loads, with card and held-out figures. `lab.understanding.accept` puts them into service.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from tokenizers import Tokenizer

from catalog.demo import FOLDER
from catalog.sources import PUBLIC_DATA
from chat.llm.understanding import Understanding
from lab.understanding.augment import catalogue_pools, corpus_pools, library_pools, merged, name_pools
from lab.understanding.corpus import CORPUS, split
from lab.understanding.distil import Plan, make_encoder, make_tokenizer
from lab.understanding.evaluate import calibrate, lines_of
from lab.understanding.export import export
from lab.understanding.fit import Beside, Recipe, fit
from lab.understanding.follow import Guide
from lab.understanding.meanings import Meanings
from lab.understanding.origins import MINILM, ORIGINS
from lab.understanding.progress import log_to
from lab.understanding.restore import restored


def main() -> None:
    """All steps, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=PUBLIC_DATA, help="folder of public data, for distilling")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--distil-minutes", type=float, default=15, help="for an encoder that is not there yet")
    parser.add_argument("--bf16", action="store_true", help="faster on GPUs and processors with AMX, slower on others")
    parser.add_argument("--compiled", action="store_true", help="compile the layers (40 s): faster on GPUs")
    parser.add_argument("--threads", type=int, default=2)
    defaults = Recipe()._asdict()
    for name in ("minutes", "batch", "lr", "encoder_lr", "layers", "dropout", "encoder_dropout",
                 "agreement", "meanings", "warm", "averaged", "save_minutes", "seed"):  # fmt: skip
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(defaults[name]), default=defaults[name])
    parser.add_argument("--origins", nargs="+", choices=ORIGINS, default=defaults["origins"], help="of the encoders")
    parser.add_argument("--follow", type=Path, help="weights whose first model a new encoder follows at first")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare batches")
    parser.add_argument(
        "--newest", nargs="*", default=[], help="files (en-night …) that are new to a model gone on from"
    )
    parser.add_argument("--times", type=int, default=3, help="how often an epoch holds each record of those")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.origins = tuple(args.origins)
    prepare(args)
    records, test = split(args.corpus)
    names = (catalogue_pools(FOLDER), library_pools(args.folder))
    pools = merged(corpus_pools(records), name_pools(), *names)
    records += [r for r in records if r.id.startswith(tuple(f"{name}-" for name in args.newest))] * (args.times - 1)
    recipe = Recipe(**{name: getattr(args, name) for name in defaults if hasattr(args, name)})
    fit(args.out, records, pools, recipe, Beside(taught(args) if recipe.meanings else None, leader(args)))
    export(args.out, args.out / "weights")
    model = Understanding.load(args.out / "weights")
    report = calibrate(args.out / "weights", model, test)
    for line in lines_of(report):
        log_to("train").info("%s", line)


def prepare(args: argparse.Namespace) -> None:
    """Tokenizer and, where a model begins with one, distilled encoder of the run, unless they are there."""
    if (args.out / "model.pt").exists() or (args.out / "encoder.pt").exists():
        return
    if MINILM in args.origins:
        plan = Plan(args.distil_minutes, args.bf16, args.seed, device=args.device)
        make_encoder(args.folder, args.out / "encoder.pt", plan)
    elif args.follow:
        args.out.mkdir(parents=True, exist_ok=True)
        shutil.copy(args.follow / "tokenizer.json", args.out / "tokenizer.json")
    else:
        make_tokenizer(args.folder, args.out)


def leader(args: argparse.Namespace) -> Guide | None:
    """Whom a new encoder follows."""
    if not args.follow:
        return None
    readers, _ = restored(args.follow)
    return Guide(next(iter(readers.on(args.device))))


def taught(args: argparse.Namespace) -> Meanings:
    """What Chinese words mean, for training beside the task."""
    plan = Plan(0, args.bf16, args.seed, device=args.device)
    return Meanings.taught(args.folder, Tokenizer.from_file(str(args.out / "tokenizer.json")), plan)


if __name__ == "__main__":
    main()
