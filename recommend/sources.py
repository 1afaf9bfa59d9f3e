"""The recall sources: each says in its own way what could belong on the list.

A source is a function of a reading that gives every row a score in [0, 1] (0: not mine), or None
where it has nothing to say. Hard filters are applied by `recall` before it takes the best of each.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from recommend.effects import having, heard_strength
from recommend.kinship import branch
from recommend.pbox import Entry, Factor
from recommend.reading import Reading

Source = Callable[[Reading], np.ndarray | None]

WISH_MARGIN = 0.25
"""How much the fit to all other wishes orders the items of a category, mood, scene or person index."""


def popular(reading: Reading) -> np.ndarray | None:
    """Much heard and well rated."""
    return 0.6 * reading.catalogue.popularity + 0.4 * reading.catalogue.quality


def hidden(reading: Reading) -> np.ndarray | None:
    """Well rated but little heard; asked for by a negative popularity."""
    if reading.request.pbox.value(Factor.POPULARITY) >= 0.0:
        return None
    return (1.0 - reading.catalogue.popularity) * (0.3 + 0.7 * reading.catalogue.quality)


def trending(reading: Reading) -> np.ndarray | None:
    """Heard by many these days."""
    return reading.models.trending if reading.models.trending.any() else None


def fresh(reading: Reading) -> np.ndarray | None:
    """New in the catalogue, or (negative recency) the oldest."""
    value = reading.request.pbox.value(Factor.RECENCY)
    if value == 0.0:
        return None
    recency = reading.catalogue.recency if value > 0.0 else 1.0 - reading.catalogue.recency
    return recency * (0.5 + 0.5 * reading.catalogue.quality)


def taste(reading: Reading) -> np.ndarray | None:
    """Near the mean of what the listener liked."""
    liked = reading.past.liked
    if not liked:
        return None
    weights = np.array(list(liked.values()), dtype=np.float32)
    return _near(reading, weights @ reading.catalogue.vectors[list(liked)])


def wish(reading: Reading) -> np.ndarray | None:
    """Near the centre of the categories and people that were asked for."""
    asked = [e for f in (Factor.CATEGORY, Factor.ENTITY) for e in reading.request.pbox.of(f) if e.value > 0.0]
    centre = np.zeros(reading.catalogue.vectors.shape[1], dtype=np.float32)
    for entry in asked:
        rows = np.flatnonzero(having(entry, reading.catalogue))
        if len(rows):
            centre += heard_strength(entry.value) * reading.catalogue.vectors[rows].mean(axis=0)
    return _near(reading, centre) if asked else None


def recent(reading: Reading) -> np.ndarray | None:
    """Near one of the last few liked items."""
    rows = list(reading.recent)
    if not rows:
        return None
    near = (reading.catalogue.vectors @ reading.catalogue.vectors[rows].T).max(axis=1)
    near[rows] = 0.0
    return _stretched(near)


def habit(reading: Reading) -> np.ndarray | None:
    """Of the categories (two levels deep) that most of the liked items belong to."""
    shares: dict[str, float] = {}
    for row, weight in reading.past.liked.items():
        for path in {branch(path) for path in reading.catalogue.items[row].categories}:
            shares[path] = shares.get(path, 0.0) + weight
    if not shares:
        return None
    scores = np.zeros(len(reading.catalogue), dtype=np.float32)
    for path, weight in shares.items():
        scores = np.maximum(scores, weight * reading.catalogue.in_category(path))
    return np.sqrt(scores / max(shares.values()))


def collaborative(reading: Reading) -> np.ndarray | None:
    """Liked by listeners with a like history."""
    return reading.models.likely(reading.past.liked)


def category(reading: Reading) -> np.ndarray | None:
    """The index of the categories asked for."""
    return _asked_for(reading, Factor.CATEGORY)


def entity(reading: Reading) -> np.ndarray | None:
    """The index of the people, series and theme words asked for."""
    return _asked_for(reading, Factor.ENTITY)


def mood(reading: Reading) -> np.ndarray | None:
    """The index of the moods asked for."""
    return _asked_for(reading, Factor.MOOD)


def scene(reading: Reading) -> np.ndarray | None:
    """The index of the scenes asked for."""
    return _asked_for(reading, Factor.SCENE)


def novel(reading: Reading) -> np.ndarray | None:
    """Good items of categories that the listener has neither liked nor asked for."""
    if not reading.known and reading.request.intent != "discover":
        return None
    unknown = np.ones(len(reading.catalogue), dtype=bool)
    for top in reading.known:
        unknown &= ~reading.catalogue.in_category(top)
    if not unknown.any():
        if reading.request.intent != "discover":
            return None
        unknown[:] = True
    liking = 0.3 * reading.catalogue.quality + 0.2 * reading.catalogue.popularity + 0.5 * _fit(reading)
    return unknown * liking


def _asked_for(reading: Reading, factor: Factor) -> np.ndarray | None:
    wishes: list[Entry] = [e for e in reading.request.pbox.of(factor) if e.value > 0.0]
    if not wishes:
        return None
    scores = np.zeros(len(reading.catalogue), dtype=np.float32)
    for entry in wishes:
        scores = np.maximum(scores, having(entry, reading.catalogue) * heard_strength(entry.value))
    return scores * (1.0 - WISH_MARGIN + WISH_MARGIN * _fit(reading))


def _fit(reading: Reading) -> np.ndarray:
    """How well each row fits all wishes together, 0..1, with quality to settle ties."""
    return 1.0 / (1.0 + np.exp(-(reading.shift + reading.catalogue.quality - 0.5)))


def _near(reading: Reading, centre: np.ndarray) -> np.ndarray | None:
    size = float(np.linalg.norm(centre))
    if size < 1e-6:
        return None
    return _stretched(reading.catalogue.vectors @ (centre / size))


def _stretched(likeness: np.ndarray) -> np.ndarray | None:
    """Cosines as scores: the mean is 0, the best is 1. Sentence vectors all lie close together otherwise."""
    mean, best = float(likeness.mean()), float(likeness.max())
    return np.clip((likeness - mean) / (best - mean), 0.0, 1.0) if best - mean > 1e-6 else None
