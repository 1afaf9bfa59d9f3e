"""New interests: good items of categories that the listener has neither liked nor asked for."""

from __future__ import annotations

import numpy as np

from recommend.reading import Reading
from recommend.sources.indexes import fit
from recommend.sources.scoring import Scoring, Sparse, ranked

WHOLE = 50_000
"""Up to so many items the whole catalogue is weighed against the wishes."""
LOOKED_AT = 20_000
"""Of a larger one, so many of the best of the unknown."""


def novel(reading: Reading) -> Scoring | None:
    """The best of the unknown, by standing and by how they fit all wishes."""
    discovering = reading.request.intent == "discover"
    if not reading.known and not discovering:
        return None
    unknown = reading.allowed.copy()
    for top in reading.known:
        unknown &= ~reading.catalogue.in_category(top)
    if not unknown.any():
        if not discovering:
            return None
        unknown = reading.allowed
    rows = _head(reading, unknown)
    quality, popularity = reading.catalogue.quality[rows], reading.catalogue.popularity[rows]
    return Sparse(rows, 0.3 * quality + 0.2 * popularity + 0.5 * fit(reading, rows))


def _head(reading: Reading, mask: np.ndarray) -> np.ndarray:
    """The rows of a mask, ascending; of very many those that stand best."""
    if len(mask) <= WHOLE:
        return np.flatnonzero(mask)
    catalogue = reading.catalogue
    standing = ranked(reading, "liking", lambda: 0.3 * catalogue.quality + 0.2 * catalogue.popularity)
    head = standing.order[: 8 * LOOKED_AT]
    head = head[mask[head]]
    if len(head) < LOOKED_AT:
        head = standing.order[mask[standing.order]]
    return np.sort(head[:LOOKED_AT])
