"""The rows whose vectors lie nearest to a vector, among all rows or an allowed part of them.

Up to EXACT_MOST rows every vector is compared; above it an index reads a small part of them (`catalog.inverted`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np

EXACT_MOST = 50_000
SAMPLE = 2048


@dataclass(frozen=True)
class Among:
    """The rows that may be found, prepared once for several look-ups."""

    mask: np.ndarray
    """One truth value a row."""
    lists: np.ndarray | None = None
    """The list that each row is in, where there are lists."""
    totals: np.ndarray | None = None
    """How many rows each list has."""

    @cached_property
    def count(self) -> int:
        """How many rows are allowed."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def bits(self) -> np.ndarray:
        """The mask as a bitmap, lowest bit first."""
        return np.packbits(self.mask, bitorder="little")

    @cached_property
    def per_list(self) -> np.ndarray:
        """How many allowed rows each list has."""
        if self.lists is None or self.totals is None:
            return np.zeros(0, dtype=np.int64)
        # The smaller side is counted: most filters leave nearly all or very little.
        if 2 * self.count > len(self.mask):
            return self.totals - np.bincount(self.lists[~self.mask], minlength=len(self.totals))
        return np.bincount(self.lists[self.mask], minlength=len(self.totals))


class Nearest(Protocol):
    """Finds the rows nearest to a vector. Never changed; safe to use from several threads."""

    exact: bool
    """Whether every vector is compared."""
    sample: np.ndarray
    """The vectors of SAMPLE evenly spread rows: what is usual in this catalogue."""

    def among(self, mask: np.ndarray | None) -> Among:
        """The rows of a mask, prepared for `near`; None allows all."""
        ...

    def near(self, vector: np.ndarray, k: int, among: Among) -> tuple[np.ndarray, np.ndarray]:
        """At most `k` allowed rows nearest to `vector` (length 1), nearest first, and their cosines; ties by row."""
        ...


class Exact:
    """Compares every vector."""

    exact = True

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors
        self.sample = vectors[spread(len(vectors), SAMPLE)]

    def among(self, mask: np.ndarray | None) -> Among:
        return Among(np.ones(len(self._vectors), dtype=bool) if mask is None else mask)

    def near(self, vector: np.ndarray, k: int, among: Among) -> tuple[np.ndarray, np.ndarray]:
        rows = np.flatnonzero(among.mask)
        return first(rows, (self._vectors @ vector)[rows], k)


def nearest(vectors: np.ndarray, place: Path | None = None, *, threads: int = 1, seed: int = 0) -> Nearest:
    """The index over L2-normalised float32 `vectors` (n × d; may lie on disk as a memory map).

    place: a folder where the index is kept; it is made anew when the vectors are others than those it was made from.
    threads: for one look-up; making the index takes all there are.
    """
    if len(vectors) <= EXACT_MOST:
        return Exact(vectors)
    # faiss is loaded only for a catalogue that needs it.
    return import_module("catalog.inverted").opened(vectors, place, threads, seed)


def brute(vectors: np.ndarray, queries: np.ndarray, k: int, mask: np.ndarray | None = None) -> np.ndarray:
    """The `k` rows truly nearest to each query, in no order: int64 [queries, k]. Reads every vector, part by part."""
    k = min(k, len(vectors))
    rows = np.zeros((len(queries), 0), dtype=np.int64)
    scores = np.zeros((len(queries), 0), dtype=np.float32)
    for start in range(0, len(vectors), 100_000):
        part = queries @ np.asarray(vectors[start : start + 100_000]).T
        if mask is not None:
            part[:, ~mask[start : start + 100_000]] = -np.inf
        numbers = np.broadcast_to(np.arange(start, start + part.shape[1]), part.shape)
        scores, rows = np.hstack([scores, part]), np.hstack([rows, numbers])
        best = np.argpartition(-scores, min(k, scores.shape[1]) - 1, axis=1)[:, :k]
        scores, rows = np.take_along_axis(scores, best, 1), np.take_along_axis(rows, best, 1)
    return rows


def spread(size: int, count: int) -> np.ndarray:
    """At most `count` row numbers, evenly spread over `size`."""
    return np.linspace(0, size - 1, min(size, count)).astype(np.int64)


def first(rows: np.ndarray, cosines: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The `k` rows of the highest cosines, highest first, with them; ties by row."""
    if len(rows) > k > 0:
        edge = np.partition(cosines, len(rows) - k)[len(rows) - k]
        rows, cosines = rows[cosines >= edge], cosines[cosines >= edge]
    order = np.lexsort((rows, -cosines))[:k]
    return rows[order], cosines[order]
