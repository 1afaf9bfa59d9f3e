"""Recall: the request's candidates, a quota from each source, with the source's scores kept.

Quotas are shares of CAPACITY that move with the PBox: q' = q * exp(a * theta) / sum. Hard filters hold
inside every source: what is forbidden is taken out before the best are picked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from catalog.search import Search
from recommend import promotion
from recommend.campaigns import Campaign
from recommend.pbox import Factor, PBox
from recommend.reading import Reading
from recommend.sources import asked, company, content, indexes, interests, standing, telling
from recommend.sources.scoring import Scoring, Source, Sparse

CAPACITY = 1000
STEEPNESS = 1.2
"""a of the quota shift."""

HOME: Mapping[str, tuple[Source, float]] = {
    "collaborative": (company.collaborative, 0.20),
    "neighbours": (company.neighbours, 0.10),
    "graph": (company.graph, 0.15),
    "sequence": (company.sequence, 0.15),
    "taste": (content.taste, 0.15),
    "recent": (content.recent, 0.15),
    "habit": (indexes.habit, 0.15),
    "popular": (standing.popular, 0.20),
    "hidden": (standing.hidden, 0.10),
    "trending": (standing.trending, 0.10),
    "fresh": (standing.fresh, 0.10),
    "category": (indexes.category, 0.20),
    "entity": (indexes.entity, 0.15),
    "mood": (indexes.mood, 0.15),
    "scene": (indexes.scene, 0.10),
    "wish": (content.wish, 0.10),
    "novel": (interests.novel, 0.08),
}
"""Source and base share; shares of sources with nothing to say go to the others."""
CAMPAIGN_SHARE, TOLD_SHARE = 0.05, 0.3


@dataclass(frozen=True)
class Pool:
    """Candidates as arrays: rows, and per source the score of each row and whether it was recalled by it."""

    rows: np.ndarray
    scores: Mapping[str, np.ndarray]
    recalled: Mapping[str, np.ndarray]
    coarse: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: np.ndarray, coarse: np.ndarray) -> Pool:
        """The candidates at `places`, in that order, with their `coarse` scores."""
        return Pool(
            self.rows[places],
            {name: scores[places] for name, scores in self.scores.items()},
            {name: marks[places] for name, marks in self.recalled.items()},
            coarse[places],
        )


def recall(reading: Reading, search: Search | None, campaigns: Sequence[Campaign] = ()) -> Pool:
    """The candidates of a request, at most about CAPACITY, in catalogue order; `campaigns` are those in force.

    search: None does for a listener's own page ("home", "more") where nothing was told.
    """
    scorings = {name: scoring for name, scoring in _scorings(reading, search).items() if scoring is not None}
    if hits := promotion.hits(reading, campaigns):
        scorings[promotion.FACTOR] = Sparse(*hits)
    quotas = _quotas(reading.request.pbox, list(scorings))
    best = {name: scoring.best(quotas[name], reading.among) for name, scoring in scorings.items()}
    rows = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *best.values()]))
    return Pool(
        rows,
        {name: scoring.of(rows).astype(np.float32) for name, scoring in scorings.items()},
        {name: _marked(rows, found) for name, found in best.items()},
        np.zeros(len(rows), dtype=np.float32),
    )


def given(reading: Reading, rows: np.ndarray) -> Pool:
    """These rows, in their order, as the pool of a listener's own page, with the scores that recall would give them."""
    scorings = {name: scoring for name, scoring in _home(reading).items() if scoring is not None}
    return Pool(
        rows,
        {name: scoring.of(rows).astype(np.float32) for name, scoring in scorings.items()},
        {name: np.zeros(len(rows), dtype=bool) for name in scorings},
        np.zeros(len(rows), dtype=np.float32),
    )


def _home(reading: Reading) -> dict[str, Scoring | None]:
    return {name: source(reading) for name, (source, _) in HOME.items()}


def _scorings(reading: Reading, search: Search | None) -> Mapping[str, Scoring | None]:
    if search is None:
        return _home(reading)
    match reading.request.intent:
        case "search":
            return {"query": asked.query(reading, search), "told": telling.told(reading, search)}
        case "similar":
            beside = {"similar": asked.similar(reading, search), "collaborative": company.beside(reading)}
            return beside | {"told": telling.told(reading, search)}
        case "trending":
            return {"trending": standing.trending(reading), "popular": standing.popular(reading)}
        case "discover":
            return {"novel": interests.novel(reading)}
        case _:
            return _home(reading) | {"told": telling.told(reading, search)}


def _marked(rows: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Which of the rows (ascending) are among those found."""
    marks = np.zeros(len(rows), dtype=bool)
    marks[np.searchsorted(rows, found)] = True
    return marks


def _quotas(pbox: PBox, names: list[str]) -> dict[str, int]:
    shares = {name: share for name, (_, share) in HOME.items()} | {promotion.FACTOR: CAMPAIGN_SHARE, "told": TOLD_SHARE}
    raw = {name: shares.get(name, 1.0) for name in names}
    tilt = {name: share * np.exp(STEEPNESS * _theta(pbox, name)) for name, share in raw.items()}
    total = sum(tilt.values())
    return {name: max(1, round(CAPACITY * value / total)) for name, value in tilt.items()}


def _theta(pbox: PBox, name: str) -> float:
    """How much the PBox asks for a source, -1..1."""
    match name:
        case "popular":
            return pbox.value(Factor.POPULARITY)
        case "hidden":
            return -pbox.value(Factor.POPULARITY)
        case "trending" | "fresh":
            return abs(pbox.value(Factor.RECENCY)) if name == "fresh" else pbox.value(Factor.RECENCY)
        case "category" | "entity" | "mood" | "scene":
            return max((entry.value for entry in pbox.of(Factor(name))), default=0.0)
        case "novel":
            return pbox.value(Factor.NOVELTY)
        case _:
            return 0.0
