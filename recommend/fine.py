"""Fine ranking: an additive logit per candidate that a person can read, plus the PBox shifts.

The first part (`Scorer`) is the seam for a learned model; it sees no PBox, so an empty PBox gives
exactly its order. The second part is recorded entry by entry: the explanations are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from catalog.shelf import shelf
from recommend.chance import chance
from recommend.effects import BETA
from recommend.filters import for_children, made_for_children
from recommend.pbox import Factor
from recommend.reading import Reading
from recommend.recall import Pool
from recommend.request import Candidate, Effect, Intent

LEAST_EFFECT = 1e-4
"""Shifts below this are not worth recording."""
FAME, SETTLED = 1.6, 20
"""Logits that the most heard item loses with a listener of SETTLED likings: what they like says enough by then, and the
models lean to what is famous anyway. Costs about 4 % of NDCG@10 on goodbooks users to learn from, and brings the mean
popularity of what is shown below that of the least biased peer."""
TONGUE = 4.0
"""Logits between audio in the listener's language and in none that they are known to hear: more than any one wish, or a
short funny list for an English page is all Chinese crosstalk."""
TOLD = 30.0
"""Logits of what was told at length, at best: places among what fits it are settled by it, not by single wishes."""
TOLD_BESIDE = 5.0
"""The same where the list is to resemble an item: as much as the resemblance."""
LIKING: Mapping[str, float] = {
    "collaborative": 1.8,
    "neighbours": 1.8,
    "graph": 1.8,
    "sequence": 1.8,
    "taste": 0.8,
    "recent": 0.5,
    "habit": 0.8,
}
"""Logits per unit of the sources that know the listener: chosen on goodbooks users apart from those measured."""
RISING, STANDING = 4.0, 0.6
"""Logits of what rises most in a list of what trends, and the share of an item's standing beside it."""
TONGUES: Mapping[Intent, float] = {"search": 0.0, "similar": 0.3}
"""Share of TONGUE that counts for a list that was asked for."""
TOPIC_TONGUE, KIND_STANDING = 0.4, 0.5
"""The same for a search of which much that is found is as good: what is told at length, or a kind of thing; and the
share of an item's standing within its kind."""
MADE_FOR_CHILDREN = 3.0
"""Logits that what is made for children gains where they listen."""
FATIGUE, MOST_FATIGUE = 0.15, 0.6
"""Logits lost per time that an item was shown and left alone, and at most."""


class Scorer(Protocol):
    """The unsteered logit of each candidate of a pool."""

    def __call__(self, reading: Reading, pool: Pool) -> np.ndarray: ...


def fine(reading: Reading, pool: Pool, scorer: Scorer) -> list[Candidate]:
    """The candidates with their whole provenance, best first; equal scores keep the catalogue's order."""
    scores = scorer(reading, pool) + telling_logits(reading) * _of(pool, "told") + reading.shift[pool.rows]
    scores = scores + _made_for_children(reading, pool)
    order = np.lexsort((pool.rows, -scores))
    ranked = pool.take(order, pool.coarse)
    return _candidates(reading, ranked, scores[order].astype(float).tolist())


def _made_for_children(reading: Reading, pool: Pool) -> np.ndarray:
    """Where small children listen, what is made for them comes before what merely does them no harm.

    Of a search only where it is for nothing else ("六岁"): who looks for whales means whales.
    """
    request = reading.request
    if not request.children or (request.intent == "search" and not for_children(request.query or "")):
        return _nothing(pool)
    return MADE_FOR_CHILDREN * made_for_children(reading.catalogue, request.pbox)[pool.rows]


def telling_logits(reading: Reading) -> float:
    """What fits a telling best gains by it."""
    return TOLD_BESIDE if reading.request.intent == "similar" else TOLD


def additive(reading: Reading, pool: Pool) -> np.ndarray:
    """The transparent scorer: what was asked for, what the listener likes, and what is good anyway."""
    match reading.request.intent:
        case "search":
            return 10.0 * np.round(_of(pool, "query"), 2) + _beside_query(reading, pool)
        case "similar":
            beside = 5.0 * _of(pool, "similar") + 0.8 * _of(pool, "collaborative")
            return beside + 0.5 * standing(reading, pool) + TONGUES["similar"] * tongue(reading, pool)
        case "trending":
            rising = RISING * _of(pool, "trending")
            return rising + STANDING * standing(reading, pool) + tongue(reading, pool)
        case "discover":
            return standing(reading, pool) + tongue(reading, pool) + _noise(reading, pool)
        case _:
            return _personal(reading, pool)


def _beside_query(reading: Reading, pool: Pool) -> np.ndarray:
    """What settles a search for no single thing: the language that is heard, and how good an item is of its kind."""
    kind = shelf(reading.request.query or "", reading.catalogue)
    if kind is None:
        return TOPIC_TONGUE * tongue(reading, pool) if reading.request.told else _nothing(pool)
    own = kind.mask(reading.catalogue)[pool.rows]
    return TOPIC_TONGUE * tongue(reading, pool) + KIND_STANDING * standing(reading, pool) * own


def _personal(reading: Reading, pool: Pool) -> np.ndarray:
    liking = sum((weight * _of(pool, source) for source, weight in LIKING.items()), _nothing(pool))
    now = 0.3 * _of(pool, "trending") - 1.2 * _dislike(reading, pool) - worn(reading, pool)
    fame = FAME * min(1.0, len(reading.past.likings) / SETTLED) * reading.catalogue.popularity[pool.rows]
    return standing(reading, pool) - fame + tongue(reading, pool) + liking + now


def standing(reading: Reading, pool: Pool) -> np.ndarray:
    """What is good and heard much, whoever asks."""
    return reading.catalogue.quality[pool.rows] + 0.8 * reading.catalogue.popularity[pool.rows]


def tongue(reading: Reading, pool: Pool) -> np.ndarray:
    """Audio in the language of the page, or in those that the listener hears."""
    heard = reading.past.languages
    total = 2 + sum(heard.values())
    languages, found = reading.catalogue.languages[pool.rows], _nothing(pool)
    for lang in {reading.request.ui_language, *heard}:
        found[languages == lang] = (2 * (lang == reading.request.ui_language) + heard[lang]) / total
    return TONGUE * found


def _dislike(reading: Reading, pool: Pool) -> np.ndarray:
    """Nearness to what was disliked lately."""
    rows = list(reading.past.disliked[-5:])
    if not rows:
        return _nothing(pool)
    vectors = reading.catalogue.vectors
    return np.clip((vectors[pool.rows] @ vectors[rows].T).max(axis=1), 0.0, 1.0)


def worn(reading: Reading, pool: Pool) -> np.ndarray:
    """Heard already (as much as welcoming repeats gives back), or shown often and left alone."""
    shown = np.array([reading.past.shown.get(int(row), 0) for row in pool.rows])
    return BETA[Factor.REPEATS] * reading.past.heard[pool.rows] + np.minimum(FATIGUE * shown, MOST_FATIGUE)


def _noise(reading: Reading, pool: Pool) -> np.ndarray:
    """Chance for surprises, the same for the same seed."""
    return 0.4 * chance(reading.request.seed, pool.rows)


def _of(pool: Pool, source: str) -> np.ndarray:
    return pool.scores.get(source, _nothing(pool))


def _nothing(pool: Pool) -> np.ndarray:
    return np.zeros(len(pool), dtype=np.float32)


def _candidates(reading: Reading, pool: Pool, scores: list[float]) -> list[Candidate]:
    coarse, sources, effects = pool.coarse.astype(float).tolist(), _sources(pool), _effects(reading, pool.rows)
    return [
        Candidate(
            item_id=reading.catalogue.items[row].id,
            row=row,
            sources=sources[place],
            coarse=coarse[place],
            fine=scores[place],
            final=scores[place],
            effects=effects[place],
        )
        for place, row in enumerate(pool.rows.tolist())
    ]


def _sources(pool: Pool) -> list[dict[str, float]]:
    found: list[dict[str, float]] = [{} for _ in range(len(pool))]
    for name, marks in pool.recalled.items():
        scores = pool.scores[name].astype(float).tolist()
        for place in np.flatnonzero(marks).tolist():
            found[place][name] = scores[place]
    return found


def _effects(reading: Reading, rows: np.ndarray) -> list[tuple[Effect, ...]]:
    found: list[list[Effect]] = [[] for _ in range(len(rows))]
    for shift in reading.shifts:
        factor, key = shift.entry.factor.value, shift.entry.key
        logits = shift.logits[rows].astype(float).tolist()
        alike = {logit: Effect(factor=factor, key=key, shift=logit) for logit in set(logits)}
        for place, logit in enumerate(logits):
            if abs(logit) > LEAST_EFFECT:
                found[place].append(alike[logit])
    return [tuple(effects) for effects in found]
