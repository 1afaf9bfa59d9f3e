"""Search by words and by meaning at once, over the whole catalogue or a part of it, exactly.

A query is answered three ways: by the names it holds (title, author, series, narrator), by its words (BM25), by its
meaning (every vector, no approximation). A query that *is* a name puts the items of that name first; else words and
meaning are weighed together, and a name inside a longer query lifts its items. Ties go to the more played item.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from pydantic import BaseModel

from catalog.catalogue import Catalogue
from catalog.items import Item
from catalog.lexical import Field, Lexical
from catalog.names import Names
from catalog.taxonomy import Category
from catalog.vocabulary import Term, Words
from catalog.wishes import core

NAMED = 0.9
"""Items whose name is the query score from here to 1, all others below."""
LEXICAL_SHARE = 0.5
NAME_LIFT = 0.8
MIN_SCORE = 0.1
"""Below it an item has a character or a theme in common with the query by chance."""
NOISE, NEAR = 0.12, 0.72
"""Cosines between which meaning counts from 0 to 1: below it is chance, above it a paraphrase."""
_POPULARITY_SHARE = 0.02
_FORMATS = {
    "audiobook": "audiobook 有声书",
    "podcast": "podcast 播客",
    "radio_drama": "radio drama audio drama 广播剧",
    "course": "course lectures 课程",
    "kids_show": "kids show 儿童节目",
    "crosstalk": "crosstalk 相声",
    "ambient": "ambient soundscape 白噪音",
}


class Hit(BaseModel, frozen=True, extra="forbid"):
    """One item found; all scores lie in [0, 1]."""

    row: int
    score: float
    lexical: float
    """How much of the query's words the item has."""
    semantic: float
    """How near the item is in meaning."""


class Search:
    """Looks through one catalogue; builds its word index when made (about a second for 10,000 items). Thread-safe."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._vectors = catalogue.vectors
        self._lexical = Lexical(_fields(item, catalogue.words) for item in catalogue.items)
        self._names = Names(catalogue.items, catalogue.words)
        self._lift = np.asarray(catalogue.popularity, dtype=np.float32) * _POPULARITY_SHARE
        self._embedded = lru_cache(maxsize=512)(catalogue.embed)

    def query(self, text: str, k: int = 50, mask: np.ndarray | None = None) -> list[Hit]:
        """The best `k` items for a text in English, Chinese or both, best first; fewer when fewer have anything of it.

        mask: one truth value a row; only the true ones are searched.
        """
        wish = core(text)
        if not wish or k <= 0 or not len(self._catalogue):
            return []
        lexical = self._lexical.scores(wish)
        semantic = _meaning(self._vectors @ self._embedded(wish))
        score = LEXICAL_SHARE * np.sqrt(lexical) + (1 - LEXICAL_SHARE) * semantic
        score = score * (1 - _POPULARITY_SHARE) + self._lift * (score > 0)
        for row, share in self._names.within(wish).items():
            score[row] += (1 - score[row]) * NAME_LIFT * share
        score *= NAMED
        for row, weight in {**self._names.exactly(wish), **self._names.exactly(text)}.items():
            score[row] = NAMED + (1 - NAMED) * (0.9 * weight + 0.1 * score[row])
        return [_hit(row, score, lexical, semantic) for row in _best(score, k, mask)]

    def similar(self, row: int, k: int, mask: np.ndarray | None = None) -> list[Hit]:
        """The `k` items nearest in meaning to the item of a row, best first, without that item."""
        score = _meaning(self._vectors @ self._vectors[row])
        nearest = score.copy()
        nearest[row] = 0.0
        nothing = np.zeros_like(score)
        return [_hit(at, score, nothing, score) for at in _best(nearest, k, mask)]


def _meaning(cosine: np.ndarray) -> np.ndarray:
    return np.clip((cosine - NOISE) / (NEAR - NOISE), 0.0, 1.0).astype(np.float32)


def _best(score: np.ndarray, k: int, mask: np.ndarray | None) -> list[int]:
    """Rows that are worth showing, best first; equal scores by row, so that the order never changes."""
    worth = score >= MIN_SCORE
    rows = np.flatnonzero(worth if mask is None else mask & worth)
    if len(rows) > k:
        border = np.partition(score[rows], len(rows) - k)[len(rows) - k]
        rows = rows[score[rows] >= border]
    order = np.lexsort((rows, -score[rows]))
    return [int(row) for row in rows[order][:k]]


def _hit(row: int, score: np.ndarray, lexical: np.ndarray, semantic: np.ndarray) -> Hit:
    return Hit(row=row, score=float(score[row]), lexical=float(lexical[row]), semantic=float(semantic[row]))


def _fields(item: Item, words: Words) -> Iterator[Field]:
    yield item.title, 4.0
    yield item.title_alt or "", 3.0
    yield item.author or "", 3.0
    yield item.series or "", 2.5
    yield item.narrator or "", 1.5
    yield item.description, 1.0
    yield _FORMATS[item.format], 0.5
    for tag in item.tags:
        yield tag, 2.0
    entries: list[tuple[Category | Term, float]] = [
        (words.taxonomy.get(path), 2.0) for path in item.categories if path in words.taxonomy
    ]
    entries += [(words.moods.get(slug), 1.5) for slug in item.moods if slug in words.moods]
    entries += [(words.scenes.get(slug), 1.5) for slug in item.scenes if slug in words.scenes]
    for entry, weight in entries:
        yield entry.en, weight
        yield entry.zh, weight
        for alias in entry.aliases:
            yield alias, weight / 3
