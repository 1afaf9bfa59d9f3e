"""Writes a trained DIN for serving: din.onnx (embeddings and features to logits), din.npz (the items) and din.json.

`recommend.din.DinRanker` loads the folder.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from lab.onnx_traces import without_traces
from lab.recommender.din_model import Din, load
from recommend.arrays import save_arrays
from recommend.din import ARRAYS, GRAPH, DinRanker

TOLERANCE = 1e-3
"""How far a logit of the graph may lie from torch's, as a part of the largest."""
MOST = 100_000
"""Candidates and history items that the graph is promised at most."""


class Logits(nn.Module):
    """The network behind the embeddings of its items, for one user at a time."""

    def __init__(self, model: Din) -> None:
        super().__init__()
        self.model = model

    def forward(self, candidates: torch.Tensor, history: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
        """(n, width), (t, width), (n, f) to logits (n,)."""
        return self.model(candidates, history[None], None, dense)


def export(run: Path, out: Path, ids: Sequence[str], features: Sequence[str] = ()) -> float:
    """Writes the best weights of a run; returns how far its logits lie from torch's (see `difference`).

    ids: of the items, in the order of the rows trained on; features: names of the dense features, for the card.
    ValueError, and nothing that could be loaded, where the difference is over TOLERANCE.
    """
    model = load(run)
    if features and len(features) != len(model.centre):
        raise ValueError(f"{len(features)} names for {len(model.centre)} features")
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{ARRAYS}.json").unlink(missing_ok=True)
    _write_graph(model, out / GRAPH)
    own = model.own.weight.detach().numpy() if model.config.own else np.zeros((len(ids), model.config.width))
    arrays = {
        "ids": np.array(list(ids)),
        "projection": np.ascontiguousarray(model.project.weight.detach().numpy().T),
        "shift": model.project.bias.detach().numpy(),
        "own": own.astype(np.float32),
    }
    told = json.loads((run / "run.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in told.items() if name != "course"}
    save_arrays(out / ARRAYS, {"model": "din", "features": list(features), **kept}, arrays)
    worst = difference(model, out, ids)
    if worst > TOLERANCE:
        (out / f"{ARRAYS}.json").unlink()
        raise ValueError(f"the graph's logits differ from torch's by {worst:.2g}; over {TOLERANCE}")
    return worst


def difference(model: Din, folder: Path, ids: Sequence[str]) -> float:
    """How far served logits lie from torch's, as a part of the largest (or of 1), over histories of several lengths."""
    dice = np.random.default_rng(0)
    vectors = dice.normal(size=(len(ids), model.project.in_features)).astype(np.float32)
    ranker = DinRanker.load(folder, {item: row for row, item in enumerate(ids)}, vectors)
    worst = 0.0
    for count, length in ((1, 0), (1, 1), (2, 2), (30, 0), (200, 1), (7, ranker.longest)):
        candidates, history = dice.integers(len(ids), size=count), dice.integers(len(ids), size=length)
        centre, spread = model.centre.numpy(), model.spread.numpy()
        dense = (centre + spread * dice.normal(size=(count, len(centre)))).astype(np.float32)
        with torch.no_grad():
            table = torch.from_numpy(vectors)
            parts = (model.embed(torch.from_numpy(rows), table) for rows in (candidates, history))
            wanted = Logits(model)(*parts, torch.from_numpy(dense)).numpy()
        apart = np.abs(ranker.logits(candidates, history, dense) - wanted).max()
        worst = max(worst, float(apart / max(1.0, np.abs(wanted).max())))
    return worst


def _write_graph(model: Din, path: Path) -> None:
    width = model.config.width
    example = (torch.randn(5, width), torch.randn(7, width), torch.randn(5, len(model.centre)))
    count, length = torch.export.Dim("count", min=2, max=MOST), torch.export.Dim("length", min=2, max=MOST)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Logits(model).eval(),
            example,
            str(path),
            input_names=["candidates", "history", "dense"],
            output_names=["logits"],
            dynamic_shapes={"candidates": {0: count}, "history": {0: length}, "dense": {0: count}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    onnx.save(without_traces(onnx.load(path)), path)
