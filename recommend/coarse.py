"""Coarse ranking: a cheap linear score over about a thousand candidates, the best few hundred kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from recommend.campaigns import MOST_STRENGTH
from recommend.fine import LIKING, RISING, STANDING, TONGUES, standing, telling_logits, tongue
from recommend.reading import Reading
from recommend.recall import Pool
from recommend.wished import how_many, together

KEEP = 200
KEEP_NOVEL = 20
"""So many of the best candidates of new interests go on whatever their score: mixing picks from them."""
KEEP_WISHED = 12
"""So many of the best that meet a wish of this sitting go on likewise (`recommend.wished.answered`)."""

WEIGHTS: Mapping[str, float] = {
    **LIKING,
    "trending": 0.3,
    "query": 20.0,
    "similar": 5.0,
    "campaign": MOST_STRENGTH,
}
"""Logits per unit of a source's score; sources that only mirror the PBox are absent."""


def coarse(reading: Reading, pool: Pool, keep: int = KEEP) -> Pool:
    """The `keep` candidates with the highest linear score, best first."""
    scores = linear(reading, pool)
    order = np.lexsort((pool.rows, -scores))
    if len(order) > keep:
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        rank[np.unique(np.concatenate([order[:0], *_reserved(reading, pool, order)]))] -= len(order)
        order = order[np.isin(order, np.argsort(rank, kind="stable")[:keep])]
    return pool.take(order[:keep], scores)


def _reserved(reading: Reading, pool: Pool, order: np.ndarray) -> Iterator[np.ndarray]:
    """Places in the pool of what mixing may need though others score higher. order: of the pool, best first."""
    novel = pool.recalled.get("novel")
    if novel is not None:
        yield order[novel[order]][:KEEP_NOVEL]
    for wanted in together(reading, pool.rows):
        met = how_many(wanted, reading.catalogue, pool.rows[order])
        best = np.argsort(-met, kind="stable")
        yield order[best[met[best] > 0]][:KEEP_WISHED]


def linear(reading: Reading, pool: Pool) -> np.ndarray:
    """Standing, language, the sources' own scores and the PBox shifts, added up: what weighs most in the fine stage."""
    intent = reading.request.intent
    rises = intent == "trending"
    scores = (STANDING if rises else 1.0) * standing(reading, pool) + reading.shift[pool.rows]
    scores = scores + TONGUES.get(intent, 1.0) * tongue(reading, pool)
    weights = {**WEIGHTS, "trending": RISING} if rises else WEIGHTS
    for name, weight in (*weights.items(), ("told", telling_logits(reading))):
        if name in pool.scores:
            scores = scores + weight * pool.scores[name]
    return scores
