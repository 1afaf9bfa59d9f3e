"""The item vectors as one file that another process may look into, without Chroma and without the embedding model.

DATA/vectors-OF.npy, where OF stands for the items that it is for (`recommend.models.fingerprint`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

_MARK = 16
"""Characters of the fingerprint that the name of a file holds."""


def keep_vectors(data_dir: Path, items: str, vectors: np.ndarray) -> None:
    """Write the vectors (n × d) of the items with this fingerprint, unless they are kept already. Files of others go.

    Whoever is killed in between leaves what was kept before.
    """
    kept = kept_vectors(data_dir, items)
    if kept is not None and np.array_equal(kept, vectors):
        return
    data_dir.mkdir(parents=True, exist_ok=True)
    path = _file(data_dir, items)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.save(file, np.asarray(vectors, dtype=np.float32), allow_pickle=False)
    part.replace(path)
    for other in data_dir.glob("vectors-*.npy"):
        if other != path:
            other.unlink(missing_ok=True)


def kept_vectors(data_dir: Path, items: str) -> np.ndarray | None:
    """The vectors of the items with this fingerprint: float32 (n, d), read from disk where they are touched.

    None where they were never kept, or cannot be read.
    """
    try:
        found = np.load(_file(data_dir, items), mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.ndim == 2 and found.dtype == np.float32 else None


def _file(data_dir: Path, items: str) -> Path:
    return data_dir / f"vectors-{items[:_MARK]}.npy"
