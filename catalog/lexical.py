"""Word search over short records, for English and Chinese alike: BM25 over weighted fields.

English words are reduced to a stem; a run of Chinese characters becomes its characters and its pairs of characters, so
no word list is needed. The weight of every (word, record) pair is worked out when the index is built; a query only adds
up a few short arrays.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from itertools import repeat

import numpy as np

from catalog.gloss import CJK
from catalog.spelling import simplified

_PIECES = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+(?:['’][^\W_{CJK}]+)*")
_CJK = re.compile(f"[{CJK}]")
_SATURATION = 1.2
_LENGTH_PULL = 0.4
_SINGLE = 0.15
"""Weight of one Chinese character beside the pairs that it is part of."""

Field = tuple[str, float]
"""A text and how much a word in it counts; 1 for a description."""
Bundle = tuple[Field, ...]
"""Fields that many records share, such as the names of a category: they are weighed once."""


class Lexical:
    """An inverted index that is never changed. Thread-safe."""

    def __init__(self, records: Iterable[Iterable[Field]], bundles: Iterable[Iterable[Bundle]] | None = None) -> None:
        """bundles: for each record those that it has, beside its own fields."""
        self._terms: dict[str, int] = {}
        self._weighed: dict[Bundle, dict[int, float]] = {}
        columns = _Columns()
        self._size = 0
        for row, (fields, shared) in enumerate(zip(records, repeat(()) if bundles is None else bundles, strict=False)):
            found = self._weigh(fields)
            for bundle in shared:
                for term, weight in self._of_bundle(bundle).items():
                    found[term] += weight
            columns.add(row, found)
            self._size = row + 1
        self._weighed = {}
        self._freeze(columns)

    def scores(self, query: str) -> np.ndarray:
        """How well each record answers the query: float32 [records], 0 for not at all, 1 for every word in full."""
        out = np.zeros(self._size, dtype=np.float32)
        best = 0.0
        for term, weight in query_terms(query).items():
            at = self._terms.get(term)
            best += weight * (self._rarest if at is None else float(self._rarity[at]))
            if at is not None:
                span = slice(self._starts[at], self._starts[at + 1])
                out[self._rows[span]] += weight * self._weights[span]
        return out / np.float32(best) if best else out

    def _of_bundle(self, bundle: Bundle) -> dict[int, float]:
        found = self._weighed.get(bundle)
        if found is None:
            found = self._weighed[bundle] = self._weigh(bundle)
        return found

    def _weigh(self, fields: Iterable[Field]) -> defaultdict[int, float]:
        found: defaultdict[int, float] = defaultdict(float)
        for text, weight in fields:
            terms = pieces(text)
            longer = 1.0 + _LENGTH_PULL * len(terms) / 40
            for term in terms:
                found[self._terms.setdefault(term, len(self._terms))] += weight / longer
        return found

    def _freeze(self, columns: _Columns) -> None:
        terms = np.frombuffer(columns.terms, dtype=np.int32)
        order = np.argsort(terms, kind="stable")
        counts = np.bincount(terms, minlength=len(self._terms))
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._rows = np.frombuffer(columns.rows, dtype=np.int32)[order]
        strength = np.frombuffer(columns.strengths, dtype=np.float64)[order]
        self._rarity = np.log1p((self._size - counts + 0.5) / (counts + 0.5))
        self._rarest = float(np.log1p((self._size + 0.5) / 0.5))
        rarity = np.repeat(self._rarity, counts)
        self._weights = (rarity * strength / (strength + _SATURATION)).astype(np.float32)


class _Columns:
    """The (word, record, strength) triples while the index is being built, in compact arrays."""

    def __init__(self) -> None:
        self.terms, self.rows, self.strengths = array("i"), array("i"), array("d")

    def add(self, row: int, found: dict[int, float]) -> None:
        self.terms.extend(found)
        self.rows.extend([row] * len(found))
        self.strengths.extend(found.values())


def plain(text: str) -> str:
    """The text without case, accents and width variants, in simplified characters."""
    if text.isascii():
        return text.casefold()
    folded = unicodedata.normalize("NFKD", text).casefold().translate(simplified())
    return unicodedata.normalize("NFC", "".join(c for c in folded if not unicodedata.combining(c)))


def spelled(text: str) -> list[str]:
    """The words of a text as they are spelled; a Chinese character is a word of its own."""
    words: list[str] = []
    for piece in _PIECES.findall(plain(text)):
        words.extend(piece if _CJK.match(piece) else [piece.replace("’", "'").removesuffix("'s")])
    return words


@lru_cache(maxsize=4096)
def pieces(text: str) -> tuple[str, ...]:
    """What is looked up for a text: stems of words, Chinese characters and pairs of them."""
    found: list[str] = []
    for piece in _PIECES.findall(plain(text)):
        if _CJK.match(piece):
            found.extend(piece)
            found.extend(piece[at : at + 2] for at in range(len(piece) - 1))
        else:
            found.append(stem(piece))
    return tuple(found)


def query_terms(query: str) -> dict[str, float]:
    """What a query looks for, with weights: a word or a pair of characters 1, a character beside its pairs less."""
    terms: dict[str, float] = {}
    for piece in _PIECES.findall(plain(query)):
        if not _CJK.match(piece):
            terms[stem(piece)] = 1.0
        elif len(piece) == 1:
            terms[piece] = 1.0
        else:
            terms.update({c: max(_SINGLE, terms.get(c, 0.0)) for c in piece})
            terms.update({piece[at : at + 2]: 1.0 for at in range(len(piece) - 1)})
    return terms


def stem(word: str) -> str:
    """An English word without its plural and possessive endings; other words as they are."""
    word = word.replace("’", "'").removesuffix("'s")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
