"""Makes a checkpoint of shipped weights, so that training can go on from them: `python -m lab.understanding.restore`.

What ships is quantised, so a little is lost (`export` writes the encoder in int8 and the decoder in Q8_0); training
gets that back within its first hundred steps. Needs no distillation and no earlier run: whoever has the product can
refresh its weights with the utterances that people taught it.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from onnx import numpy_helper
from tokenizers import Tokenizer

from chat.llm.ensemble import decoder_files
from chat.llm.prefix import ENCODER, TOKENIZER, encoder_content
from chat.llm.understanding import WEIGHTS
from lab.understanding.export import LAYER_NAMES, PrefixGraph, agreement
from lab.understanding.fit import save
from lab.understanding.model import Readers, build
from lab.understanding.progress import log_to

LEAST_COSINE = 0.98
"""Between the prefix that ships and that of the restored model: below, the files are not what this code writes."""
MATRICES = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
            "intermediate.dense", "output.dense")  # fmt: skip
"""The matrices of an encoder layer in the order in which the graph uses them."""
QUANTISED = "_quantized"
OURS = "readers."
TABLE = "embeddings.word_embeddings.weight"
"""The token embeddings, which the graph holds once for all models of one origin."""


def restored(folder: Path) -> tuple[Readers, float]:
    """The models of shipped weights, and how far their prefixes agree with what ships (cosine).

    Raises ValueError where the files are not those that `lab.understanding.export` writes.
    """
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    decoders = [_decoder_state(path) for path in decoder_files(folder)]
    origins = json.loads((folder / "model.json").read_text(encoding="utf-8")).get("origins")
    readers = build(tokenizer.get_vocab_size(), [_layers(state) for state in decoders], origins)
    for model, state in zip(readers, decoders, strict=True):
        model.decoder.load_state_dict(state)
    missing, strange = readers.load_state_dict(_encoder_state(encoder_content(folder), readers), strict=False)
    lost = [name for name in missing if ".decoder." not in name]
    if lost or strange:
        raise ValueError(f"{folder / ENCODER} lacks {lost[:3]} and has {strange[:3]}: another version wrote it")
    cosine = agreement(PrefixGraph(readers).eval(), tokenizer, folder)
    if not cosine >= LEAST_COSINE:
        raise ValueError(f"the restored encoder agrees with {folder / ENCODER} to {cosine:.3f} only")
    return readers, cosine


def _layers(decoder: dict[str, torch.Tensor]) -> int:
    return 1 + max(int(name.split(".")[1]) for name in decoder if name.startswith("b."))


def _decoder_state(path: Path) -> dict[str, torch.Tensor]:
    tensors = {
        tensor.name: torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
        for tensor in GGUFReader(path).tensors
    }
    state = {"e.weight": tensors.pop("token_embd.weight"), "n.weight": tensors.pop("output_norm.weight")}
    ours = {theirs: name for name, theirs in LAYER_NAMES.items()}
    for name, values in tensors.items():
        _, layer, part, kind = name.split(".")
        state[f"b.{layer}.{ours[part]}.{kind}"] = values
    return state


def _encoder_state(content: bytes, readers: Readers) -> dict[str, torch.Tensor]:
    values = {value.name: numpy_helper.to_array(value) for value in onnx.load_from_string(content).graph.initializer}
    plain = {
        name.removeprefix(OURS): torch.from_numpy(array.copy())
        for name, array in values.items()
        if name.startswith(OURS) and array.dtype == np.float32 and not name.endswith("_scale")
    }
    tables = [name for name in values if "_embeddings.weight" in name and name.endswith(QUANTISED)]
    for name in tables:
        plain[name.removeprefix(OURS).removesuffix(QUANTISED)] = _dequantised(values, name)
    places = [f"models.{number}.encoder.{TABLE}" for number in range(len(readers))]
    shared = {origin: plain[at] for at, origin in zip(places, readers.origins, strict=True) if at in plain}
    plain |= {at: shared[origin] for at, origin in zip(places, readers.origins, strict=True)}
    matrices = [name for name in values if name.endswith(QUANTISED) and name not in tables]
    for target, name in zip(_matrix_names(readers), matrices, strict=True):
        plain[target] = _dequantised(values, name).T.contiguous()
    return plain


def _matrix_names(readers: Readers) -> Iterator[str]:
    for number, model in enumerate(readers):
        for layer in range(model.encoder.config.num_hidden_layers):
            yield from (f"models.{number}.encoder.encoder.layer.{layer}.{part}.weight" for part in MATRICES)
        yield from (f"models.{number}.{part}.weight" for part in ("bridge", "hints.tools", "hints.words"))


def _dequantised(values: dict[str, np.ndarray], name: str) -> torch.Tensor:
    stem = name.removesuffix(QUANTISED)
    zero, factor = values[f"{stem}_zero_point"].astype(np.float32), values[f"{stem}_scale"].astype(np.float32)
    return torch.from_numpy((values[name].astype(np.float32) - zero) * factor)


def restore(weights: Path, run: Path) -> float:
    """Writes `model.pt` and `tokenizer.json` of the run. FileExistsError where the run has a checkpoint already."""
    if (run / "model.pt").exists():
        raise FileExistsError(f"{run / 'model.pt'} is there already; choose another folder, or train on from it")
    readers, cosine = restored(weights)
    card = json.loads((weights / "model.json").read_text(encoding="utf-8"))
    run.mkdir(parents=True, exist_ok=True)
    shutil.copy(weights / TOKENIZER, run / TOKENIZER)
    state, told = readers.state_dict(), {"restored_from": card["commit"], **card["training"]}
    shape = {"layers": [model.decoder.shape.layers for model in readers], "origins": list(readers.origins)}
    parts = {"model": state, "last": state, **shape}
    save(run / "model.pt", {**parts, "step": int(card["steps"]), "seed": 0, "told": told})
    return cosine


def main() -> None:
    """Restores as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--run", type=Path, required=True, help="folder for model.pt and tokenizer.json")
    args = parser.parse_args()
    cosine = restore(args.weights, args.run)
    log_to("restore").info("restored; agrees with what ships to %.4f", cosine)


if __name__ == "__main__":
    main()
