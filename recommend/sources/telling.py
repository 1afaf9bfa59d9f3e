"""What was told at length: its meaning and its words, and what lies near the best of that."""

from __future__ import annotations

import numpy as np

from catalog.search import Search
from recommend.reading import Reading
from recommend.sources.scoring import Scoring, Sparse, highest
from recommend.surroundings import surrounded, unit

HITS = 200
"""So many of the best by words, and of the nearest in meaning, are weighed."""
WORDS, KNOWN = 1.4, 0.1
"""What words and popularity count beside meaning (1)."""
BEST = 10
"""The neighbours of so many of the best are weighed too, and the middle of these best is asked once more."""
MIDDLE, SHARPNESS = 0.8, 10.0
"""What nearness to that middle counts, and how steeply a better fit weighs more in it: pseudo-relevance feedback
(Rocchio 1971), as the best hits say in the catalogue's own terms what was told in somebody's words."""
# Chosen on 900 narrative requests on goodbooks, with an eye on 358 on the demonstration (lab/LOG.md).


def told(reading: Reading, search: Search) -> Scoring | None:
    """Items by how well they fit what was told; the best has 1."""
    text = (reading.request.told or "").strip()
    if not text:
        return None
    catalogue, neighbours = reading.catalogue, reading.models.neighbours
    vector = catalogue.embed(text)
    hits = sorted((hit.row, hit.score) for hit in search.query(text, HITS, reading.allowed))
    words = Sparse(np.array([row for row, _ in hits], dtype=np.int64), np.array([score for _, score in hits], "f4"))
    near, _ = catalogue.nearest.near(catalogue.whitening.towards(vector), HITS, reading.among)
    aim = unit(catalogue.whitening.turned(vector[None, :]))[0]

    def fit(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        return np.maximum(places @ aim, 0.0) + WORDS * words.of(rows) + KNOWN * catalogue.popularity[rows]

    rows = np.union1d(words.rows, near).astype(np.int64)
    if not len(rows):
        return None
    places = surrounded(rows, catalogue, neighbours)
    scores = fit(rows, places)
    more = _beside(reading, rows[highest(scores, BEST)], rows)
    more_places = surrounded(more, catalogue, neighbours)
    rows, places = np.concatenate([rows, more]), np.concatenate([places, more_places])
    scores = np.concatenate([scores, fit(more, more_places)])
    scores = scores + MIDDLE * np.maximum(places @ _middle(places, scores), 0.0)
    order = np.argsort(rows)
    return Sparse(rows[order], (scores / scores.max())[order].astype(np.float32)) if scores.max() > 0.0 else None


def _beside(reading: Reading, best: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The allowed rows that are liked with the `best` and are not among `rows`."""
    beside, _ = reading.models.neighbours.reach(dict.fromkeys(best.tolist(), 1.0))
    return np.setdiff1d(beside[reading.allowed[beside]], rows).astype(np.int64)


def _middle(places: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The direction in which the BEST lie, the better the more."""
    best = highest(scores, BEST)
    return unit(np.exp(SHARPNESS * (scores[best] - scores.max())) @ places[best])
