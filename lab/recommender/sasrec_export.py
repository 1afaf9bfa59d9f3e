"""Writes a trained SASRec for serving: `python -m lab.recommender.sasrec_export --run RUN --out FOLDER`.

FOLDER gets sequence.onnx (item vectors to states), sequence.npz (ids and vectors of the items) and sequence.json (the
card: config, data hash, figures), which `recommend.sequence.SequenceModel` loads.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from lab.onnx_traces import without_traces
from lab.recommender.sasrec_model import SasRec, load
from recommend.arrays import save_arrays
from recommend.sequence import ARRAYS, GRAPH, SequenceModel

TOLERANCE = 1e-3
"""How far a score of the graph may lie from torch's, in units of the scores' spread."""


class States(nn.Module):
    """The network behind its item vectors, so that these are kept once, outside the graph."""

    def __init__(self, model: SasRec) -> None:
        super().__init__()
        self.model = model

    def forward(self, vectors: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(1, t, width) item vectors and (1,) the length to states (1, t, width)."""
        return self.model.states(vectors, lengths)


def export(run: Path, out: Path) -> float:
    """Writes the best weights of a run; returns the largest difference of scores from torch's, in spreads.

    ValueError, and nothing that could be loaded, where that is over TOLERANCE.
    """
    model, ids = load(run)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{ARRAYS}.json").unlink(missing_ok=True)
    _write_graph(model, out / GRAPH)
    vectors = model.items.weight.detach().numpy()[1:]
    save_arrays(out / ARRAYS, _card(run, model), {"ids": np.array(ids), "vectors": vectors})
    worst = difference(model, out, ids)
    if worst > TOLERANCE:
        (out / f"{ARRAYS}.json").unlink()
        raise ValueError(f"the graph's scores differ from torch's by {worst:.2g} spreads; over {TOLERANCE}")
    return worst


def difference(model: SasRec, folder: Path, ids: tuple[str, ...]) -> float:
    """The largest difference between served scores and torch's over histories of several lengths, in spreads."""
    served = SequenceModel.load(folder, {item: row for row, item in enumerate(ids)})
    dice = np.random.default_rng(0)
    worst = 0.0
    for length in (1, 2, 3, 17, model.config.longest, model.config.longest + 5):
        history = dice.integers(len(ids), size=length)
        recent = torch.from_numpy(history[-model.config.longest :])[None] + 1
        with torch.no_grad():
            wanted = model(recent, torch.tensor([recent.shape[1]]))[0, -1] @ model.items.weight[1:].T
        got = served.scores(history)
        assert got is not None
        worst = max(worst, float(np.abs(got - wanted.numpy()).max() / wanted.std().clamp(min=1e-9)))
    return worst


def _write_graph(model: SasRec, path: Path) -> None:
    example = (torch.randn(1, 7, model.config.hidden), torch.tensor([6]))
    length = torch.export.Dim("length", min=2, max=model.config.longest)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            States(model).eval(),
            example,
            str(path),
            input_names=["vectors", "lengths"],
            output_names=["states"],
            dynamic_shapes={"vectors": {1: length}, "lengths": {}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    onnx.save(without_traces(onnx.load(path)), path)


def _card(run: Path, model: SasRec) -> dict[str, Any]:
    told = json.loads((run / "run.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in told.items() if name != "course"}
    return {"model": "sasrec", "longest": model.config.longest, **kept}


def main() -> None:
    """Exports as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    print(f"written to {args.out}; scores differ from torch's by at most {export(args.run, args.out):.1e} spreads")


if __name__ == "__main__":
    main()
