"""Diversity: what each candidate loses for its likeness to those chosen so far.

Two measures behind one contract. `Nearest` is maximal marginal relevance (Carbonell & Goldstein 1998): the
likeness to the nearest one chosen. `Volume` is the greedy MAP of a determinantal point process (Chen, Zhang &
Zhou, NeurIPS 2018): kernel L = diag(q) S diag(q), where a candidate adds log q² + log d² to log det L and d² is
what the chosen ones leave of it, kept up to date by one row of a Cholesky factor a step.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

LEAST_LEFT = 1e-6
"""d² below this is rounding: the candidate lies within the span of those chosen."""


class Spread(Protocol):
    """Keeps the loss of n candidates up to date while places are given away."""

    def loss(self) -> np.ndarray:
        """Per candidate (n), 0 or more: what it loses for standing beside those chosen so far."""
        ...

    def add(self, place: int) -> None:
        """Candidate `place` was chosen."""
        ...


class Nearest:
    """The likeness (0..1) to the nearest one chosen."""

    def __init__(self, vectors: np.ndarray) -> None:
        """`vectors` (n × d) have length 1."""
        self._likeness = np.clip(vectors @ vectors.T, 0.0, 1.0)
        self._nearest = np.zeros(len(vectors))

    def loss(self) -> np.ndarray:
        return self._nearest

    def add(self, place: int) -> None:
        self._nearest = np.maximum(self._nearest, self._likeness[place])


class Volume:
    """-log d²: how little a candidate adds to the volume that the chosen ones span; rising, at most -log LEAST_LEFT."""

    def __init__(self, likeness: np.ndarray, weight: float = 1.0) -> None:
        """`likeness` (n × n) is positive semidefinite with ones on the diagonal; the loss is `weight` times -log d²."""
        self._likeness, self._weight = likeness, weight
        self._factor = np.zeros((0, len(likeness)))
        self._left = np.diag(likeness).astype(np.float64).copy()

    @classmethod
    def of(cls, vectors: np.ndarray, weight: float = 1.0) -> Volume:
        """Over vectors of length 1 (n × d), with likeness (1 + cosine) / 2."""
        unit = vectors.astype(np.float64)
        return cls(0.5 * (1.0 + unit @ unit.T), weight)

    def loss(self) -> np.ndarray:
        return -self._weight * np.log(np.clip(self._left, LEAST_LEFT, None))

    def add(self, place: int) -> None:
        left = max(float(self._left[place]), LEAST_LEFT)
        row = (self._likeness[place] - self._factor[:, place] @ self._factor) / np.sqrt(left)
        self._factor = np.vstack([self._factor, row])
        self._left = self._left - row**2
