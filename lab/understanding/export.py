"""Writes what the product ships: `python -m lab.understanding.export --run RUN [--out FOLDER]`.

encoder.onnx.gz (int8, gives the finished prefix of each model), tokenizer.json, decoder.gguf (Q8_0; decoder.1.gguf …
for the other models) and model.json (the card).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import subprocess
import tempfile
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer
from torch import nn

from catalog.onnx_session import open_session
from chat.llm.dsl import BOS, EOS, MAX_POINTERS, PIECES
from chat.llm.ensemble import FIRST, decoder_files
from chat.llm.prefix import ENCODER, TOKENIZER, encoder_content
from lab.onnx_traces import without_traces
from lab.understanding.corpus import split
from lab.understanding.model import EPSILON, ROPE_BASE, Decoder, Readers, Understander, build
from lab.understanding.origins import ORIGINS
from lab.understanding.progress import log_to

LAYER_NAMES = {
    "n1": "attn_norm",
    "n2": "ffn_norm",
    "q": "attn_q",
    "k": "attn_k",
    "v": "attn_v",
    "o": "attn_output",
    "g": "ffn_gate",
    "u": "ffn_up",
    "dn": "ffn_down",
}

SAMPLES = ("user : hi", "user : 睡前想听点治愈的，不要恐怖的", "user : less politics shown : 1 . Dune | 2 . Emma |")
"""Texts on which an exported encoder is compared with its model."""


class PrefixGraph(nn.Module):
    """Token ids of one text (1, t) to a soft prefix of each model (models, t, width) and their mean cues.

    Cues: see `Hints.cues`.
    """

    def __init__(self, readers: Readers) -> None:
        super().__init__()
        self.readers = readers

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mask = torch.ones_like(ids)
        prefixes, tools, words = zip(*(self._of(model, ids, mask) for model in self.readers), strict=True)
        return torch.cat(prefixes), torch.stack(tools).mean(0), torch.stack(words).mean(0)

    @staticmethod
    def _of(
        model: Understander, ids: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        states = model.states(ids, mask)
        return model.prefix(states), *model.hints.cues(states, mask)


def write_encoder(readers: Readers, tokenizer: Tokenizer, out: Path, int8: bool) -> float:
    """Writes the packed ONNX encoder; returns the least cosine between its prefixes and torch's on varied texts."""
    graph = PrefixGraph(readers).eval()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        full, small = Path(folder) / "full.onnx", Path(folder) / "small.onnx"
        length = torch.export.Dim("length", min=2, max=MAX_POINTERS)
        example = torch.tensor([tokenizer.encode("user : something short and funny for the commute").ids])
        torch.onnx.export(
            graph,
            (example,),
            str(full),
            input_names=["ids"],
            output_names=["prefix", "tools", "words"],
            dynamic_shapes={"ids": {1: length}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        if int8:
            quantize_dynamic(full, small, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
        model = without_traces(onnx.load(small if int8 else full))
    (out / ENCODER).write_bytes(gzip.compress(model.SerializeToString(), mtime=0))
    return agreement(graph, tokenizer, out)


@torch.no_grad()
def agreement(graph: PrefixGraph, tokenizer: Tokenizer, weights: Path) -> float:
    """The least cosine between the prefixes of models and those of the encoder of weights on varied texts."""
    session, found = open_session(encoder_content(weights)), []
    for text in SAMPLES:
        ids = torch.tensor([tokenizer.encode(text).ids])
        wanted = graph(ids)[0].numpy().ravel()
        got = np.asarray(session.run(None, {"ids": ids.numpy()})[0]).ravel()
        found.append(float(np.dot(wanted, got) / np.linalg.norm(wanted) / np.linalg.norm(got)))
    return min(found)


def write_decoder(decoder: Decoder, path: Path) -> None:
    """Writes the decoder as a GGUF of the llama architecture, matrices in Q8_0."""
    shape = decoder.shape
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("attune-understanding")
    writer.add_block_count(shape.layers)
    writer.add_context_length(512)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_vocab_size(len(PIECES))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(list(PIECES))
    writer.add_token_types(
        [gguf.TokenType.CONTROL if n <= EOS else gguf.TokenType.USER_DEFINED for n in range(len(PIECES))]
    )
    writer.add_token_merges(["d 1"])
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_add_bos_token(False)

    def add(name: str, tensor: torch.Tensor) -> None:
        values = tensor.detach().float().numpy()
        if values.ndim == 1:
            writer.add_tensor(name, values)
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)

    state = decoder.state_dict()
    add("token_embd.weight", state["e.weight"])
    add("output_norm.weight", state["n.weight"])
    for layer in range(shape.layers):
        for ours, theirs in LAYER_NAMES.items():
            add(f"blk.{layer}.{theirs}.weight", state[f"b.{layer}.{ours}.weight"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def commit() -> str | None:
    """The commit of the working tree, None outside a checkout."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def export(run: Path, out: Path, *, int8: bool = True) -> None:
    """Writes the weights of a run's checkpoint and their card."""
    log = log_to("export")
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    saved = torch.load(run / "model.pt", weights_only=True)
    readers = build(tokenizer.get_vocab_size(), saved["layers"], saved.get("origins"))
    readers.load_state_dict(saved["model"])
    readers.eval()
    tokenizer.save(str(out / TOKENIZER), pretty=False)
    cosine = write_encoder(readers, tokenizer, out, int8)
    for path in decoder_files(out):
        path.unlink(missing_ok=True)
    for number, model in enumerate(readers):
        write_decoder(model.decoder, out / (f"decoder.{number}.gguf" if number else FIRST))
    card = card_of(saved, readers.origins, cosine, out)
    (out / "model.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    size = sum(file["bytes"] for file in card["files"].values()) / 1e6
    log.info("step %d exported, %d models, cosine %.4f, %.1f MB", saved["step"], len(readers), cosine, size)


def card_of(saved: dict[str, Any], origins: tuple[str, ...], cosine: float, out: Path) -> dict[str, Any]:
    """The model card: where the weights come from, what they may be used for, what they are made of."""
    train, test = split()
    files = {}
    for path in (out / ENCODER, out / TOKENIZER, *decoder_files(out)):
        content = path.read_bytes()
        files[path.name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return {
        "name": "attune-understanding",
        "made": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "seed": saved["seed"],
        "steps": saved["step"],
        "training": saved.get("told", {}),
        "data": {
            "training_records": len(train),
            "held_out_records": len(test),
            "corpus": "lab/understanding/corpus (written for this project)",
            "distillation": "English-Chinese sentence pairs of Tatoeba (CC BY), catalogue vocabulary",
            "meanings": "the same, and the words of CC-CEDICT (CC BY-SA 4.0)",
            "hidden_words": "commands and dialogues in both languages (CC BY, CC0, PDDL, CC BY-SA, Apache-2.0, MIT)",
            "names": "a gazetteer of our own; goodbooks-10k (CC BY-SA), LibriVox (public domain); swapped in",
        },
        "origins": list(origins),
        "licences": {
            **{f"encoder {origin}": ORIGINS[origin].licence for origin in origins},
            "decoder": "own, trained from scratch",
        },
        "encoder_cosine": round(cosine, 5),
        "calibration": [0.5, 1.0, 0.5, 0.0, 0.0],
        "metrics": {},
        "files": files,
    }


def main() -> None:
    """Exports as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="by default RUN/weights, which `lab.understanding.accept` puts to use")
    parser.add_argument("--float", action="store_true", help="keep the encoder in float32")
    args = parser.parse_args()
    torch.set_num_threads(1)
    export(args.run, args.out or args.run / "weights", int8=not args.float)


if __name__ == "__main__":
    main()
