"""What the cross-encoder learns from: requests with the items that answer them, gathered and written as arrays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field
from tokenizers import Tokenizer

REQUESTS = Path(__file__).parent / "requests.jsonl"
KINDS = ("requests", "sentence", "tags", "phrase", "like", "author", "shelves")
PARTS = ("train", "valid", "test")
TEXT_TOKENS, REQUEST_TOKENS, YES, NO, HITS = 72, 24, 16, 48, 50


class Wish(BaseModel, frozen=True, extra="forbid"):
    """A hand-written request and the items of the demonstration catalogue that answer it."""

    id: str
    lang: Literal["en", "zh"]
    request: str
    relevant: tuple[str, ...] = Field(min_length=1, max_length=15)
    part: Literal["train", "test"]


def wishes(path: Path = REQUESTS) -> list[Wish]:
    """All of them. ValidationError for a line that is none."""
    return [Wish.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


@dataclass
class Lessons:
    """What is gathered so far, as text and rows."""

    texts: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    yes: list[Sequence[int]] = field(default_factory=list)
    no: list[Sequence[int]] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    part: list[int] = field(default_factory=list)
    hits: dict[int, tuple[list[int], list[float]]] = field(default_factory=dict)

    def add(self, kind: str, asked: str, yes: Iterable[int], no: Iterable[int], part: str = "train") -> None:
        """One request with what goes with it; nothing where no text or no answer is left."""
        right = list(dict.fromkeys(map(int, yes)))[:YES]
        if asked and right:
            self.asked.append(asked)
            self.yes.append(right)
            self.no.append([n for n in dict.fromkeys(map(int, no)) if n not in set(right)][:NO])
            self.kind.append(KINDS.index(kind))
            self.part.append(PARTS.index(part))


def write(lessons: Lessons, tokenizer: Tokenizer, out: Path) -> None:
    """FOLDER/pairs.npz and, with counts and hashes, pairs.json."""
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    hits = np.full((len(lessons.asked), HITS), -1, dtype=np.int32)
    scores = np.zeros((len(lessons.asked), HITS), dtype=np.float32)
    for at, (rows, found) in lessons.hits.items():
        hits[at, : len(rows)], scores[at, : len(found)] = rows, found
    arrays = {
        "texts": _ids(tokenizer, lessons.texts, TEXT_TOKENS),
        "asked": _ids(tokenizer, lessons.asked, REQUEST_TOKENS),
        "yes": _padded(lessons.yes, YES),
        "no": _padded(lessons.no, NO),
        "hits": hits,
        "scores": scores,
        "kind": np.array(lessons.kind, dtype=np.uint8),
        "part": np.array(lessons.part, dtype=np.uint8),
    }
    np.savez_compressed(out / "pairs.npz", allow_pickle=False, **arrays)
    counted = {kind: int((arrays["kind"] == at).sum()) for at, kind in enumerate(KINDS)}
    parts = {part: int((arrays["part"] == at).sum()) for at, part in enumerate(PARTS)}
    digest = hashlib.sha256(b"".join(arrays[name].tobytes() for name in sorted(arrays))).hexdigest()
    told = {"kinds": counted, "parts": parts, "sha256": digest, "requests_sha256": _digest(REQUESTS)}
    (out / "pairs.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _ids(tokenizer: Tokenizer, texts: Sequence[str], most: int) -> np.ndarray:
    table = np.zeros((len(texts), most), dtype=np.uint16)
    for row, piece in enumerate(tokenizer.encode_batch(list(texts), add_special_tokens=False)):
        ids = piece.ids[:most]
        table[row, : len(ids)] = ids
    return table


def _padded(lists: Sequence[Sequence[int]], most: int) -> np.ndarray:
    table = np.full((len(lists), most), -1, dtype=np.int32)
    for row, values in enumerate(lists):
        table[row, : len(values)] = list(values)[:most]
    return table


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
