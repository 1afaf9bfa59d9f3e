"""What was told at length: its meaning and its words, and what goes with the best of that."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from catalog.search import Search
from recommend.reading import Reading
from recommend.sources.scoring import Scoring, Sparse, highest

HITS = 200
"""So many of the best by words, and of the nearest in meaning, are weighed."""
WORDS, KNOWN = 1.0, 0.1
"""What words and popularity count beside meaning (1). For books of which little is known words should count
less (0.3), in a catalogue whose moods and scenes are named more (2): in between both lose little."""
COMPANY: Mapping[int, float] = {3: 0.1, 10: 0.13}
"""What the company of so many of the best counts: the items most often liked with them, the first of those 1."""
# All but WORDS are the weights of a listwise softmax regression over 900 narrative requests on goodbooks (lab/LOG.md).


def told(reading: Reading, search: Search) -> Scoring | None:
    """Items by how well they fit what was told; the best has 1."""
    text = (reading.request.told or "").strip()
    if not text:
        return None
    catalogue = reading.catalogue
    vector = catalogue.embed(text)
    hits = sorted((hit.row, hit.score) for hit in search.query(text, HITS, reading.allowed))
    words = Sparse(np.array([row for row, _ in hits], dtype=np.int64), np.array([score for _, score in hits], "f4"))
    near, _ = catalogue.nearest.near(catalogue.whitening.towards(vector), HITS, reading.among)

    def fit(rows: np.ndarray) -> np.ndarray:
        meaning = catalogue.whitening.likeness(catalogue.vectors[rows], vector)
        return np.maximum(meaning, 0.0) + WORDS * words.of(rows) + KNOWN * catalogue.popularity[rows]

    rows = np.union1d(words.rows, near).astype(np.int64)
    if not len(rows):
        return None
    scores = fit(rows)
    company = _company(reading, rows, scores)
    new = np.setdiff1d(np.concatenate([rows[:0], *(beside.rows for beside in company)]), rows)
    rows, scores = np.concatenate([rows, new]), np.concatenate([scores, fit(new)])
    order = np.argsort(rows)
    rows, scores = rows[order], scores[order]
    for beside in company:
        scores = scores + beside.of(rows)
    return Sparse(rows, (scores / scores.max()).astype(np.float32)) if scores.max() > 0.0 else None


def _company(reading: Reading, rows: np.ndarray, scores: np.ndarray) -> list[Sparse]:
    """The allowed rows that go with the best of `rows`, for each depth of COMPANY, with what they gain."""
    found = []
    for depth, weight in COMPANY.items():
        best = highest(scores, depth)
        liked = {int(row): float(score) for row, score in zip(rows[best], scores[best], strict=True)}
        beside, likeness = reading.models.neighbours.reach(liked)
        if len(beside):
            mine = reading.allowed[beside]
            found.append(Sparse(beside[mine], (weight * likeness / likeness.max())[mine]))
    return found
