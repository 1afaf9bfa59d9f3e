"""What the events of all listeners teach: who likes what together, and what is rising now.

EASE (a closed-form item-item model: one regularised inverse) over the most-heard items, and a
time-decayed count for trends. Everything here is computed once at start and read-only afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import numpy as np
from scipy import linalg, sparse

from catalog.catalogue import Catalogue
from recommend.request import Event

MOST_ITEMS = 2000
"""EASE inverts a dense matrix of this size at most; items beyond it are reached by the other sources."""
RIDGE = 60.0
TREND_HALF_LIFE_DAYS = 7.0
SKIP_SECONDS = 60.0
"""A dwell shorter than this says nothing good."""

STRENGTH = {"like": 1.0, "finished": 0.8, "save": 0.7, "play": 0.5, "click": 0.15, "skip": -0.3, "dislike": -1.0}


def strength(event: Event) -> float:
    """What one event says about liking its item, in [-1, 1]."""
    if event.kind == "rating":
        return ((event.value or 3.0) - 3.0) / 2.0
    if event.kind == "dwell":
        seconds = event.value or 0.0
        return min(0.6, seconds / 3600.0) if seconds >= SKIP_SECONDS else 0.0
    return STRENGTH.get(event.kind, 0.0)


@dataclass(frozen=True)
class Models:
    """What was learnt from events, as arrays over the catalogue's rows."""

    trending: np.ndarray
    """Per row, 0..1: how much it is heard these days."""
    rows: np.ndarray
    """The rows that the item-item model knows."""
    weights: np.ndarray
    """EASE weights between those rows: [from, to]."""
    together: np.ndarray
    """How many listeners liked both, for the same pairs."""
    place: dict[int, int] = field(default_factory=dict)
    """Row -> its index in `rows`."""

    @cached_property
    def hot(self) -> float:
        """The heat of `trending` from which an item is among the tenth that is heard most."""
        return max(float(np.quantile(self.trending, 0.9)), 1e-9) if len(self.trending) else 1.0

    @classmethod
    def empty(cls, catalogue: Catalogue) -> Models:
        """Models of a product that nobody has used yet."""
        none = np.zeros((0, 0), dtype=np.float32)
        return cls(np.zeros(len(catalogue), dtype=np.float32), np.zeros(0, dtype=np.int64), none, none)

    def likely(self, liked: dict[int, float]) -> np.ndarray | None:
        """Per row, 0..1: how well it goes with `liked` (row -> weight); None where nothing is known."""
        known = [(self.place[row], weight) for row, weight in liked.items() if row in self.place]
        if not known:
            return None
        places, weights = np.array([p for p, _ in known]), np.array([w for _, w in known], dtype=np.float32)
        return self._spread(np.maximum(weights @ self.weights[places], 0.0))

    def liked_both(self, one: int, other: int) -> int:
        """How many listeners liked both rows."""
        if one not in self.place or other not in self.place:
            return 0
        return int(self.together[self.place[one], self.place[other]])

    def _spread(self, scores: np.ndarray) -> np.ndarray | None:
        top = float(scores.max(initial=0.0))
        if top <= 0.0:
            return None
        dense = np.zeros(len(self.trending), dtype=np.float32)
        dense[self.rows] = scores / top
        return dense


def fit_models(catalogue: Catalogue, events: Iterable[Event]) -> Models:
    """Learn from `events`; items that the catalogue no longer has are passed over."""
    known = [(e, catalogue.row[e.item_id]) for e in events if e.item_id in catalogue.row and strength(e) != 0.0]
    if not known:
        return Models.empty(catalogue)
    trending = _trending(len(catalogue), known)
    liked = _liked(known)
    rows = _most_heard(liked, len(catalogue))
    if len(rows) < 2:
        return replace(Models.empty(catalogue), trending=trending)
    place = {int(row): index for index, row in enumerate(rows)}
    weights, together = _ease(liked, place)
    return Models(trending, rows, weights, together, place)


def _trending(size: int, known: list[tuple[Event, int]]) -> np.ndarray:
    last: datetime = max(event.at for event, _ in known)
    heat = np.zeros(size)
    for event, row in known:
        days = (last - event.at).total_seconds() / 86400.0
        heat[row] += max(strength(event), 0.0) * 2.0 ** (-days / TREND_HALF_LIFE_DAYS)
    return (heat / max(heat.max(), 1e-9)).astype(np.float32)


def _liked(known: list[tuple[Event, int]]) -> dict[str, dict[int, float]]:
    """Listener -> row -> summed strength, positive ones only."""
    taste: dict[str, dict[int, float]] = {}
    for event, row in known:
        mine = taste.setdefault(event.user_id, {})
        mine[row] = mine.get(row, 0.0) + strength(event)
    return {user: {row: s for row, s in mine.items() if s > 0.3} for user, mine in sorted(taste.items())}


def _most_heard(liked: dict[str, dict[int, float]], size: int) -> np.ndarray:
    counts = np.zeros(size, dtype=np.int64)
    for mine in liked.values():
        counts[list(mine)] += 1
    order = np.argsort(-counts, kind="stable")[:MOST_ITEMS]
    return np.sort(order[counts[order] > 0])


def _ease(liked: dict[str, dict[int, float]], place: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(user, place[row]) for user, mine in enumerate(liked.values()) for row in mine if row in place]
    users, items = zip(*pairs, strict=True)
    matrix = sparse.csr_matrix((np.ones(len(pairs)), (users, items)), shape=(len(liked), len(place)))
    together = (matrix.T @ matrix).toarray()
    factor = linalg.cho_factor(together + RIDGE * np.eye(len(place)), check_finite=False)
    inverse = linalg.cho_solve(factor, np.eye(len(place)), check_finite=False)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights.astype(np.float32), together.astype(np.float32)
