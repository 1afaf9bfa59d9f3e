"""Measures of recommendation lists, one function each.

`ranked` is a list of item ids, best first; `relevant` the ids that are right for it. k is the number of places looked
at. A measure of one list is for one user; `over_users` averages it and gives a confidence interval. `coverage`, `gini`
and `new_category_rate` are over all users at once, the last one as a ratio of sums.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

Id = Hashable
WINDOW = 200
"""So many of a user's last clicks say which categories are not new to them."""


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
    return ratio_over_users(values, [1.0] * len(values), seed, samples)


def ratio_over_users(parts: Sequence[float], wholes: Sequence[float], seed: int = 0, samples: int = 1000) -> Estimate:
    """The sum of the users' parts over that of their wholes, and its percentile bootstrap interval over users.

    ValueError for no user, and for one with nothing to have a part of.
    """
    if not len(wholes):
        raise ValueError("no users to average over")
    if min(wholes) <= 0.0:
        raise ValueError(f"a user has a whole of {min(wholes)}; leave out users with nothing to have a part of")
    part, whole = np.asarray(parts, dtype=float), np.asarray(wholes, dtype=float)
    drawn = np.random.default_rng(seed).integers(0, len(whole), (samples, len(whole)))
    low, high = np.percentile(part[drawn].sum(axis=1) / whole[drawn].sum(axis=1), [2.5, 97.5])
    return Estimate(float(part.sum() / whole.sum()), float(low), float(high))


class Touch(NamedTuple):
    """An item that a user was shown, or clicked."""

    user: Id
    at: datetime
    category: str
    """The item's top-level category."""


class NewCategories(NamedTuple):
    """How much of what users were shown, or clicked, was new to them."""

    new: int
    total: int
    rate: Estimate
    """new / total, the interval over users."""


def new_category_rate(touches: Iterable[Touch], clicks: Iterable[Touch]) -> NewCategories:
    """ENR where `touches` are exposures, CNR where they are clicks (Dewu, arXiv 2508.04032): the share whose top-level
    category none of the user's last WINDOW clicks before that moment has, as a ratio of sums over users.

    ValueError where there is no touch.
    """
    before = _by_user(clicks)
    counts = []
    for user, mine in _by_user(touches).items():
        own = before.get(user, [])
        times = [click.at for click in own]
        new = (touch.category not in _known(own, bisect_left(times, touch.at)) for touch in mine)
        counts.append((sum(new), len(mine)))
    news, totals = [new for new, _ in counts], [total for _, total in counts]
    return NewCategories(sum(news), sum(totals), ratio_over_users(news, totals))


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


def _by_user(touches: Iterable[Touch]) -> dict[Id, list[Touch]]:
    """Each user's touches, oldest first."""
    found: dict[Id, list[Touch]] = {}
    for touch in sorted(touches, key=lambda touch: touch.at):
        found.setdefault(touch.user, []).append(touch)
    return found


def _known(clicks: Sequence[Touch], until: int) -> set[str]:
    """The categories of the last WINDOW of the first `until` clicks."""
    return {click.category for click in clicks[max(0, until - WINDOW) : until]}
