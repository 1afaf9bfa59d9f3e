"""Averages the weights of two runs: `python -m lab.understanding.average --runs A B --share 0.65 --out RUN`.

A run and its continuation on newer data lie in one basin; their mean reads better than either (model soups,
Wortsman et al. 2022). RUN receives `model.pt` and `tokenizer.json`; `lab.understanding.export` writes the weights.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import torch

from lab.understanding.fit import save


def averaged(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
    """`share` of the second and the rest of the first. Raises ValueError for models of different shapes."""
    if {k: v.shape for k, v in first.items()} != {k: v.shape for k, v in second.items()}:
        raise ValueError("the two models have different shapes; only a run and its continuation can be averaged")
    return {
        name: ((1.0 - share) * first[name].float() + share * value.float()).to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in second.items()
    }


def main() -> None:
    """Averages as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, nargs=2, required=True, help="a run, and the run that went on from it")
    parser.add_argument("--share", type=float, default=0.65, help="of the second run")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    saved: list[dict[str, Any]] = [torch.load(run / "model.pt", weights_only=True) for run in args.runs]
    model = averaged(saved[0]["model"], saved[1]["model"], args.share)
    told = {"averaged_runs": [state["told"] for state in saved], "share_of_second": args.share}
    args.out.mkdir(parents=True, exist_ok=True)
    save(args.out / "model.pt", {**saved[1], "model": model, "last": model, "told": told})
    shutil.copy(args.runs[1] / "tokenizer.json", args.out / "tokenizer.json")


if __name__ == "__main__":
    main()
