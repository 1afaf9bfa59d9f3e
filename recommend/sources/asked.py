"""What a request names itself: the hits of its query, and what resembles its anchor."""

from __future__ import annotations

import numpy as np

from catalog.search import Hit, Search
from catalog.shelf import shelf
from recommend.kinship import kin, kindred
from recommend.reading import Reading
from recommend.sources.scoring import Scoring, Sparse

SEARCH_HITS = 100
SIMILAR_HITS = 1000
TAIL, NOISE = 0.35, 0.13
"""Hits below this share of the best one's score, or below this score, are left out."""


def query(reading: Reading, search: Search) -> Scoring | None:
    """Hits of the free text, without the tail that has little of what the best one has."""
    text = (reading.request.query or "").strip()
    hits = _hits(reading, search, text) if text else []
    if not hits:
        return None
    floor = max(NOISE, TAIL * hits[0].score)
    rows, scores = _arrays([hit for hit in hits if hit.score >= floor])
    return Sparse(rows, scores)


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


def _hits(reading: Reading, search: Search, text: str) -> list[Hit]:
    """The best hits; of a kind of thing, of which there are many, also the best in the language of the page."""
    hits = search.query(text, SEARCH_HITS, reading.allowed)
    if shelf(text, reading.catalogue) is None:
        return hits
    own = reading.allowed & reading.catalogue.speaking([reading.request.ui_language])
    return list({hit.row: hit for hit in (*hits, *search.query(text, SEARCH_HITS, own))}.values())


def _arrays(hits: list[Hit]) -> tuple[np.ndarray, np.ndarray]:
    """Rows, ascending, and their scores."""
    ordered = sorted((hit.row, hit.score) for hit in hits)
    rows = np.array([row for row, _ in ordered], dtype=np.int64)
    return rows, np.array([score for _, score in ordered], dtype=np.float32)
