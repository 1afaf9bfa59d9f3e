"""Where items lie in meaning, with what they are liked with taken into account.

A record may say little: of many books there is a title, an author, a genre. What the same listeners liked says the
rest, so an item lies between its own text and the mean of its neighbours: one step of feature propagation over the
item-item graph (Rossi et al. 2022, arXiv:2111.12128; simplified graph convolution, Wu et al. 2019, arXiv:1902.07153).
"""

from __future__ import annotations

import numpy as np

from catalog.catalogue import Catalogue
from recommend.neighbours import Neighbours

COMPANY = 0.6
"""What the mean of an item's neighbours counts beside its own text (1): see lab/LOG.md."""
TINY = 1e-6


def surrounded(rows: np.ndarray, catalogue: Catalogue, neighbours: Neighbours) -> np.ndarray:
    """The places of some rows in the catalogue's whitened space: float32 [n, d], each of length 1."""
    whitening, vectors = catalogue.whitening, catalogue.vectors
    own = unit(whitening.turned(vectors[rows]))
    likeness = neighbours.likeness[rows]
    shares = np.asarray(likeness.sum(axis=1))
    known = np.flatnonzero(shares[:, 0] > 0.0)
    if len(known):
        mean = (likeness[known] @ vectors) / shares[known]
        own[known] = unit(own[known] + COMPANY * unit(whitening.turned(mean)))
    return own


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [..., d] brought to length 1; what has no length stays nought."""
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), TINY)).astype(np.float32)
