"""Recall: the request's candidates, a quota from each source, with the source's scores kept.

Quotas are shares of CAPACITY that move with the PBox: q' = q * exp(a * theta) / sum. Hard filters hold
inside every source: what is forbidden is taken out before the best are picked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from catalog.search import Search
from recommend import sources
from recommend.kinship import kin
from recommend.pbox import Factor, PBox
from recommend.reading import Reading
from recommend.sources import Source

CAPACITY = 1000
SEARCH_HITS = 100
TAIL, NOISE = 0.35, 0.13
"""Hits below this share of the best one's score, or below this score, are left out."""
STEEPNESS = 1.2
"""a of the quota shift."""

HOME: Mapping[str, tuple[Source, float]] = {
    "collaborative": (sources.collaborative, 0.20),
    "taste": (sources.taste, 0.15),
    "recent": (sources.recent, 0.15),
    "habit": (sources.habit, 0.15),
    "popular": (sources.popular, 0.20),
    "hidden": (sources.hidden, 0.10),
    "trending": (sources.trending, 0.10),
    "fresh": (sources.fresh, 0.10),
    "category": (sources.category, 0.20),
    "entity": (sources.entity, 0.15),
    "mood": (sources.mood, 0.15),
    "scene": (sources.scene, 0.10),
    "wish": (sources.wish, 0.10),
    "novel": (sources.novel, 0.08),
}
"""Source and base share; shares of sources with nothing to say go to the others."""


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


def recall(reading: Reading, search: Search) -> Pool:
    """The candidates of a request, at most about CAPACITY, in catalogue order."""
    dense = {name: scores for name, scores in _dense(reading, search).items() if scores is not None}
    quotas = _quotas(reading.request.pbox, list(dense))
    best = {name: _best(np.where(reading.allowed, scores, 0.0), quotas[name]) for name, scores in dense.items()}
    marks = {name: np.zeros(len(reading.catalogue), dtype=bool) for name in best}
    for name, rows in best.items():
        marks[name][rows] = True
    found = np.zeros(len(reading.catalogue), dtype=bool)
    for mark in marks.values():
        found |= mark
    rows = np.flatnonzero(found)
    return Pool(
        rows,
        {name: scores[rows].astype(np.float32) for name, scores in dense.items()},
        {name: mark[rows] for name, mark in marks.items()},
        np.zeros(len(rows), dtype=np.float32),
    )


def _dense(reading: Reading, search: Search) -> dict[str, np.ndarray | None]:
    match reading.request.intent:
        case "search":
            return {"query": _query(reading, search)}
        case "similar":
            return {"similar": _similar(reading, search), "collaborative": _beside(reading)}
        case "trending":
            return {"trending": sources.trending(reading), "popular": sources.popular(reading)}
        case "discover":
            return {"novel": sources.novel(reading), "popular": None}
        case _:
            return {name: source(reading) for name, (source, _) in HOME.items()}


def _query(reading: Reading, search: Search) -> np.ndarray | None:
    """Hits of the free text, without the tail that has little of what the best one has."""
    text = (reading.request.query or "").strip()
    hits = search.query(text, SEARCH_HITS, reading.allowed) if text else []
    if not hits:
        return None
    scores = np.zeros(len(reading.catalogue), dtype=np.float32)
    floor = max(NOISE, TAIL * hits[0].score)
    for hit in hits:
        if hit.score >= floor:
            scores[hit.row] = hit.score
    return scores


def _similar(reading: Reading, search: Search) -> np.ndarray | None:
    row = reading.catalogue.row.get(reading.request.anchor or "")
    if row is None:
        return None
    scores = np.zeros(len(reading.catalogue), dtype=np.float32)
    for hit in search.similar(row, CAPACITY, reading.allowed):
        scores[hit.row] = max(hit.score, 1e-3)
    kinship = kin(reading.catalogue, reading.catalogue.items[row])
    return np.where((scores > 0.0) | (kinship > 0.5), 0.5 * scores + 0.5 * kinship, 0.0)


def _beside(reading: Reading) -> np.ndarray | None:
    row = reading.catalogue.row.get(reading.request.anchor or "")
    return None if row is None else reading.models.likely({row: 1.0})


def _quotas(pbox: PBox, names: list[str]) -> dict[str, int]:
    raw = {name: HOME[name][1] if name in HOME else 1.0 for name in names}
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


def _best(scores: np.ndarray, count: int) -> np.ndarray:
    """Rows of the `count` highest positive scores; equal scores go to the earlier row."""
    rows = np.flatnonzero(scores > 0.0)
    if len(rows) > count:
        edge = np.partition(scores[rows], len(rows) - count)[len(rows) - count]
        above = rows[scores[rows] > edge]
        rows = np.concatenate([above, rows[scores[rows] == edge][: count - len(above)]])
    return rows
