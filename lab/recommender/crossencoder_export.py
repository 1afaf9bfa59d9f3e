"""Writes the cross-encoder that the product reads: `python -m lab.recommender.crossencoder_export --help`.

crossencoder.onnx (int8), tokenizer.json and model.json, the card: config, data, figures, licence. `--weight` sets how
much the score counts where another figure than the run's own has been chosen.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer

from lab.onnx_traces import without_traces
from lab.recommender.crossencoder_model import CrossEncoder, load_small
from recommend.crossencoder import CARD, GRAPH, TOKENIZER, WEIGHTS

COLUMNS = ("input_ids", "attention_mask", "token_type_ids")
REQUEST_TOKENS = 24
MOST_BYTES = 25 * 2**20
LEAST_AGREEMENT = 0.97
"""Correlation of int8 scores with torch's, below which the export is refused."""
LICENCE = (
    "Weights: Apache-2.0 for all-MiniLM-L6-v2, from which they start. Trained on this project's demonstration "
    "catalogue and requests, and on titles, shelves and ratings of goodbooks-10k (CC BY-SA 4.0, zygmuntz)."
)


def export(run: Path, base: Path, out: Path, weight: float | None = None) -> dict[str, Any]:
    """Writes the files and returns the card. ValueError where int8 no longer agrees, or the graph is too large."""
    model, config = load_small(run, base)
    out.mkdir(parents=True, exist_ok=True)
    (out / CARD).unlink(missing_ok=True)
    _write_graph(model, out / GRAPH)
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(out / TOKENIZER))
    size, agreement = (out / GRAPH).stat().st_size, agreement_with(model, out / GRAPH)
    if size > MOST_BYTES or agreement < LEAST_AGREEMENT:
        raise ValueError(f"{size} bytes (at most {MOST_BYTES}), agreement {agreement:.4f} (at least {LEAST_AGREEMENT})")
    told = json.loads((run / "run.json").read_text(encoding="utf-8"))
    card = {"model": "cross-encoder, MiniLM", "longest": config.longest, "request_tokens": REQUEST_TOKENS}
    card |= {name: value for name, value in told.items() if name != "course"}
    card |= {"weight": told["weight"] if weight is None else weight, "agreement": round(agreement, 4)}
    card |= {"sha256": hashlib.sha256((out / GRAPH).read_bytes()).hexdigest(), "licence": LICENCE}
    (out / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card


def agreement_with(model: CrossEncoder, graph: Path) -> float:
    """Correlation of the graph's scores with torch's over random pairs of several lengths."""
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    dice = np.random.default_rng(0)
    found, wanted = [], []
    for width in (12, 30, 64):
        ids = dice.integers(1000, 20000, size=(16, width))
        fed = [ids, np.ones_like(ids), (np.arange(width) > width // 3).astype(np.int64)[None].repeat(16, 0)]
        with torch.no_grad():
            wanted.append(model(*(torch.from_numpy(column) for column in fed)).numpy())
        found.append(session.run(None, dict(zip(COLUMNS, fed, strict=True)))[0])
    return float(np.corrcoef(np.concatenate(found), np.concatenate(wanted))[0, 1])


def _write_graph(model: CrossEncoder, path: Path) -> None:
    example = torch.randint(1000, 2000, (3, 16))
    columns = (example, torch.ones_like(example), torch.zeros_like(example))
    axes = {name: {0: "pairs", 1: "tokens"} for name in COLUMNS} | {"score": {0: "pairs"}}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        full = Path(folder) / "full.onnx"
        # The older exporter: after int8 its graph runs a third quicker here than the one of `dynamo=True`.
        torch.onnx.export(
            model, columns, str(full), input_names=list(COLUMNS), output_names=["score"],
            dynamic_axes=axes, opset_version=17, dynamo=False,
        )  # fmt: skip
        quantize_dynamic(full, path, weight_type=QuantType.QInt8, per_channel=True)
    onnx.save(without_traces(onnx.load(path)), path)


def main() -> None:
    """Exports as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True, help="the MiniLM folder")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--weight", type=float)
    args = parser.parse_args()
    print(json.dumps(export(args.run, args.base, args.out, args.weight), indent=1))


if __name__ == "__main__":
    main()
