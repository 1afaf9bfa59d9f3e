"""Item-item neighbours: for each item the few that are most often liked with it, for "similar to what was just heard".

Shrunk asymmetric cosine over co-occurrence: s(i, j) = n_ij / (n_i^(1-a) n_j^a + shrink), where n_ij counts the
listeners who liked both (Sarwar et al., WWW 2001; the asymmetry a: Aiolli, RecSys 2013). Only the `keep` best of each
item are kept, so that a catalogue of a million items stays a sparse matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from recommend.arrays import best, empty_matrix, entry, load_arrays, packed, reached, save_arrays, unpacked
from recommend.interactions import Interactions

KEEP = 50
MOST_KEPT = 20_000_000
"""Pairs in all: beyond 400,000 items each keeps fewer, but LEAST_KEEP. Bounds memory (12 bytes a pair)."""
LEAST_KEEP = 10
SHRINK = 5.0
ASYMMETRY = 0.7
MOST_EACH = 1000
"""So many of a listener's last likings count: longer histories would cost with their square and say little."""
_WORK = 20_000_000
"""Pairs that are counted at a time: bounds the memory of fitting."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Items x items, sparse: the neighbours of each item and how many listeners liked both."""

    likeness: sparse.csr_matrix
    """float32 in (0, 1], columns sorted in each row."""
    together: sparse.csr_matrix
    """int32, the same pairs."""

    @classmethod
    def empty(cls, items: int) -> Neighbours:
        """A model of a product that nobody has used yet."""
        return cls(empty_matrix(items, items), empty_matrix(items, items))

    def scores(self, liked: Mapping[int, float]) -> np.ndarray | None:
        """Per catalogue row: its likeness to `liked` (row -> weight), summed; None where none has a neighbour."""
        rows, likeness = self.reach(liked)
        if not len(rows):
            return None
        dense = np.zeros(len(self.likeness.indptr) - 1, dtype=np.float32)
        dense[rows] = likeness
        return dense

    def reach(self, liked: Mapping[int, float]) -> tuple[np.ndarray, np.ndarray]:
        """The same without the zeros: rows, ascending, and their likeness (float32)."""
        rows = np.fromiter(liked.keys(), dtype=np.int64, count=len(liked))
        weights = np.fromiter(liked.values(), dtype=np.float32, count=len(liked))
        ends, values = reached(self.likeness, rows, weights)
        near, place = np.unique(ends, return_inverse=True)
        return near, np.bincount(place, weights=values, minlength=len(near)).astype(np.float32)

    def liked_both(self, one: int, other: int) -> int:
        """How many listeners liked both rows; 0 where neither is a neighbour of the other."""
        return int(max(entry(self.together, one, other), entry(self.together, other, one)))

    def save(self, path: Path) -> None:
        """Write PATH.npz and PATH.json."""
        arrays = {**packed("likeness", self.likeness), **packed("together", self.together)}
        save_arrays(path, {"model": "neighbours", "items": len(self.likeness.indptr) - 1}, arrays)

    @classmethod
    def load(cls, path: Path) -> Neighbours:
        """The model that was saved at `path`."""
        _, arrays = load_arrays(path)
        return cls(unpacked("likeness", arrays), unpacked("together", arrays))


def fit_neighbours(
    interactions: Interactions, *, keep: int | None = None, shrink: float = SHRINK, asymmetry: float = ASYMMETRY
) -> Neighbours:
    """The `keep` nearest of each item, by default as many as KEEP and MOST_KEPT allow."""
    if not len(interactions.heard):
        return Neighbours.empty(interactions.items)
    most = keep or max(LEAST_KEEP, min(KEEP, MOST_KEPT // interactions.items))
    liked = _last_likings(interactions)
    likers = sparse.csr_matrix(liked.T)
    counts = np.diff(likers.indptr).astype(np.float32)
    own, others = counts ** (1.0 - asymmetry), counts**asymmetry
    sizes, near, likeness, together = [np.zeros(1, dtype=np.int64)], [], [], []
    for start, end in _chunks(likers, np.diff(liked.indptr)):
        block = sparse.csr_matrix(likers[start:end] @ liked)
        froms = np.repeat(np.arange(start, end), np.diff(block.indptr))
        like = block.data / (own[froms] * others[block.indices] + np.float32(shrink))
        like[froms == block.indices] = 0.0
        taken = _nearest(like, block.indptr, most)
        sizes.append(np.bincount(froms[taken] - start, minlength=end - start))
        near.append(block.indices[taken])
        likeness.append(like[taken])
        together.append(block.data[taken])
    ends, columns = np.cumsum(np.concatenate(sizes)), np.concatenate(near)
    return _in_order(ends, columns, np.concatenate(likeness), np.concatenate(together))


def _nearest(like: np.ndarray, ends: np.ndarray, most: int) -> np.ndarray:
    """Places of the `most` highest positive values of each row."""
    taken = like > 0.0
    for row in np.flatnonzero(np.diff(ends) > most):
        mine = slice(ends[row], ends[row + 1])
        chosen = best(like[mine], most)
        taken[mine] = False
        taken[ends[row] + chosen] = like[ends[row] + chosen] > 0.0
    return np.flatnonzero(taken)


def _in_order(ends: np.ndarray, columns: np.ndarray, likeness: np.ndarray, together: np.ndarray) -> Neighbours:
    """Both matrices with sorted rows, over one array of columns."""
    shape = (len(ends) - 1, len(ends) - 1)
    order = sparse.csr_matrix((np.arange(len(columns)), columns, ends), shape=shape)
    order.sort_indices()
    places = np.asarray(order.data, dtype=np.int64)
    return Neighbours(
        sparse.csr_matrix((likeness[places].astype(np.float32), order.indices, order.indptr), shape=shape),
        sparse.csr_matrix((together[places].astype(np.int32), order.indices, order.indptr), shape=shape),
    )


def _last_likings(interactions: Interactions) -> sparse.csr_matrix:
    """Listeners x items, 1 for each of the last MOST_EACH likings."""
    kept = [rows[-MOST_EACH:] for rows in interactions.sequences]
    ends, columns = np.cumsum([0, *map(len, kept)]), np.concatenate(kept)
    shape = (len(kept), interactions.items)
    built = sparse.csr_matrix((np.ones(len(columns), dtype=np.float32), columns, ends), shape=shape)
    built.sort_indices()
    return built


def _chunks(likers: sparse.csr_matrix, lengths: np.ndarray) -> Iterator[tuple[int, int]]:
    """Ranges of items whose pairs number about _WORK together."""
    work = np.cumsum(likers @ lengths.astype(np.float64))
    start, items = 0, len(likers.indptr) - 1
    while start < items:
        done = work[start - 1] if start else 0.0
        end = max(start + 1, int(np.searchsorted(work, done + _WORK, side="right")))
        yield start, end
        start = end
