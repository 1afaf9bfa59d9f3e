"""How much a candidate has to do with a history, by a deep interest network in ONNX (Zhou et al., KDD 2018).

An item enters as a projection of its content vector plus, where the model was trained on it, an embedding of its own:
an item that is new to the model is ranked by its content. Trained and written by `lab.recommender.din` and
`lab.recommender.din_export`; torch is not needed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from catalog.onnx_session import open_session
from recommend.arrays import load_arrays

GRAPH = "din.onnx"
ARRAYS = "din"
"""Projection and embeddings of the items (.npz) and the model's card (.json: features, training data, figures)."""


@dataclass(frozen=True, eq=False)
class DinRanker:
    """A trained model laid over the rows of one catalogue. Safe to use from several threads."""

    session: onnxruntime.InferenceSession
    vectors: np.ndarray
    """(items, d) content vectors of the catalogue, perhaps a memory map."""
    projection: np.ndarray
    """float32 (d, width)."""
    shift: np.ndarray
    """float32 (width,)."""
    own: np.ndarray
    """float32 (m + 1, width): embeddings of the model's items; the last row, zeros, is everything else's."""
    place: np.ndarray
    """int64, per catalogue row its place in `own`."""
    longest: int
    """Items of a history that it was trained to look at."""
    features: tuple[str, ...]
    """Names of the dense features in the order that the model wants; empty where they were not told."""

    @classmethod
    def load(cls, folder: Path, row: Mapping[str, int], vectors: np.ndarray) -> DinRanker:
        """The model of a folder, for a catalogue given as item id -> row and its content vectors.

        FileNotFoundError where a file is missing, ValueError where the vectors are of another width.
        """
        card, arrays = load_arrays(folder / ARRAYS)
        projection = arrays["projection"]
        if vectors.shape[1] != len(projection):
            raise ValueError(f"the model in {folder} wants vectors of width {len(projection)}, got {vectors.shape[1]}")
        rows = np.array([row.get(item, -1) for item in arrays["ids"].tolist()], dtype=np.int64)
        own = np.concatenate([arrays["own"], np.zeros_like(arrays["shift"])[None]])
        place = np.full(len(row), len(own) - 1, dtype=np.int64)
        place[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
        longest, features = int(card["longest"]), tuple(card["features"])
        session = _session(folder / GRAPH)
        return cls(session, vectors, projection, arrays["shift"], own, place, longest, features)

    def logits(self, candidates: np.ndarray, history: np.ndarray, dense: np.ndarray) -> np.ndarray:
        """float32 (n,): log odds that each candidate row (n,) is liked after the history rows (t,).

        history: oldest first, may be empty; of a longer one than the model was trained on, the latest count.
        dense: (n, f) raw features, in the order of `features`.
        """
        if not len(candidates):
            return np.zeros(0, dtype=np.float32)
        fed = {
            "candidates": _two(self._embedded(candidates)),
            "history": _two(self._embedded(history[-self.longest :])),
            "dense": _two(np.asarray(dense, dtype=np.float32)),
        }
        return np.asarray(self.session.run(["logits"], fed)[0])[: len(candidates)]

    def _embedded(self, rows: np.ndarray) -> np.ndarray:
        rows = np.asarray(rows, dtype=np.int64)
        known = np.asarray(self.vectors[rows], dtype=np.float32) @ self.projection
        return known + self.shift + self.own[self.place[rows]]


def _two(array: np.ndarray) -> np.ndarray:
    """At least two rows, as the graph wants; added rows are zeros, and an item of zeros adds nothing to an interest."""
    missing = max(0, 2 - len(array))
    return np.concatenate([array, np.zeros((missing, array.shape[1]), dtype=np.float32)]) if missing else array


def _session(path: Path) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; write it with `lab.recommender.din_export`")
    return open_session(path)
