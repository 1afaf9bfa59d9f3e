"""Vectors of meaning with what all items have in common taken out.

Sentence vectors of one catalogue point much the same way and differ along few directions, so that a plain cosine says
"a book, fiction, a love story" before it says what is particular. Here vectors are centred and each principal direction
is divided by the root of its standard deviation: half of the whitening of Su et al. 2021 (arXiv:2103.15316), as the
whole of it makes noise of the weak directions louder than words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST = 0.02
"""Added to each deviation, as a share of the largest: directions in which a catalogue hardly varies say nothing."""
HALF = 0.5
TINY = 1e-6


@dataclass(frozen=True, eq=False)
class Whitening:
    """What is usual in a space of vectors."""

    mean: np.ndarray
    """The centre (d)."""
    turn: np.ndarray
    """What a centred vector is multiplied by (d x d)."""

    @classmethod
    def of(cls, vectors: np.ndarray) -> Whitening:
        """From vectors (n x d) that stand for all. Fewer than two, or all alike, leave every cosine as it is."""
        width = vectors.shape[1]
        mean = vectors.mean(axis=0) if len(vectors) else np.zeros(width)
        centred = (vectors - mean).astype(np.float64)
        spread, directions = np.linalg.eigh(centred.T @ centred / max(1, len(vectors)))
        deviation = np.sqrt(np.maximum(spread, 0.0))
        if deviation.max() < TINY:
            return cls(np.zeros(width, dtype=np.float32), np.eye(width, dtype=np.float32))
        scale = (deviation / deviation.max() + LEAST) ** -HALF
        return cls(mean.astype(np.float32), (directions * scale).astype(np.float32))

    def turned(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (n x d) in this space, of any length: the cosine of two of them is their likeness here."""
        return (vectors - self.mean) @ self.turn

    def towards(self, target: np.ndarray) -> np.ndarray:
        """The direction (length 1) whose inner product with a plain vector orders vectors about as the likeness does.

        About: the lengths of the turned vectors are left out. For looking up what is worth comparing.
        """
        direction = self.turn @ ((target - self.mean) @ self.turn)
        return direction / max(float(np.linalg.norm(direction)), TINY)
