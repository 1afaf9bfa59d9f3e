"""Lets models of several runs read together: `python -m lab.understanding.assemble --models A:1 B:0 --out RUN`.

`A:1` is the second model of run A. They must know the same pieces. `--votes 0.6 0.4` says how much each counts in the
mean of their logits: it is multiplied into the last norm of each decoder, so that reading stays a plain mean. RUN
receives `model.pt` and `tokenizer.json`; `lab.understanding.export` writes the weights.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer

from lab.understanding.fit import save
from lab.understanding.origins import origins_of

LAST_NORM = "decoder.n.weight"


class Chosen(NamedTuple):
    """One model of a run."""

    run: Path
    number: int

    @classmethod
    def parse(cls, text: str) -> Chosen:
        """`RUN:NUMBER`."""
        run, _, number = text.rpartition(":")
        return cls(Path(run), int(number))


def assembled(chosen: Sequence[Chosen], votes: Sequence[float] = ()) -> dict[str, Any]:
    """The checkpoint of models side by side. Raises ValueError for models that do not fit together.

    `votes`, one for each model, are taken as shares; without them all count alike.
    """
    if votes and (len(votes) != len(chosen) or min(votes) <= 0):
        raise ValueError(f"{len(chosen)} models need {len(chosen)} votes above 0, not {list(votes)}")
    vocabularies = [Tokenizer.from_file(str(run / "tokenizer.json")).get_vocab() for run, _ in chosen]
    if any(vocabulary != vocabularies[0] for vocabulary in vocabularies):
        raise ValueError("the runs do not know the same pieces; models that read together must")
    saved = [torch.load(run / "model.pt", weights_only=True) for run, _ in chosen]
    origins = [origins_of(state)[number] for state, (_, number) in zip(saved, chosen, strict=True)]
    for origin in set(origins):
        if len({run for (run, _), name in zip(chosen, origins, strict=True) if name == origin}) > 1:
            raise ValueError(f"two models of the origin {origin} share one table, so they must be of one run")
    parts = {
        part: {
            name.replace(f"models.{number}.", f"models.{place}.", 1): value
            for place, (state, (_, number)) in enumerate(zip(saved, chosen, strict=True))
            for name, value in state[part].items()
            if name.startswith(f"models.{number}.")
        }
        for part in ("model", "last")
    }
    for place, vote in enumerate(votes):
        for state in parts.values():
            state[f"models.{place}.{LAST_NORM}"] = state[f"models.{place}.{LAST_NORM}"] * vote * len(votes) / sum(votes)
    return {
        **parts,
        "layers": [state["layers"][number] for state, (_, number) in zip(saved, chosen, strict=True)],
        "origins": origins,
        "step": max(state["step"] for state in saved),
        "seed": saved[-1]["seed"],
        "told": {"assembled_of": [state["told"] for state in saved], "votes": list(votes)},
    }


def main() -> None:
    """Assembles as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Chosen.parse, nargs="+", required=True, metavar="RUN:NUMBER")
    parser.add_argument("--votes", type=float, nargs="*", default=[], help="how much each model counts")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    checkpoint = assembled(args.models, args.votes)
    args.out.mkdir(parents=True, exist_ok=True)
    save(args.out / "model.pt", checkpoint)
    shutil.copy(args.models[0].run / "tokenizer.json", args.out / "tokenizer.json")


if __name__ == "__main__":
    main()
