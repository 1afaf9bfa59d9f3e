"""EASE: which items the likers of an item like, in closed form, for catalogues of up to about 12,000 items.

Steck, "Embarrassingly shallow autoencoders for sparse data" (WWW 2019): with G = X'X + diagonal and P = G^-1 the
weights are B = -P / diag(P), diagonal 0. `dropout` adds p / (1 - p) of each item's own count to the diagonal, which
regularises popular items more (Steck, "Autoencoders that don't overfit towards the identity", NeurIPS 2020).
Memory while fitting: one dense float32 matrix (n x n: 576 MB at 12,000 items) and the sparse counts; the process peaked
at 0.95 GB on goodbooks (9,596 liked items).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.linalg import get_lapack_funcs

from recommend.arrays import best, empty_matrix, entry, load_arrays, packed, save_arrays, unpacked
from recommend.interactions import Interactions

MOST_ITEMS = 12_000
RIDGE = 60.0
DROPOUT = 0.4
DAMPING = 0.2
"""Chosen on goodbooks, by NDCG@10 of listeners kept apart from those of the test."""
LEAST_TOGETHER = 2
"""Pairs liked together by fewer listeners are not counted: nothing is ever said of them."""
_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class Ease:
    """Item-item weights over the rows that anyone liked."""

    items: int
    """Number of rows of the catalogue."""
    rows: np.ndarray
    """The rows that the model knows, ascending (int32)."""
    weights: np.ndarray
    """float32 [from, to] over places in `rows`; the diagonal is 0."""
    together: sparse.csr_matrix
    """How many listeners liked both, for the same pairs."""

    @classmethod
    def empty(cls, items: int) -> Ease:
        """A model of a product that nobody has used yet."""
        none = np.zeros((0, 0), dtype=np.float32)
        return cls(items, np.zeros(0, dtype=np.int32), none, empty_matrix(0, 0))

    @cached_property
    def place(self) -> np.ndarray:
        """Per catalogue row: its place in `rows`, or -1."""
        return places(self.rows, self.items)

    def scores(self, liked: Mapping[int, float]) -> np.ndarray | None:
        """Per catalogue row: how well it goes with `liked` (row -> weight), unbounded; None where none is known."""
        found, weights = known(liked, self.place)
        if not len(found):
            return None
        dense = np.zeros(self.items, dtype=np.float32)
        dense[self.rows] = weights @ self.weights[found]
        return dense

    def liked_both(self, one: int, other: int) -> int:
        """How many listeners liked both rows; 0 where they are fewer than LEAST_TOGETHER."""
        first, second = int(self.place[one]), int(self.place[other])
        return int(entry(self.together, first, second)) if first >= 0 and second >= 0 else 0

    def save(self, path: Path) -> None:
        """Write PATH.npz and PATH.json."""
        arrays = {"rows": self.rows, "weights": self.weights, **packed("together", self.together)}
        save_arrays(path, {"model": "ease", "items": self.items}, arrays)

    @classmethod
    def load(cls, path: Path) -> Ease:
        """The model that was saved at `path`."""
        settings, arrays = load_arrays(path)
        return cls(settings["items"], arrays["rows"], arrays["weights"], unpacked("together", arrays))


def fit_ease(
    interactions: Interactions,
    *,
    ridge: float = RIDGE,
    dropout: float = DROPOUT,
    damping: float = DAMPING,
    most_items: int = MOST_ITEMS,
) -> Ease:
    """Fit EASE on the `most_items` items with the most likers.

    `damping` divides what speaks for an item by its number of likers to that power: 0 is plain EASE, which leans to
    the popular.
    """
    rows = np.sort(interactions.heard[best(interactions.counts[interactions.heard], most_items)])
    if len(rows) < 2:
        return Ease.empty(interactions.items)
    liked = interactions.ones()[:, rows]
    together = sparse.csr_matrix(liked.T @ liked)
    together.sort_indices()
    counts = interactions.counts[rows].astype(np.float32)
    gram = together.toarray(order="F")
    np.fill_diagonal(gram, counts / (1.0 - dropout) + ridge)
    weights = _inverse(gram)
    weights /= -np.diag(weights)[None, :] * (counts**damping)[None, :]
    np.fill_diagonal(weights, 0.0)
    return Ease(interactions.items, rows, weights, _counted(together))


def places(rows: np.ndarray, items: int) -> np.ndarray:
    """Per catalogue row its place in `rows`, or -1 (int32)."""
    found = np.full(items, -1, dtype=np.int32)
    found[rows] = np.arange(len(rows), dtype=np.int32)
    return found


def known(liked: Mapping[int, float], place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places and weights (float32) of the liked rows that have a place and a positive weight."""
    rows = np.fromiter(liked.keys(), dtype=np.int64, count=len(liked))
    weights = np.fromiter(liked.values(), dtype=np.float32, count=len(liked))
    kept = (place[rows] >= 0) & (weights > 0.0)
    return place[rows[kept]], weights[kept]


def _inverse(gram: np.ndarray) -> np.ndarray:
    """The inverse of a positive definite matrix (float32, Fortran order), in its own memory, as a C-ordered array."""
    factorise, invert = get_lapack_funcs(("potrf", "potri"), (gram,))
    factor, failed = factorise(gram, lower=1, overwrite_a=1)
    if failed:
        raise ValueError(f"the item-item matrix is not positive definite (LAPACK {failed}); raise the ridge")
    lower, _ = invert(factor, lower=1, overwrite_c=1)
    whole = lower.T
    for start in range(0, len(whole), _BLOCK):
        end = min(start + _BLOCK, len(whole))
        whole[start:end, :start] = whole[:start, start:end].T
        corner = np.triu(whole[start:end, start:end])
        whole[start:end, start:end] = corner + np.triu(corner, 1).T
    return whole


def _counted(together: sparse.csr_matrix) -> sparse.csr_matrix:
    enough = together.data >= LEAST_TOGETHER
    ends = np.concatenate(([0], np.cumsum(enough)))[together.indptr]
    counts = together.data[enough].astype(np.int32)
    return sparse.csr_matrix((counts, together.indices[enough], ends), shape=together.shape)
