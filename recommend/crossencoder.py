"""A cross-encoder: reads a request and an item together and says how well they go with each other.

A small transformer (MiniLM) in ONNX, int8, on one thread. It reads English: Chinese items go in as the English of their
known words, as they do into the embedding model, and a request with Chinese in it is left to the search, as its few
known words made lists worse. Trained and written by `lab.recommender.crossencoder` and
`lab.recommender.crossencoder_export`; torch is not needed here.

As a reranker it looks at the first places of a list that answers a text. An item whose name the text is stays where it
is; the others are ordered by the ranking's own score plus `weight` times what the cross-encoder says (Nogueira & Cho,
"Passage re-ranking with BERT", 2019, with the first ranker's score kept in).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException
from pydantic import BaseModel, ConfigDict
from tokenizers import Tokenizer

from catalog.catalogue import Catalogue
from catalog.gloss import CJK, Gloss
from catalog.index import item_text
from catalog.onnx_session import open_session
from catalog.search import NAMED
from recommend.reading import Reading
from recommend.request import Candidate
from recommend.rerank import DEPTH, RerankFailed

WEIGHTS = Path(__file__).parent / "weights" / "crossencoder"
GRAPH, TOKENIZER, CARD = "crossencoder.onnx", "tokenizer.json", "model.json"
LOGITS = 10.0
"""What one unit of search score counts in the fine ranking of a search."""
_CHINESE = re.compile(f"[{CJK}]")
_KEPT = 50_000
"""Item texts whose tokens are kept: about 40 MB."""


class Card(BaseModel):
    """What serving needs to know of the model; the file says more (data, figures, licence)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    longest: int
    """Tokens of a pair, marks and all."""
    request_tokens: int
    """Tokens of a request at the most; the item gets what is left."""
    weight: float
    """What the cross-encoder's logit counts beside a unit of search score, chosen on requests kept out of training."""


class CrossEncoder:
    """A loaded model. Thread-safe."""

    def __init__(self, session: onnxruntime.InferenceSession, tokenizer: Tokenizer, card: Card) -> None:
        self.card = card
        self._session = session
        self._tokenizer = tokenizer
        self._start, self._end = (_mark(tokenizer, mark) for mark in ("[CLS]", "[SEP]"))
        self._item = lru_cache(maxsize=_KEPT)(self._tokens)

    @classmethod
    def load(cls, folder: Path = WEIGHTS) -> CrossEncoder:
        """The model of a folder. FileNotFoundError names a file that is missing."""
        for name in (GRAPH, TOKENIZER, CARD):
            if not (folder / name).is_file():
                raise FileNotFoundError(
                    f"{folder / name} is missing; write it with lab.recommender.crossencoder_export"
                )
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return cls(
            open_session(folder / GRAPH),
            tokenizer,
            Card.model_validate_json((folder / CARD).read_text(encoding="utf-8")),
        )

    def scores(self, request: str, texts: Sequence[str]) -> np.ndarray:
        """float32 (n,): a logit per text, higher is better; comparable within one request.

        Texts are in English. An empty list gives an empty array.
        """
        if not texts:
            return np.zeros(0, dtype=np.float32)
        asked = self._tokens(request)[: self.card.request_tokens]
        room = self.card.longest - 3 - len(asked)
        items = [self._item(text)[:room] for text in texts]
        head = np.array([self._start, *asked, self._end], dtype=np.int64)
        width = len(head) + max(map(len, items)) + 1
        ids, mask, kinds = (np.zeros((len(items), width), dtype=np.int64) for _ in range(3))
        ids[:, : len(head)] = head
        for row, item in enumerate(items):
            stop = len(head) + len(item) + 1
            ids[row, len(head) : stop] = (*item, self._end)
            mask[row, :stop] = 1
            kinds[row, len(head) : stop] = 1
        fed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds}
        return np.asarray(self._session.run(["score"], fed)[0], dtype=np.float32)

    def _tokens(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids[: self.card.longest])


def readable(request: str) -> bool:
    """Whether the cross-encoder can make something of a request: it has words, and none of them is Chinese."""
    return bool(request) and not _CHINESE.search(request)


def _mark(tokenizer: Tokenizer, mark: str) -> int:
    found = tokenizer.token_to_id(mark)
    if found is None:
        raise ValueError(f"the tokenizer has no {mark}")
    return found


class Reader:
    """Orders what answers a text by what the cross-encoder reads: a `recommend.rerank.Reranker`."""

    def __init__(self, encoder: CrossEncoder, catalogue: Catalogue, *, depth: int = DEPTH) -> None:
        self._encoder = encoder
        self._catalogue = catalogue
        self._depth = depth
        self._gloss = Gloss.of(catalogue.words)
        self._text = lru_cache(maxsize=_KEPT)(self._item_text)

    def __call__(self, reading: Reading, chosen: Sequence[Candidate]) -> Sequence[int]:
        """RerankFailed where the model does not run."""
        asked = (reading.request.query or "").strip() if reading.request.intent == "search" else ""
        if not readable(asked):
            return range(len(chosen))
        first = range(min(self._depth, len(chosen)))
        movable = [place for place in first if chosen[place].sources.get("query", 0.0) < NAMED]
        texts = [self._text(chosen[place].row) for place in movable]
        try:
            read = self._encoder.scores(asked, texts)
        except RuntimeException as error:
            raise RerankFailed(str(error)) from error
        own = np.array([chosen[place].fine for place in movable])
        best = np.argsort(-(own + LOGITS * self._encoder.card.weight * read), kind="stable")
        ordered = iter([movable[at] for at in best])
        free = set(movable)
        return [next(ordered) if place in free else place for place in range(len(chosen))]

    def _item_text(self, row: int) -> str:
        return item_text(self._catalogue.items[row], self._catalogue.words, self._gloss)
