"""What the learned rankers see of a candidate: one definition for training and for serving.

Every value depends on the listener, the item, the moment and the models alone. Neither a PBox entry nor the company in
which a candidate stands in its pool goes in: quotas and pools move with the PBox, so marks of "recalled by" and ranks
within the pool would let a raised wish change learned scores, and an item that has the wish could fall. Wishes act
through the bounded shifts of `recommend.effects`, which are added afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from catalog.catalogue import Catalogue
from catalog.spelling import form, people_in
from recommend.kinship import branch
from recommend.reading import Reading
from recommend.recall import HOME, Pool

LONGEST = 200
"""So many of the last liked items speak for the long term."""
TOP_PLACE = 0.0
"""The exposure position that every candidate has at serving."""
LONG_AGO = 24.0 * 365.0
"""Hours since the last touch of a listener who never touched anything."""
Column = np.ndarray | float


@dataclass(frozen=True)
class Feature:
    """One column of the table."""

    name: str
    meaning: str
    trend: int = 0
    """1: a model may only rise with it, -1: only fall, 0: as it likes."""


FEATURES: tuple[Feature, ...] = (
    # The listener in the long term. A share is the part, 0..1, of the summed liking that has the same.
    Feature("author_share", "of what was liked, the share by the same author"),
    Feature("narrator_share", "of what was liked, the share with the same voice"),
    Feature("series_share", "of what was liked, the share in the same series"),
    Feature("top_share", "of what was liked, the share in the same top-level category"),
    Feature("branch_share", "of what was liked, the share in a category that is the same two levels deep"),
    Feature("leaf_share", "of what was liked, the share with the same main category"),
    Feature("mood_share", "of what was liked, the share with a mood in common"),
    Feature("format_share", "of what was liked, the share of the same format"),
    Feature("language_share", "of what was liked, the share in the same audio language", 1),
    Feature("near_any", "cosine to the nearest of the liked items"),
    Feature("near_mean", "cosine to the liked items, averaged by liking"),
    Feature("popularity_gap", "popularity percentile less the mean of the liked items', -1..1"),
    Feature("length_gap", "log minutes of a sitting less the mean of the liked items'"),
    Feature("paid_share", "of what was liked, the share that costs something; 0 for a free item"),
    Feature("price_gap", "price less the mean of the liked items', in units of the dearest item"),
    Feature("liked_count", "log(1 + number of liked items)"),
    # The listener in the short term.
    Feature("near_last", "cosine to the item liked last"),
    Feature("near_last3", "mean cosine to the last three liked"),
    Feature("near_last5", "mean cosine to the last five liked"),
    Feature("near_disliked", "cosine to the nearest of the last five disliked, at least 0", -1),
    Feature("author_recent", "1: by the author of one of the last five liked"),
    Feature("series_recent", "1: in the series of one of the last five liked"),
    Feature("hours_since", "log(1 + hours since the listener's last event)"),
    Feature("shown_left", "times shown since it was last touched, at most 10", -1),
    # The item.
    Feature("popularity", "percentile of the plays, 0..1"),
    Feature("quality", "Bayesian mean rating, 0..1", 1),
    Feature("recency", "how new, 0..1"),
    Feature("minutes", "log(1 + minutes of one sitting)"),
    Feature("free", "1: costs nothing"),
    Feature("completed", "1: no episode will follow"),
    Feature("age_mark", "index of the age mark, 0 (all) to 3 (18+)"),
    Feature("ratings", "log(1 + number of ratings)"),
    Feature("days_here", "log(1 + days in the catalogue)"),
    # The moment.
    Feature("hour", "hour of the day of the request, 0..23"),
    Feature("weekend", "1: Saturday or Sunday"),
    Feature("page_language", "1: audio in the language of the page", 1),
    Feature("more", "1: further items after a list"),
    # The sources, each in 0..1; 0: not its own.
    Feature("collaborative", "liked by those with a like history", 1),
    Feature("taste", "near the mean of the liked items"),
    Feature("recent", "near one of the last five liked"),
    Feature("habit", "in a category of most of the liked items"),
    Feature("neighbours", "often liked together with the last five liked"),
    Feature("graph", "where a walk from the liked items ends"),
    Feature("sequence", "likely to come next", 1),
    Feature("trending", "heard more than usual"),
    Feature("agreeing", "number of the sources above with more than 0"),
    # The exposure.
    Feature("position", "place on the list from 0 when it was shown; in training as logged, at serving TOP_PLACE", -1),
)
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
OWN_SOURCES = ("collaborative", "taste", "recent", "habit", "trending")
"""Sources that recall always asks."""
MODEL_SOURCES = ("neighbours", "graph", "sequence")
"""Models whose scores are taken from the pool where recall has asked them, and asked here where not."""


def features(reading: Reading, pool: Pool, position: np.ndarray | None = None) -> np.ndarray:
    """float32 (n, f), columns as in FEATURES, one row a candidate.

    position: (n,) places from 0 on the lists that these candidates were shown on; in training only.
    """
    view = _View(reading, pool.rows)
    columns: dict[str, Column] = {
        **_long_term(view),
        **_short_term(view),
        **_item(view),
        **_moment(view),
        **_sources(reading, pool),
        "position": TOP_PLACE if position is None else position,
    }
    table = np.empty((len(pool), len(FEATURES)), dtype=np.float32)
    for place, name in enumerate(NAMES):
        table[:, place] = columns[name]
    return table


def history(reading: Reading) -> np.ndarray:
    """The liked rows, oldest first, as sequence models take them: int64."""
    return np.fromiter(reading.past.liked, dtype=np.int64, count=len(reading.past.liked))


def prepare(catalogue: Catalogue) -> None:
    """Work out what the features need of every item, so that no request has to wait for it: about 64 bytes an item.

    Both tables stay as long as the catalogue: a loop over a million items is not to come again because of what other
    requests looked for.
    """
    _codes(catalogue)
    _numbers(catalogue)


class _View:
    """The candidates beside what the listener liked: small tables that several features look at."""

    def __init__(self, reading: Reading, rows: np.ndarray) -> None:
        self.reading, self.rows = reading, rows
        self.liked = history(reading)[-LONGEST:]
        weights = np.array([reading.past.liked[row] for row in self.liked.tolist()], dtype=np.float32)
        self.shares = weights / max(float(weights.sum()), 1e-9)
        codes = _codes(reading.catalogue)
        self.mine, self.theirs = codes[rows], codes[self.liked]

    @cached_property
    def likeness(self) -> np.ndarray:
        """float32 (n, liked): cosines."""
        vectors = self.reading.catalogue.vectors
        return vectors[self.rows] @ vectors[self.liked].T

    def same(self, kind: str, last: int = LONGEST) -> np.ndarray:
        """bool (n, liked): whether a candidate and a liked item (of the last ones) have a code in common."""
        found = None
        for one in _PLACES[kind]:
            mine = self.mine[:, one, None]
            for other in _PLACES[kind]:
                equal = (mine == self.theirs[-last:, other]) & (mine >= 0)
                found = equal if found is None else found | equal
        assert found is not None
        return found

    def share(self, kind: str) -> np.ndarray:
        """The share of the liking that has the same."""
        return self.same(kind) @ self.shares

    def usual(self, column: np.ndarray) -> float:
        """The mean of a column over the liked items, by liking; over all items where nothing was liked."""
        return float(column[self.liked] @ self.shares) if len(self.liked) else float(column.mean())


_PLACES: Mapping[str, tuple[int, ...]] = {
    "author": (0,), "narrator": (1,), "series": (2,), "top": (3,), "leaf": (4,), "format": (5,), "language": (6,),
    "branch": (7, 8, 9), "mood": (10, 11, 12),
}  # fmt: skip
"""Where the code table holds what: equal codes in the places of one kind mean the same thing."""


def _codes(catalogue: Catalogue) -> np.ndarray:
    """int32 (items, places): numbers that stand for words, -1 for none."""
    return catalogue.pinned("feature codes", lambda: _coded(catalogue))


def _coded(catalogue: Catalogue) -> np.ndarray:
    items = catalogue.items
    words: list[Sequence[str | None]] = [
        [_first_person(item.author) for item in items],
        [_first_person(item.narrator) for item in items],
        [form(item.series) if item.series else None for item in items],
        [item.category.partition("/")[0] for item in items],
        [item.category for item in items],
        [item.format for item in items],
        [item.language for item in items],
    ]
    branches = [list(dict.fromkeys(branch(path) for path in item.categories))[:3] for item in items]
    table = np.full((len(items), 13), -1, dtype=np.int32)
    for place, column in enumerate(words):
        table[:, place] = _numbered(column)
    for start, lists in ((7, branches), (10, [item.moods[:3] for item in items])):
        codes: dict[str, int] = {}
        for row, names in enumerate(lists):
            for place, name in enumerate(names, start):
                table[row, place] = codes.setdefault(name, len(codes))
    return table


def _first_person(names: str | None) -> str | None:
    people = people_in(names) if names else ()
    return form(people[0]) if people else None


def _numbered(words: Sequence[str | None]) -> list[int]:
    codes: dict[str, int] = {}
    return [-1 if word is None else codes.setdefault(word, len(codes)) for word in words]


def _numbers(catalogue: Catalogue) -> np.ndarray:
    """float32 (items, 3): log minutes, log number of ratings, the day it was added."""
    return catalogue.pinned("feature numbers", lambda: _measured(catalogue))


def _measured(catalogue: Catalogue) -> np.ndarray:
    counts = np.array([item.ratings_count for item in catalogue.items], dtype=np.float32)
    days = np.array([item.added.toordinal() for item in catalogue.items], dtype=np.float32)
    return np.stack([np.log1p(catalogue.sitting_minutes), np.log1p(counts), days], axis=1).astype(np.float32)


def _long_term(view: _View) -> dict[str, Column]:
    catalogue, rows = view.reading.catalogue, view.rows
    shares = {f"{kind}_share": view.share(kind) for kind in _PLACES}
    minutes, some = _numbers(catalogue)[:, 0], len(view.liked) > 0
    paid = 1.0 - float(catalogue.free[view.liked] @ view.shares) if some else 0.0
    return {
        **shares,
        "near_any": view.likeness.max(axis=1) if some else 0.0,
        "near_mean": view.likeness @ view.shares,
        "popularity_gap": catalogue.popularity[rows] - view.usual(catalogue.popularity),
        "length_gap": minutes[rows] - view.usual(minutes),
        "paid_share": np.where(catalogue.free[rows], 0.0, paid),
        "price_gap": (catalogue.prices[rows] - view.usual(catalogue.prices)) / max(catalogue.dearest, 1e-9),
        "liked_count": float(np.log1p(len(view.reading.past.liked))),
    }


def _short_term(view: _View) -> dict[str, Column]:
    reading = view.reading
    near = {
        name: view.likeness[:, -last:].mean(axis=1) if len(view.liked) else 0.0
        for name, last in (("near_last", 1), ("near_last3", 3), ("near_last5", 5))
    }
    shown = reading.past.shown
    counts = [min(10, shown.get(row, 0)) for row in view.rows.tolist()] if shown else 0.0
    return {
        **near,
        "near_disliked": _near_disliked(view),
        "author_recent": np.asarray(view.same("author", 5).any(axis=1)),
        "series_recent": np.asarray(view.same("series", 5).any(axis=1)),
        "hours_since": _hours_since(reading),
        "shown_left": np.asarray(counts, dtype=np.float32),
    }


def _near_disliked(view: _View) -> Column:
    vectors, disliked = view.reading.catalogue.vectors, list(view.reading.past.disliked[-5:])
    if not disliked:
        return 0.0
    return np.maximum((vectors[view.rows] @ vectors[disliked].T).max(axis=1), 0.0)


def _hours_since(reading: Reading) -> float:
    touches = (event for event in reversed(reading.request.history.events) if event.kind != "impression")
    last = next(touches, None)
    hours = LONG_AGO if last is None else (reading.request.now - last.at).total_seconds() / 3600.0
    return float(np.log1p(max(0.0, hours)))


def _item(view: _View) -> dict[str, Column]:
    catalogue, rows = view.reading.catalogue, view.rows
    numbers, today = _numbers(catalogue)[rows], view.reading.request.now.toordinal()
    return {
        "popularity": catalogue.popularity[rows],
        "quality": catalogue.quality[rows],
        "recency": catalogue.recency[rows],
        "minutes": numbers[:, 0],
        "free": catalogue.free[rows],
        "completed": catalogue.completed[rows],
        "age_mark": catalogue.ages[rows],
        "ratings": numbers[:, 1],
        "days_here": np.log1p(np.maximum(0.0, today - numbers[:, 2])),
    }


def _moment(view: _View) -> dict[str, Column]:
    request = view.reading.request
    return {
        "hour": float(request.now.hour),
        "weekend": float(request.now.weekday() >= 5),
        "page_language": view.reading.catalogue.languages[view.rows] == request.ui_language,
        "more": float(request.intent == "more"),
    }


def _sources(reading: Reading, pool: Pool) -> dict[str, Column]:
    none = np.zeros(len(pool), dtype=np.float32)
    found = {name: pool.scores.get(name, none) for name in OWN_SOURCES}
    for name in MODEL_SOURCES:
        found[name] = pool.scores[name] if name in pool.scores else _of_model(reading, pool, name)
    return {**found, "agreeing": np.sum([scores > 0.0 for scores in found.values()], axis=0)}


def _of_model(reading: Reading, pool: Pool, name: str) -> np.ndarray:
    """The scores that the source of this name would have given."""
    scoring = HOME[name][0](reading)
    return np.zeros(len(pool), dtype=np.float32) if scoring is None else scoring.of(pool.rows)
