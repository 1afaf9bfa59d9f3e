"""What others who like the same also like, learnt in four ways (`recommend.models`).

Asked with likings as the models were taught them, in strength and order. The last say most about the next one, so their
weight halves with every few places in the history: on goodbooks that is worth more than the choice of the model
(lab/LOG.md).
"""

from __future__ import annotations

import numpy as np

from recommend.reading import Reading
from recommend.sources.scoring import Dense, Scoring, Sparse

LATELY, JUST_NOW = 10.0, 3.0
"""Places in the history after which a liking counts half; chosen on goodbooks users apart from those measured."""


def collaborative(reading: Reading) -> Scoring | None:
    """Liked by listeners with a like history."""
    scores = reading.models.likely(_fading(reading, LATELY))
    return None if scores is None else Dense(scores)


def neighbours(reading: Reading) -> Scoring | None:
    """Often liked together with what was liked last."""
    rows, scores = reading.models.neighbours.reach(_fading(reading, JUST_NOW))
    return Sparse(rows, scores / scores.max()) if len(rows) else None


def graph(reading: Reading) -> Scoring | None:
    """Where a walk from the liked items ends, over listeners and over what the items share by their records."""
    scores = reading.models.graph.scores(_fading(reading, LATELY))
    return None if scores is None else Dense(scores / max(float(scores.max()), 1e-9))


def sequence(reading: Reading) -> Scoring | None:
    """Likely to come next after the liked items in their order; the best has 1, what is usual 0."""
    model, liked = reading.models.sequence, reading.past.likings
    scores = model.scores(np.fromiter(liked, dtype=np.int64, count=len(liked))) if model and liked else None
    if scores is None:
        return None
    usual, best = float(scores.mean()), float(scores.max())
    return Dense(np.clip((scores - usual) / (best - usual), 0.0, 1.0)) if best > usual else None


def beside(reading: Reading) -> Scoring | None:
    """Liked by those who like the item that the list should resemble."""
    row = reading.catalogue.row.get(reading.request.anchor or "")
    scores = None if row is None else reading.models.likely({row: 1.0})
    return None if scores is None else Dense(scores)


def _fading(reading: Reading, half_life: float) -> dict[int, float]:
    """The likings, oldest first, each with its strength less what its place from the end takes of it."""
    likings = reading.past.likings
    ages = range(len(likings) - 1, -1, -1)
    return {row: weight * 2.0 ** (-age / half_life) for age, (row, weight) in zip(ages, likings.items(), strict=True)}
