"""What a recall source answers: its best allowed rows, and a score for any rows that are asked for.

A score lies in [0, 1]; 0 means "not mine", and such a row is never among the best. No source has to score the whole
catalogue. Hard filters hold inside each: `best` gives allowed rows only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from catalog.nearest import Among
from recommend.reading import Reading


class Scoring(Protocol):
    """One source's view of the catalogue for one request."""

    def best(self, count: int, among: Among) -> np.ndarray:
        """At most `count` allowed rows with the highest positive scores, in any order; ties go to the earlier row."""
        ...

    def of(self, rows: np.ndarray) -> np.ndarray:
        """The scores of some allowed rows."""
        ...


Source = Callable[[Reading], Scoring | None]
"""None where the source has nothing to say to this request."""


@dataclass(frozen=True)
class Dense:
    """For a source that has a score for every row anyway."""

    scores: np.ndarray

    def best(self, count: int, among: Among) -> np.ndarray:
        rows = np.flatnonzero(among.mask & (self.scores > 0.0))
        return rows[highest(self.scores[rows], count)]

    def of(self, rows: np.ndarray) -> np.ndarray:
        return self.scores[rows]


@dataclass(frozen=True)
class Ranked:
    """For scores that never change: their order was made once, and only its first rows are looked at."""

    scores: np.ndarray
    order: np.ndarray
    """All rows, the highest score first, equal ones by row."""

    def best(self, count: int, among: Among) -> np.ndarray:
        looked = 4 * count
        while True:
            rows = self.order[:looked]
            fit = rows[among.mask[rows] & (self.scores[rows] > 0.0)]
            if len(fit) >= count or looked >= len(self.order):
                return fit[:count]
            looked *= 4

    def of(self, rows: np.ndarray) -> np.ndarray:
        return self.scores[rows]


@dataclass(frozen=True)
class Sparse:
    """For a source that speaks of some rows only, such as those of an index."""

    rows: np.ndarray
    """Ascending."""
    scores: np.ndarray

    def best(self, count: int, among: Among) -> np.ndarray:
        fit = np.flatnonzero(among.mask[self.rows] & (self.scores > 0.0))
        return self.rows[fit[highest(self.scores[fit], count)]]

    def of(self, rows: np.ndarray) -> np.ndarray:
        scores = np.zeros(len(rows), dtype=self.scores.dtype)
        if len(self.rows):
            places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
            found = self.rows[places] == rows
            scores[found] = self.scores[places[found]]
        return scores


def ranked(reading: Reading, name: str, make: Callable[[], np.ndarray]) -> Ranked:
    """Scores that depend on the catalogue alone, made and put in order on the first request that wants them."""
    scores = reading.catalogue.kept("scores", name, make)
    order = reading.catalogue.kept("order", name, lambda: np.argsort(-scores, kind="stable").astype(np.int32))
    return Ranked(scores, order)


def highest(scores: np.ndarray, count: int) -> np.ndarray:
    """The places of the `count` highest scores, in any order; equal scores go to the earlier place."""
    if len(scores) <= count:
        return np.arange(len(scores))
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > edge)
    return np.concatenate([above, np.flatnonzero(scores == edge)[: count - len(above)]])
