"""Search by words and by meaning at once, over the whole catalogue or a part of it.

A query is answered three ways: by the names it holds (title, author, series, narrator), by its words (BM25), by its
meaning. A query that *is* a name puts the items of that name first; else words and meaning are weighed together, and a
name inside a longer query lifts its items. A query that names a kind of thing (a category, a format) lifts all that is
of it; with any other, titles that hold it and what is marked with it come before what is only near in meaning. Ties go
to the more played item. A small catalogue is looked at whole; in a large one only the best by words, the nearest in
meaning and those named are weighed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
from pydantic import BaseModel

from catalog.catalogue import Catalogue
from catalog.items import Item, named
from catalog.lexical import Bundle, Field, Lexical
from catalog.names import Names
from catalog.shelf import shelf
from catalog.spelling import contains, form
from catalog.taxonomy import Category
from catalog.vocabulary import Term, Words
from catalog.wishes import core

NAMED = 0.9
"""Items whose name is the query score from here to 1, all others below."""
LEXICAL_SHARE = 0.5
NAME_LIFT = 0.8
THEME_LIFT = 0.4
"""What of the way to the top an item gains that is marked with the very words of the query."""
SHELF_LIFT = 0.8
"""The same of what stands on the shelf that the query names: it is what was asked for, whatever its words are."""
RAISE = 0.2
"""How far what holds the very word comes above what is only near: little, as what is near may be all there is of it."""
LOOKED_FOR_TITLES = 50
"""Of so many of the best by words the titles are looked at."""
MOST_MARKED = 1000
"""A word that marks more is too common to tell anything."""
MIN_SCORE = 0.1
"""Below it an item has a character or a theme in common with the query by chance."""
NOISE, NEAR = 0.12, 0.72
"""Cosines between which meaning counts from 0 to 1: below it is chance, above it a paraphrase."""
LOOKED_AT = 1000
"""In a large catalogue so many of the best by words and of the nearest in meaning are weighed."""
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
        self._lexical = Lexical(map(_fields, catalogue.items), _bundles(catalogue.items, catalogue.words))
        self._names = Names(catalogue.items, catalogue.words)
        self._embedded = lru_cache(maxsize=512)(catalogue.embed)

    def query(self, text: str, k: int = 50, mask: np.ndarray | None = None) -> list[Hit]:
        """The best `k` items for a text in English, Chinese or both, best first; fewer when fewer have anything of it.

        mask: one truth value a row; only the true ones are searched.
        """
        wish = core(text)
        if not wish or k <= 0 or not len(self._catalogue):
            return []
        vector, words = self._embedded(wish), self._lexical.scores(wish)
        within, exactly = self._names.within(wish), {**self._names.exactly(wish), **self._names.exactly(text)}
        rows = self._looked_at(vector, words, [*within, *exactly], mask)
        lexical = words[rows]
        semantic = _meaning(self._vectors[rows] @ vector)
        score = LEXICAL_SHARE * np.sqrt(lexical) + (1 - LEXICAL_SHARE) * semantic
        lift = self._catalogue.popularity[rows] * np.float32(_POPULARITY_SHARE)
        score = score * (1 - _POPULARITY_SHARE) + lift * (score > 0)
        score = NAMED * self._lifted(wish, rows, score, lexical, within)
        for place, weight in _places(rows, exactly):
            score[place] = NAMED + (1 - NAMED) * (0.9 * weight + 0.1 * score[place])
        best = _best(score, k, None if mask is None else mask[rows])
        return [_hit(int(rows[at]), score[at], lexical[at], semantic[at]) for at in best]

    def similar(self, row: int, k: int, mask: np.ndarray | None = None) -> list[Hit]:
        """The `k` items nearest in meaning to the item of a row, best first, without that item."""
        index = self._catalogue.nearest
        if index.exact:
            rows, cosines = np.arange(len(self._catalogue)), self._vectors @ self._vectors[row]
        else:
            rows, cosines = index.near(self._vectors[row], k + 1, index.among(mask))
        rows, score = rows[rows != row], _meaning(cosines[rows != row])
        best = _best(score, k, None if mask is None else mask[rows])
        return [_hit(int(rows[at]), score[at], 0.0, score[at]) for at in best]

    def _lifted(
        self, wish: str, rows: np.ndarray, score: np.ndarray, lexical: np.ndarray, within: Mapping[int, float]
    ) -> np.ndarray:
        """The scores with what the record says lifted over what is only near in words and meaning."""
        own, more = np.zeros(len(rows), dtype=bool), score.copy()
        for place, share in _places(rows, within):
            own[place] = True
            more[place] += (1 - more[place]) * NAME_LIFT * share
        themed = np.isin(rows, self._marked_with(wish))
        more[themed] += (1 - more[themed]) * THEME_LIFT
        if kind := shelf(wish, self._catalogue):
            held = kind.mask(self._catalogue)[rows]
            more[held] += (1 - more[held]) * SHELF_LIFT
        else:
            own[self._titled(wish, rows, lexical)] = True
            own |= themed
            nearest = more[~own].max(initial=0.0)
            more[own] = np.maximum(more[own], nearest + RAISE * (1 - nearest) * more[own])
        return more

    def _titled(self, word: str, rows: np.ndarray, lexical: np.ndarray) -> list[int]:
        """The places of rows whose title or series holds a word, of the best by words."""
        best = _best(lexical, LOOKED_FOR_TITLES, None)
        return [at for at in best if named(self._catalogue.items[rows[at]], word)]

    def _marked_with(self, wish: str) -> list[int]:
        """The rows of a theme that the words name. What only lies in a category of which they are an alias is none."""
        rows, word = self._catalogue.rows_with("tag", wish), form(wish)
        if len(rows) > MOST_MARKED:
            return []
        return [r for r in rows.tolist() if any(contains(form(tag), word) for tag in self._catalogue.items[r].tags)]

    def _looked_at(
        self, vector: np.ndarray, words: np.ndarray, named: list[int], mask: np.ndarray | None
    ) -> np.ndarray:
        """The rows that are weighed, ascending."""
        index = self._catalogue.nearest
        if index.exact:
            return np.arange(len(self._catalogue))
        worded = np.flatnonzero(words > 0.0 if mask is None else (words > 0.0) & mask)
        if len(worded) > LOOKED_AT:
            edge = np.partition(words[worded], len(worded) - LOOKED_AT)[len(worded) - LOOKED_AT]
            above = worded[words[worded] > edge]
            worded = np.concatenate([above, worded[words[worded] == edge][: LOOKED_AT - len(above)]])
        near, _ = index.near(np.asarray(vector, dtype=np.float32), LOOKED_AT, index.among(mask))
        return np.unique(np.concatenate([worded, near, np.array(named, dtype=np.int64)]))


def _meaning(cosine: np.ndarray) -> np.ndarray:
    return np.clip((cosine - NOISE) / (NEAR - NOISE), 0.0, 1.0).astype(np.float32)


def _places(rows: np.ndarray, weights: Mapping[int, float]) -> list[tuple[int, float]]:
    """Where the rows with a weight stand among `rows` (ascending, and holding all of them)."""
    places = np.searchsorted(rows, list(weights)).tolist()
    return list(zip(places, weights.values(), strict=True))


def _best(score: np.ndarray, k: int, mask: np.ndarray | None) -> list[int]:
    """Places that are worth showing, best first; equal scores by place, so that the order never changes."""
    worth = score >= MIN_SCORE
    places = np.flatnonzero(worth if mask is None else mask & worth)
    if len(places) > k:
        border = np.partition(score[places], len(places) - k)[len(places) - k]
        places = places[score[places] >= border]
    order = np.lexsort((places, -score[places]))
    return [int(place) for place in places[order][:k]]


def _hit(row: int, score: float, lexical: float, semantic: float) -> Hit:
    return Hit(row=row, score=float(score), lexical=float(lexical), semantic=float(semantic))


def _fields(item: Item) -> Iterator[Field]:
    yield item.title, 4.0
    yield item.title_alt or "", 3.0
    yield item.author or "", 3.0
    yield item.series or "", 2.5
    yield item.narrator or "", 1.5
    yield item.description, 1.0
    for tag in item.tags:
        yield tag, 2.0


def _bundles(items: Sequence[Item], words: Words) -> Iterator[list[Bundle]]:
    """The names of each item's format, categories, moods and scenes."""
    named: dict[str, Bundle] = {form: ((text, 0.5),) for form, text in _FORMATS.items()}
    named |= {category.path: _names_of(category, 2.0) for category in words.taxonomy.categories}
    moods = {term.slug: _names_of(term, 1.5) for term in words.moods.terms}
    scenes = {term.slug: _names_of(term, 1.5) for term in words.scenes.terms}
    for item in items:
        found = [named.get(key) for key in (item.format, *item.categories)]
        found += [*map(moods.get, item.moods), *map(scenes.get, item.scenes)]
        yield [bundle for bundle in found if bundle]


def _names_of(entry: Category | Term, weight: float) -> Bundle:
    return ((entry.en, weight), (entry.zh, weight), *((alias, weight / 3) for alias in entry.aliases))
