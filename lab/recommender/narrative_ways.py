"""Ways to answer a free text that the product's own is measured beside: none of them reads what is said."""

from __future__ import annotations

import numpy as np

from catalog.catalogue import Catalogue
from catalog.search import Search
from recommend.models import Models
from recommend.reading import read
from recommend.request import Request
from recommend.sources.telling import told

DEPTH = 100
"""Places of each list."""


class Ways:
    """Over one catalogue and its models."""

    def __init__(self, catalogue: Catalogue, search: Search, models: Models) -> None:
        self.catalogue, self.search, self.models = catalogue, search, models

    def near(self, text: str) -> list[str]:
        """By the cosine with the text."""
        return self._best(self.catalogue.vectors @ self.catalogue.embed(text))

    def found(self, text: str) -> list[str]:
        """By what search gives."""
        scores = np.zeros(len(self.catalogue), dtype=np.float32)
        for hit in self.search.query(text, len(self.catalogue)):
            scores[hit.row] = hit.score
        return self._best(scores)

    def told(self, request: Request, text: str) -> list[str]:
        """By what recall makes of the whole text, with no parameter set and nothing blocked."""
        plain = request.model_copy(update={"told": text, "pbox": type(request.pbox)(), "seen": frozenset()})
        scoring = told(read(plain, self.catalogue, self.models), self.search)
        return [] if scoring is None else self._best(scoring.of(np.arange(len(self.catalogue))))

    def _best(self, scores: np.ndarray) -> list[str]:
        """The ids of the DEPTH highest rows, best first; equal ones in catalogue order."""
        return [self.catalogue.items[row].id for row in np.argsort(-scores, kind="stable")[:DEPTH]]
