"""Learnt arrays: on disk as one .npz with its settings as JSON beside it (no pickles), and as sparse rows in use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse


def save_arrays(path: Path, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write PATH.npz and PATH.json; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _beside(path, ".npz").open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    text = json.dumps(dict(settings), indent=1, sort_keys=True)
    _beside(path, ".json").write_text(text + "\n", encoding="utf-8")


def load_arrays(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The settings and arrays that were saved at `path`. FileNotFoundError names a part that is missing."""
    settings = json.loads(_beside(path, ".json").read_text(encoding="utf-8"))
    with np.load(_beside(path, ".npz"), allow_pickle=False) as stored:
        return settings, {name: stored[name] for name in stored.files}


def packed(name: str, matrix: sparse.csr_matrix) -> dict[str, np.ndarray]:
    """A sparse matrix as plain arrays, to be saved among others."""
    return {
        f"{name}.data": matrix.data,
        f"{name}.indices": matrix.indices,
        f"{name}.indptr": matrix.indptr,
        f"{name}.shape": np.array(matrix.shape, dtype=np.int64),
    }


def unpacked(name: str, arrays: Mapping[str, np.ndarray]) -> sparse.csr_matrix:
    """The sparse matrix that `packed` took apart."""
    parts = (arrays[f"{name}.data"], arrays[f"{name}.indices"], arrays[f"{name}.indptr"])
    return sparse.csr_matrix(parts, shape=tuple(int(side) for side in arrays[f"{name}.shape"]))


def reached(matrix: sparse.csr_matrix, rows: np.ndarray, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where `mass` on `rows` goes in one step along a matrix: columns (with repeats) and what arrives at each.

    The same as `mass @ matrix[rows]` before it is summed up, at the cost of the touched entries alone.
    """
    starts, ends = matrix.indptr[rows], matrix.indptr[rows + 1]
    lengths = ends - starts
    shift = np.repeat(starts - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    places = np.arange(len(shift)) + shift
    return matrix.indices[places], matrix.data[places] * np.repeat(mass, lengths)


def entry(matrix: sparse.csr_matrix, row: int, column: int) -> float:
    """One entry of a matrix with sorted rows; 0 where there is none. Much quicker than indexing the matrix."""
    start, end = int(matrix.indptr[row]), int(matrix.indptr[row + 1])
    place = start + int(np.searchsorted(matrix.indices[start:end], column))
    return float(matrix.data[place]) if place < end and matrix.indices[place] == column else 0.0


def empty_matrix(rows: int, columns: int) -> sparse.csr_matrix:
    """A sparse matrix of zeros."""
    return sparse.csr_matrix((rows, columns), dtype=np.float32)


def best(scores: np.ndarray, count: int) -> np.ndarray:
    """Places of the `count` highest scores, in order of place; of equal scores the earlier places are taken."""
    if len(scores) <= count:
        return np.arange(len(scores))
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    taken = scores > edge
    taken[np.flatnonzero(scores == edge)[: count - int(taken.sum())]] = True
    return np.flatnonzero(taken)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
