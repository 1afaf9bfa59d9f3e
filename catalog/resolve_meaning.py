"""Names by meaning: the category, mood or scene whose words lie nearest to what was said."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from catalog.catalogue import Catalogue
from catalog.gloss import Gloss
from catalog.resolve_lexicon import Found
from catalog.spelling import is_chinese

_LEAST = {"category": 0.62, "mood": 0.8, "scene": 0.58}
"""Cosine at which one begins to be meant; scores run from 0.7 there to 0.9 at a cosine of 1. Moods need more: to the
model "loud" lies close to "quiet"."""
_BASE, _SPAN = 0.7, 0.2


class Meanings:
    """Vectors of the vocabularies, worked out on the first question."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._gloss = Gloss.of(catalogue.words)
        self._known = lru_cache(maxsize=8)(self._vectors)

    def near(self, kind: str, said: str, k: int) -> list[Found]:
        """Up to `k` things by meaning; nothing for Chinese words that have no English gloss."""
        text = self._gloss.in_english(said) if is_chinese(said) else said
        if not text.strip():
            return []
        keys, vectors = self._known(kind)
        cosines = vectors @ np.asarray(self._catalogue.embed(text), dtype=np.float32)
        best: dict[str, float] = {}
        for key, cosine in zip(keys, cosines.tolist(), strict=True):
            best[key] = max(cosine, best.get(key, -1.0))
        ranked = sorted(best.items(), key=lambda pair: -pair[1])[:k]
        return [Found(key, _score(cosine, _LEAST[kind]), 0.0, False) for key, cosine in ranked]

    def _vectors(self, kind: str) -> tuple[list[str], np.ndarray]:
        pairs = list(self._texts(kind))
        vectors = [np.asarray(self._catalogue.embed(text), dtype=np.float32) for _, text in pairs]
        return [key for key, _ in pairs], np.stack(vectors)

    def _texts(self, kind: str) -> Iterator[tuple[str, str]]:
        words = self._catalogue.words
        if kind == "category":
            for category in words.taxonomy.categories:
                yield category.path, category.en
                yield from ((category.path, alias) for alias in category.aliases if not is_chinese(alias))
            return
        for term in (words.moods if kind == "mood" else words.scenes).terms:
            yield term.slug, term.en
            yield from ((term.slug, alias) for alias in term.aliases if not is_chinese(alias))


def _score(cosine: float, least: float) -> float:
    if cosine < least:
        return max(cosine, 0.0) * _BASE / least - 0.01
    return _BASE + _SPAN * (cosine - least) / (1 - least)
