"""ALS: listeners and items as factors, for catalogues that are too large for EASE.

Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets" (ICDM 2008), fitted by the library
`implicit`. A listener of the moment needs no fitting: with the item factors Y fixed, the listener's own factors are
x = (Y'Y + Y'(C - I)Y + reg I)^-1 Y'C p, solved here in numpy, so that serving needs arrays only. The confidence of a
liking of weight w is 1 + alpha w.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from recommend.arrays import load_arrays, save_arrays
from recommend.ease import known, places
from recommend.interactions import Interactions

FACTORS = 128
MOST_VALUES = 25_600_000
"""Factors times items: beyond 200,000 items there are fewer factors, but LEAST_FACTORS. Bounds time and memory."""
LEAST_FACTORS = 64
REGULARISATION = 5.0
ALPHA = 2.0
DAMPING = 0.1
"""Chosen on goodbooks, by NDCG@10 of listeners kept apart from those of the test."""
ROUNDS = 15


@dataclass(frozen=True, eq=False)
class Als:
    """Item factors over the rows that anyone liked."""

    items: int
    """Number of rows of the catalogue."""
    rows: np.ndarray
    """The rows that the model knows, ascending (int32)."""
    factors: np.ndarray
    """float32, one row for each of `rows`."""
    damping: np.ndarray
    """float32, for each of `rows`: its number of likers to the power of -DAMPING, which scores are multiplied by."""
    regularisation: float
    alpha: float

    @cached_property
    def place(self) -> np.ndarray:
        """Per catalogue row: its place in `rows`, or -1."""
        return places(self.rows, self.items)

    @cached_property
    def gram(self) -> np.ndarray:
        """Y'Y + reg I: what all listeners share."""
        width = self.factors.shape[1]
        return self.factors.T @ self.factors + self.regularisation * np.eye(width, dtype=np.float32)

    def listener(self, liked: Mapping[int, float]) -> np.ndarray | None:
        """The factors of a listener who liked `liked` (row -> weight, above 1 counts as 1); None if none is known."""
        found, weights = known(liked, self.place)
        if not len(found):
            return None
        confidence = 1.0 + self.alpha * np.minimum(weights, 1.0)
        mine = self.factors[found]
        left = self.gram + (mine * (confidence - 1.0)[:, None]).T @ mine
        return np.linalg.solve(left, confidence @ mine).astype(np.float32)

    def scores(self, liked: Mapping[int, float]) -> np.ndarray | None:
        """Per catalogue row: how well it goes with `liked`, about 0 to 1; 0 for unknown rows, None if none is known."""
        listener = self.listener(liked)
        if listener is None:
            return None
        dense = np.zeros(self.items, dtype=np.float32)
        dense[self.rows] = (self.factors @ listener) * self.damping
        return dense

    def save(self, path: Path) -> None:
        """Write PATH.npz and PATH.json."""
        settings = {
            "model": "als",
            "items": self.items,
            "regularisation": self.regularisation,
            "alpha": self.alpha,
        }
        save_arrays(path, settings, {"rows": self.rows, "factors": self.factors, "damping": self.damping})

    @classmethod
    def load(cls, path: Path) -> Als:
        """The model that was saved at `path`."""
        settings, arrays = load_arrays(path)
        return cls(
            items=settings["items"],
            rows=arrays["rows"],
            factors=arrays["factors"],
            damping=arrays["damping"],
            regularisation=settings["regularisation"],
            alpha=settings["alpha"],
        )


def fit_als(
    interactions: Interactions,
    *,
    factors: int | None = None,
    regularisation: float = REGULARISATION,
    alpha: float = ALPHA,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Als:
    """Fit the factors on one thread: the same interactions and seed give the same factors."""
    rows = interactions.heard
    width = factors or max(LEAST_FACTORS, min(FACTORS, MOST_VALUES // max(len(rows), 1)))
    liked = interactions.matrix[:, rows]
    liked.data = 1.0 + np.float32(alpha) * liked.data
    als, threads = importlib.import_module("implicit.als"), importlib.import_module("threadpoolctl")
    with threads.threadpool_limits(limits=1):
        model = als.AlternatingLeastSquares(
            factors=width,
            regularization=regularisation,
            alpha=1.0,
            iterations=rounds,
            random_state=seed,
            num_threads=1,
            use_gpu=False,
        )
        model.fit(liked, show_progress=False)
    return Als(
        items=interactions.items,
        rows=rows,
        factors=np.asarray(model.item_factors, dtype=np.float32),
        damping=(interactions.counts[rows] ** -DAMPING).astype(np.float32),
        regularisation=regularisation,
        alpha=alpha,
    )
