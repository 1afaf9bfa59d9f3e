"""The numbers of a catalogue as columns: one array over all items for each thing that a ranking needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catalog.items import Item

_LEAST_PRIOR = 10.0


def percentile(values: np.ndarray) -> np.ndarray:
    """Rank of each value among all, 0 to 1; equal values share the middle of their ranks; 0.5 where all are equal."""
    if len(values) < 2:
        return np.full(len(values), 0.5, dtype=np.float32)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    middle = (ends - counts + ends - 1) / 2
    return (middle[inverse] / (len(values) - 1)).astype(np.float32)


def popularity(items: Sequence[Item]) -> np.ndarray:
    """Percentile of the plays, 0 (nobody hears it) to 1 (the most played)."""
    return percentile(np.array([item.plays for item in items], dtype=np.float64))


def quality(items: Sequence[Item]) -> np.ndarray:
    """Bayesian mean rating: few ratings are drawn towards the mean of all; the 1st to 99th percentile span 0 to 1."""
    counts = np.array([item.ratings_count if item.rating else 0 for item in items], dtype=np.float64)
    stars = np.array([item.rating for item in items], dtype=np.float64)
    if not counts.sum():
        return np.full(len(items), 0.5, dtype=np.float32)
    mean = float(stars[counts > 0].mean())
    prior = max(_LEAST_PRIOR, float(np.percentile(counts[counts > 0], 25)))
    drawn = (counts * stars + prior * mean) / (counts + prior)
    low, high = np.percentile(drawn, [1, 99])
    if high <= low:
        return np.full(len(items), 0.5, dtype=np.float32)
    return np.clip((drawn - low) / (high - low), 0, 1).astype(np.float32)


def recency(items: Sequence[Item]) -> np.ndarray:
    """How new it is, 0 to 1: half the percentile of the day it was added, half that of its year of publication."""
    added = np.array([item.added.toordinal() for item in items], dtype=np.float64)
    years = np.array([item.added.year if item.year is None else item.year for item in items], dtype=np.float64)
    return ((percentile(added) + percentile(years)) / 2).astype(np.float32)


def coded(words: Sequence[str]) -> tuple[np.ndarray, dict[str, int]]:
    """Each word as a small number, uint16, and the numbers by word."""
    codes: dict[str, int] = {}
    return np.array([codes.setdefault(word, len(codes)) for word in words], dtype=np.uint16), codes


def coded_lists(lists: Sequence[Sequence[str]]) -> tuple[np.ndarray, dict[str, int]]:
    """Lists of words as small numbers (int16 [places, lists], -1 where a list has ended), and the numbers by word."""
    codes: dict[str, int] = {}
    table = np.full((max(map(len, lists), default=0), len(lists)), -1, dtype=np.int16)
    for row, words in enumerate(lists):
        for place, word in enumerate(words):
            table[place, row] = codes.setdefault(word, len(codes))
    return table, codes
