"""Measures of recommendation lists, one function each.

`ranked` is a list of item ids, best first; `relevant` the ids that are right for it. Every function is for one user;
`over_users` averages them and gives a confidence interval. k is the number of places looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

Id = Hashable


def precision(ranked: Sequence[Id], relevant: Collection[Id], k: int) -> float:
    """Share of the k places that hold a relevant item."""
    return _hits(ranked, relevant, k) / k


def recall(ranked: Sequence[Id], relevant: Collection[Id], k: int) -> float:
    """Share of the relevant items that stand on the k places; 0 where none is relevant."""
    return _hits(ranked, relevant, k) / len(relevant) if relevant else 0.0


def hit_rate(ranked: Sequence[Id], relevant: Collection[Id], k: int) -> float:
    """1 where at least one relevant item stands on the k places, else 0 (HR@k)."""
    return float(_hits(ranked, relevant, k) > 0)


def ndcg(ranked: Sequence[Id], relevant: Collection[Id], k: int) -> float:
    """Discounted cumulative gain over that of the best order, relevance 0 or 1 (Järvelin & Kekäläinen 2002)."""
    gain = sum(1.0 / math.log2(place + 2) for place, item in enumerate(ranked[:k]) if item in relevant)
    best = sum(1.0 / math.log2(place + 2) for place in range(min(k, len(relevant))))
    return gain / best if best else 0.0


def average_precision(ranked: Sequence[Id], relevant: Collection[Id], k: int) -> float:
    """Mean over the relevant items of the precision at their places, over min(k, number of relevant items) (MAP@k)."""
    found, total = 0, 0.0
    for place, item in enumerate(ranked[:k], start=1):
        if item in relevant:
            found += 1
            total += found / place
    return total / min(k, len(relevant)) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[Id], relevant: Collection[Id], k: int) -> float:
    """1 over the place of the first relevant item; 0 where none stands on the k places (MRR@k)."""
    return next((1.0 / place for place, item in enumerate(ranked[:k], start=1) if item in relevant), 0.0)


def intra_list_diversity(ranked: Sequence[Id], vectors: Mapping[Id, np.ndarray], k: int) -> float:
    """Mean of 1 − cosine over all pairs of the k items; 0 for fewer than two. vectors have length 1."""
    rows = np.array([vectors[item] for item in ranked[:k]])
    if len(rows) < 2:
        return 0.0
    likeness = rows @ rows.T
    pairs = len(rows) * (len(rows) - 1)
    return float(1.0 - (likeness.sum() - np.trace(likeness)) / pairs)


def novelty(ranked: Sequence[Id], heard_by: Mapping[Id, int], users: int, k: int) -> float:
    """Mean self-information −log2(listeners of the item / users) of the k items, in bits (Zhou et al. 2010).

    An item that nobody has heard counts as heard by one.
    """
    items = ranked[:k]
    return sum(-math.log2(max(1, heard_by.get(item, 0)) / users) for item in items) / len(items) if items else 0.0


def serendipity(ranked: Sequence[Id], relevant: Collection[Id], expected: Collection[Id], k: int) -> float:
    """Share of the k places with a relevant item that a plain recommender would not have shown (Ge et al. 2010)."""
    return sum(item in relevant and item not in expected for item in ranked[:k]) / k


def miscalibration(shown: Mapping[str, float], liked: Mapping[str, float], alpha: float = 0.01) -> float:
    """Kullback-Leibler divergence of the list's genre shares from the history's, in nats; 0 is calibrated (Steck 2018).

    The list's shares are mixed with a share `alpha` of the history's, so that a missing genre costs a finite amount.
    """
    return sum(
        share * math.log(share / ((1 - alpha) * shown.get(genre, 0.0) + alpha * share))
        for genre, share in liked.items()
        if share > 0
    )


def new_category_rate(categories: Sequence[str], known: Collection[str]) -> float:
    """Share of exposures (or clicks) whose top category is not among those of the last 200 clicks (ENR, CNR; Dewu)."""
    return sum(category not in known for category in categories) / len(categories) if categories else 0.0


def satisfied(allowed: Sequence[bool]) -> float:
    """Share of the shown items that obey every stated constraint; 1 for an empty list."""
    return sum(allowed) / len(allowed) if allowed else 1.0


def coverage(lists: Sequence[Sequence[Id]], items: int) -> float:
    """Share of the catalogue that stands on at least one list."""
    return len({item for ranked in lists for item in ranked}) / items


def gini(lists: Sequence[Sequence[Id]], items: int) -> float:
    """Inequality of exposure over the whole catalogue: 0 all alike, towards 1 all on one item."""
    counts: dict[Id, int] = {}
    for ranked in lists:
        for item in ranked:
            counts[item] = counts.get(item, 0) + 1
    exposed = np.sort(np.concatenate([np.zeros(items - len(counts)), np.array(list(counts.values()), dtype=float)]))
    total = exposed.sum()
    if not total:
        return 0.0
    return float((2 * np.arange(1, items + 1) - items - 1) @ exposed / (items * total))


class Estimate(NamedTuple):
    """A mean over users with its 95 % interval."""

    mean: float
    low: float
    high: float


def over_users(values: Sequence[float], seed: int = 0, samples: int = 1000) -> Estimate:
    """Mean and percentile bootstrap interval over users. ValueError for no user."""
    if not len(values):
        raise ValueError("no users to average over")
    array = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed)
    means = array[rng.integers(0, len(array), (samples, len(array)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(float(array.mean()), float(low), float(high))


AT_K: Mapping[str, Callable[[Sequence[Id], Collection[Id], int], float]] = {
    "precision": precision,
    "recall": recall,
    "hit_rate": hit_rate,
    "ndcg": ndcg,
    "map": average_precision,
    "mrr": reciprocal_rank,
}
"""The measures that need a ranking and what is relevant, by the name under which benchmarks print them."""


def _hits(ranked: Sequence[Id], relevant: Collection[Id], k: int) -> int:
    return sum(item in relevant for item in ranked[:k])
