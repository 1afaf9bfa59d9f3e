"""What a request names itself: the hits of its words, and what resembles its anchor."""

from __future__ import annotations

import numpy as np

from catalog.search import Hit, Search
from recommend.kinship import kin, kindred
from recommend.reading import Reading
from recommend.sources import content
from recommend.sources.scoring import Scoring, Sparse

SEARCH_HITS = 100
SIMILAR_HITS = 1000
TOLD_HITS = 200
KNOWN, COMPANY, COMPANY_OF = 0.1, 0.25, 3
"""What popularity counts beside words and meaning, and the company of the best hits: chosen on the requests marked
"dev" of lab/recommender/narrative.jsonl."""
TAIL, NOISE = 0.35, 0.13
"""Hits below this share of the best one's score, or below this score, are left out."""


def query(reading: Reading, search: Search) -> Scoring | None:
    """Hits of the free text, without the tail that has little of what the best one has."""
    text = (reading.request.query or "").strip()
    hits = search.query(text, SEARCH_HITS, reading.allowed) if text else []
    if not hits:
        return None
    floor = max(NOISE, TAIL * hits[0].score)
    rows, scores = _arrays([hit for hit in hits if hit.score >= floor])
    return Sparse(rows, scores)


def told(reading: Reading, search: Search) -> Scoring | None:
    """What was told at length: its words and its meaning, and what goes with the best of that; the best has 1."""
    text = (reading.request.told or "").strip()
    if not text:
        return None
    catalogue = reading.catalogue
    worded, lexical = _arrays(search.query(text, TOLD_HITS, reading.allowed))
    meant = content.near(reading, catalogue.embed(text)[None, :])
    around = meant.best(TOLD_HITS, reading.among) if meant else np.zeros(0, dtype=np.int64)
    rows = np.union1d(worded, around).astype(np.int64)
    if not len(rows):
        return None
    scores = (Sparse(worded, lexical).of(rows) + (meant.of(rows) if meant else 0.0)) / 2
    scores = scores + KNOWN * catalogue.popularity[rows]
    best = np.argsort(-scores, kind="stable")[:COMPANY_OF].tolist()
    beside, company = reading.models.neighbours.reach({int(rows[place]): float(scores[place]) for place in best})
    if len(beside):
        everything = np.union1d(rows, beside[reading.allowed[beside]]).astype(np.int64)
        gained = COMPANY * scores.max() * Sparse(beside, company / company.max()).of(everything)
        rows, scores = everything, Sparse(rows, scores).of(everything) + gained
    return Sparse(rows, (scores / scores.max()).astype(np.float32))


def similar(reading: Reading, search: Search) -> Scoring | None:
    """Near the anchor in meaning, akin to it by the record, or both."""
    row = reading.catalogue.row.get(reading.request.anchor or "")
    if row is None:
        return None
    anchor = reading.catalogue.items[row]
    near, scores = _arrays(search.similar(row, SIMILAR_HITS, reading.allowed))
    mask = np.zeros(len(reading.catalogue), dtype=bool)
    mask[kindred(reading.catalogue, anchor)] = True
    mask[near] = True
    rows = np.flatnonzero(mask & reading.allowed)
    kinship = kin(reading.catalogue, anchor, rows)
    likeness = Sparse(near, np.maximum(scores, np.float32(1e-3))).of(rows)
    return Sparse(rows, np.where((likeness > 0.0) | (kinship > 0.5), 0.5 * likeness + 0.5 * kinship, 0.0))


def _arrays(hits: list[Hit]) -> tuple[np.ndarray, np.ndarray]:
    """Rows, ascending, and their scores."""
    ordered = sorted((hit.row, hit.score) for hit in hits)
    rows = np.array([row for row, _ in ordered], dtype=np.int64)
    return rows, np.array([score for _, score in ordered], dtype=np.float32)
