"""The indexes of the catalogue: categories, people, moods and scenes that were asked for, and the listener's habits."""

from __future__ import annotations

import numpy as np

from recommend.effects import having, heard_strength, thing
from recommend.kinship import branch
from recommend.pbox import Factor
from recommend.reading import Reading
from recommend.sources.scoring import Scoring, Sparse

WISH_MARGIN = 0.25
"""How much the fit to all other wishes orders the items of an index."""


def category(reading: Reading) -> Scoring | None:
    """The index of the categories asked for."""
    return _asked_for(reading, Factor.CATEGORY)


def entity(reading: Reading) -> Scoring | None:
    """The index of the people, series and theme words asked for."""
    return _asked_for(reading, Factor.ENTITY)


def mood(reading: Reading) -> Scoring | None:
    """The index of the moods asked for."""
    return _asked_for(reading, Factor.MOOD)


def scene(reading: Reading) -> Scoring | None:
    """The index of the scenes asked for."""
    return _asked_for(reading, Factor.SCENE)


def habit(reading: Reading) -> Scoring | None:
    """Of the categories (two levels deep) that most of the liked items belong to."""
    shares: dict[str, float] = {}
    for row, weight in reading.past.liked.items():
        for path in {branch(path) for path in reading.catalogue.items[row].categories}:
            shares[path] = shares.get(path, 0.0) + weight
    if not shares:
        return None
    catalogue = reading.catalogue
    rows = _allowed(reading, [catalogue.rows_with("category", path) for path in shares])
    scores = np.zeros(len(rows))
    for path, weight in shares.items():
        scores = np.maximum(scores, weight * catalogue.in_category(path)[rows])
    return Sparse(rows, np.sqrt(scores / max(shares.values())))


def fit(reading: Reading, rows: np.ndarray | slice) -> np.ndarray:
    """How well each row fits all wishes together, 0..1, with quality to settle ties."""
    return 1.0 / (1.0 + np.exp(-(reading.shift[rows] + reading.catalogue.quality[rows] - 0.5)))


def _asked_for(reading: Reading, factor: Factor) -> Scoring | None:
    wishes = [entry for entry in reading.request.pbox.of(factor) if entry.value > 0.0]
    if not wishes:
        return None
    rows = _allowed(reading, [reading.catalogue.rows_with(*thing(entry)) for entry in wishes])
    scores = np.zeros(len(rows))
    for entry in wishes:
        scores = np.maximum(scores, having(entry, reading.catalogue)[rows] * heard_strength(entry.value))
    return Sparse(rows, scores * (1.0 - WISH_MARGIN + WISH_MARGIN * fit(reading, rows)))


def _allowed(reading: Reading, found: list[np.ndarray]) -> np.ndarray:
    """The allowed rows of some indexes, ascending, each once."""
    if len(found) == 1:
        return found[0][reading.allowed[found[0]]]
    mask = np.zeros(len(reading.catalogue), dtype=bool)
    for rows in found:
        mask[rows] = True
    return np.flatnonzero(mask & reading.allowed)
