"""What comes next, by a SASRec model in ONNX: the order of a history counts, not only what is in it.

Self-attentive sequential recommendation (Kang & McAuley, ICDM 2018). The graph turns the item vectors of a history into
one state; an item's score is the dot product of that state with the item's own vector. Trained and written by
`lab.recommender.sasrec` and `lab.recommender.sasrec_export`; torch is not needed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from catalog.onnx_session import open_session
from recommend.arrays import load_arrays

GRAPH = "sequence.onnx"
ARRAYS = "sequence"
"""ids and vectors of the model's items (.npz) and its card (.json: longest history, training data, figures)."""


@dataclass(frozen=True, eq=False)
class SequenceModel:
    """A trained model laid over the rows of one catalogue. Safe to use from several threads."""

    session: onnxruntime.InferenceSession
    vectors: np.ndarray
    """float32 (m, width): of the model's items that the catalogue has."""
    rows: np.ndarray
    """int64 (m,): the catalogue's row of each."""
    place: np.ndarray
    """int64, per catalogue row its place in `vectors`, or -1."""
    longest: int
    """Items of a history that the model looks at, the latest known ones."""

    @classmethod
    def load(cls, folder: Path, row: Mapping[str, int]) -> SequenceModel:
        """The model of a folder, for a catalogue given as item id -> row (`Catalogue.row`).

        Items that only one side knows are passed over. FileNotFoundError where a file is missing.
        """
        card, arrays = load_arrays(folder / ARRAYS)
        rows = np.array([row.get(item, -1) for item in arrays["ids"].tolist()], dtype=np.int64)
        vectors, rows = arrays["vectors"][rows >= 0], rows[rows >= 0]
        place = np.full(len(row), -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        return cls(_session(folder / GRAPH), vectors, rows, place, int(card["longest"]))

    def scores(self, rows_oldest_first: np.ndarray) -> np.ndarray | None:
        """float32 per catalogue row, unbounded, the higher the likelier next; None where no row is known.

        Rows that the model does not know score as low as the lowest that it does. What was heard is scored too.
        """
        known = self.place[rows_oldest_first]
        known = known[known >= 0][-self.longest :]
        if not len(known):
            return None
        scores = self.vectors @ self._state(self.vectors[known])
        dense = np.full(len(self.place), scores.min(), dtype=np.float32)
        dense[self.rows] = scores
        return dense

    def _state(self, heard: np.ndarray) -> np.ndarray:
        """(t, width) item vectors, oldest first, to the state (width,) after the last of them.

        The graph wants two steps at least; a step of zeros behind the history is never looked at.
        """
        count = len(heard)
        padded = np.concatenate([heard, np.zeros_like(heard)])[: max(count, 2)]
        fed = {"vectors": padded[None], "lengths": np.array([count], dtype=np.int64)}
        return np.asarray(self.session.run(["states"], fed)[0])[0, count - 1]


def _session(path: Path) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; write it with `python -m lab.recommender.sasrec_export`")
    return open_session(path)
