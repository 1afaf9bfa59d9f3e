"""AUC and GAUC: how often what was liked is ranked above what was not, over all and user by user.

GAUC = sum over users of n_u AUC_u / sum of n_u (Zhu et al. 2017; Zhou et al., KDD 2018), n_u being the user's examples;
users whose labels are all the same have no AUC and are left out.
"""

from __future__ import annotations

import numpy as np


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """The chance that a random positive scores above a random negative, a tie counting one half.

    ValueError where the labels (0 or 1) are all the same.
    """
    value = gauc(np.zeros(len(labels), dtype=np.int64), labels, scores)
    if np.isnan(value):
        raise ValueError("AUC needs a positive and a negative example")
    return value


def gauc(users: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean of the users' AUCs, weighted by their numbers of examples; NaN where no user has both labels.

    users: (n,) any values that tell users apart; labels: (n,) 0 or 1; scores: (n,), the higher the better.
    """
    if not len(users):
        return float("nan")
    group = np.unique(users, return_inverse=True)[1]
    good = np.asarray(labels) > 0.5
    ranks = _ranks(group, np.asarray(scores))
    count, positive = np.bincount(group), np.bincount(group, weights=good)
    negative = count - positive
    mixed = (positive > 0) & (negative > 0)
    if not mixed.any():
        return float("nan")
    wins = np.bincount(group, weights=ranks * good) - positive * (positive + 1) / 2
    areas = wins[mixed] / (positive[mixed] * negative[mixed])
    return float(np.average(areas, weights=count[mixed]))


def _ranks(group: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The rank of each score within its group, from 1 upwards; equal scores share their mean rank."""
    order = np.lexsort((scores, group))
    sorted_group, sorted_scores = group[order], scores[order]
    first = np.concatenate(([0], np.cumsum(np.bincount(group))[:-1]))
    change = np.ones(len(order), dtype=bool)
    change[1:] = (sorted_group[1:] != sorted_group[:-1]) | (sorted_scores[1:] != sorted_scores[:-1])
    starts = np.flatnonzero(change)
    ends = np.append(starts[1:], len(order))
    tie = np.cumsum(change) - 1
    ranks = np.empty(len(order))
    ranks[order] = (starts + ends - 1)[tie] / 2.0 + 1.0 - first[sorted_group]
    return ranks
