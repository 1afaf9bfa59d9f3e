"""What lies near in meaning: to the listener's taste, to the last items liked, to what was asked for.

A score is a cosine stretched so that what is usual in the catalogue has 0 and the nearest has 1: sentence vectors all
lie close together otherwise. A small catalogue is compared whole, a large one through its index (`catalog.nearest`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catalog.nearest import Among, spread
from recommend.effects import heard_strength, thing
from recommend.pbox import Entry, Factor
from recommend.reading import Reading
from recommend.sources.scoring import Dense, Scoring, highest

LEAST = 1e-6
"""Lengths and spans below this are nothing."""
LOOKED_AT = 600
"""So many of the nearest are looked up in a large catalogue, shared by the targets."""
CENTRE_ROWS = 2000
"""In a large catalogue the centre of an index is that of so many of its rows, evenly spread."""


def taste(reading: Reading) -> Scoring | None:
    """Near the mean of what the listener liked."""
    liked = reading.past.liked
    if not liked:
        return None
    weights = np.array(list(liked.values()), dtype=np.float32)
    return _near_one(reading, weights @ reading.catalogue.vectors[list(liked)])


def wish(reading: Reading) -> Scoring | None:
    """Near the centre of the categories and people that were asked for."""
    asked = [e for f in (Factor.CATEGORY, Factor.ENTITY) for e in reading.request.pbox.of(f) if e.value > 0.0]
    centre = np.zeros(reading.catalogue.vectors.shape[1], dtype=np.float32)
    for entry in asked:
        centre += heard_strength(entry.value) * _centre(reading, entry)
    return _near_one(reading, centre) if asked else None


def recent(reading: Reading) -> Scoring | None:
    """Near one of the last few liked items."""
    rows = list(reading.recent)
    return near(reading, reading.catalogue.vectors[rows], without=rows) if rows else None


def near(reading: Reading, targets: np.ndarray, without: Sequence[int] = ()) -> Scoring | None:
    """Near the nearest of some vectors of length 1 (float32 [m, d]); the rows `without` have nothing of it."""
    if reading.catalogue.nearest.exact:
        likeness = _likeness(reading.catalogue.vectors, targets)
        likeness[list(without)] = 0.0
        return _stretched(likeness)
    found = _looked_up(reading, targets)
    usual = float(_likeness(reading.catalogue.nearest.sample, targets).mean())
    mine = found[~np.isin(found, without)]
    best = float(_likeness(reading.catalogue.vectors[mine], targets).max(initial=-1.0))
    if best - usual <= LEAST:
        return None
    return Near(reading.catalogue.vectors, targets, mine, frozenset(without), usual, best)


@dataclass(frozen=True)
class Near:
    """The stretched likeness to the nearest of some targets, without a score for every row."""

    vectors: np.ndarray
    targets: np.ndarray
    found: np.ndarray
    """The allowed rows that an index found nearest, ascending."""
    without: frozenset[int]
    usual: float
    nearest: float

    def best(self, count: int, among: Among) -> np.ndarray:
        rows = self.found[among.mask[self.found]]
        scores = self.of(rows)
        rows, scores = rows[scores > 0.0], scores[scores > 0.0]
        return rows[highest(scores, count)]

    def of(self, rows: np.ndarray) -> np.ndarray:
        likeness = _likeness(self.vectors[rows], self.targets)
        likeness[np.isin(rows, list(self.without))] = 0.0
        return np.clip((likeness - self.usual) / (self.nearest - self.usual), 0.0, 1.0)


def _near_one(reading: Reading, centre: np.ndarray) -> Scoring | None:
    size = float(np.linalg.norm(centre))
    return None if size < LEAST else near(reading, (centre / size)[None, :])


def _looked_up(reading: Reading, targets: np.ndarray) -> np.ndarray:
    index = reading.catalogue.nearest
    found = [index.near(target, LOOKED_AT // len(targets), reading.among)[0] for target in targets]
    return np.unique(np.concatenate(found))


def _likeness(vectors: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The cosine of each vector and the target nearest to it."""
    return vectors @ targets[0] if len(targets) == 1 else (vectors @ targets.T).max(axis=1)


def _stretched(likeness: np.ndarray) -> Scoring | None:
    usual, best = float(likeness.mean()), float(likeness.max())
    return Dense(np.clip((likeness - usual) / (best - usual), 0.0, 1.0)) if best - usual > LEAST else None


def _centre(reading: Reading, entry: Entry) -> np.ndarray:
    """The mean vector of what has a category, person, series or theme word."""
    catalogue = reading.catalogue
    kind, key = thing(entry)
    rows = catalogue.rows_with(kind, key)
    if not len(rows):
        return np.zeros(catalogue.vectors.shape[1], dtype=np.float32)
    if not catalogue.nearest.exact:
        rows = rows[spread(len(rows), CENTRE_ROWS)]
    return catalogue.kept(f"centre {kind}", key, lambda: catalogue.vectors[rows].mean(axis=0))
