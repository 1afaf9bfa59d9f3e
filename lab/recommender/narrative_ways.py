"""Ways to answer a free text that the product's own is measured beside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from catalog.catalogue import Catalogue
from catalog.search import Search
from recommend.models import Models
from recommend.reading import Reading, read
from recommend.request import Request
from recommend.sources.asked import COMPANY, COMPANY_OF, KNOWN

DEPTH = 100
"""Places of each list that fusing looks at."""
FLATNESS = 60
"""k of reciprocal rank fusion: how little the first places count above the next (Cormack et al. 2009)."""
WISHED = 0.02
"""What a logit of the PBox counts in `blend`, chosen on "dev"; the rest counts what it counts in the product."""


class Ways:
    """Over one catalogue and its models."""

    def __init__(self, catalogue: Catalogue, search: Search, models: Models) -> None:
        self.catalogue, self.search, self.models = catalogue, search, models

    def near(self, text: str) -> np.ndarray:
        """Cosine of every row with the text."""
        return self.catalogue.vectors @ self.catalogue.embed(text)

    def found(self, text: str) -> np.ndarray:
        """What search gives every row, 0..1."""
        scores = np.zeros(len(self.catalogue), dtype=np.float32)
        for hit in self.search.query(text, len(self.catalogue)):
            scores[hit.row] = hit.score
        return scores

    def both(self, request: Request, text: str, shown: Sequence[str] = ()) -> list[str]:
        """The whole text under the blocks that were read, and the list that is shown, fused by rank."""
        allowed = self._read(request).allowed
        lists = [self.best(self.near(text), allowed), self.best(self.found(text), allowed)]
        return fused([*lists, shown] if shown else lists)

    def blend(self, request: Request, text: str) -> list[str]:
        """Whole text and reading, as one sum, and what goes with the best of it."""
        reading = self._read(request)
        score = (self.near(text) + self.found(text)) / 2 + KNOWN * self.catalogue.popularity
        score = np.where(reading.allowed, score + WISHED * reading.shift[:], -np.inf)
        first = np.argsort(-score, kind="stable")[:COMPANY_OF]
        company = self.models.neighbours.scores({int(row): float(score[row]) for row in first})
        if company is not None and np.isfinite(score[first[0]]) and company.any():
            score += COMPANY * score[first[0]] * company / company.max()
        return self.best(score)

    def best(self, score: np.ndarray, allowed: np.ndarray | None = None) -> list[str]:
        """The ids of the DEPTH highest rows, best first, without what is not allowed; equal ones in catalogue order."""
        masked = score if allowed is None else np.where(allowed, score, -np.inf)
        order = np.argsort(-masked, kind="stable")[:DEPTH]
        return [self.catalogue.items[row].id for row in order if np.isfinite(masked[row])]

    def _read(self, request: Request) -> Reading:
        """The blocks and wishes of a request, whatever list it asks for."""
        plain = request.model_copy(update={"intent": "home", "query": None, "seen": frozenset()})
        return read(plain, self.catalogue, self.models)


def fused(lists: Sequence[Sequence[str]], flatness: int = FLATNESS) -> list[str]:
    """One list from several by reciprocal rank: the sum over lists of 1 / (flatness + place), first place 1.

    Equal sums stand in the order in which they first appear. Cormack, Clarke & Büttcher 2009.
    """
    score: dict[str, float] = defaultdict(float)
    for ranked in lists:
        for place, item in enumerate(ranked, start=1):
            score[item] += 1.0 / (flatness + place)
    return sorted(score, key=lambda item: -score[item])
