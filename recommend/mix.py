"""Mixing: from a ranking to a list that is worth looking at.

Greedy maximal marginal relevance: each place goes to the candidate with the best score less its
likeness to those chosen and less a cost for crowding (one author, one series, one category). Some
places are kept for new interests. A search is left as it is ranked.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from catalog.items import Item
from recommend.pbox import Factor
from recommend.reading import Reading
from recommend.request import Candidate

Mark = tuple[str, str]

POOL = 80
"""So many of the best are looked at."""
LOGITS = 4.0
"""One unit of relevance is so many logits."""
NEUTRAL_DIVERSITY = 0.4
MOST_LAMBDA = 0.7
NEUTRAL_NOVELTY = 0.17
WISHED_NOVELTY = 0.1
"""Share of places for new interests where the listener has asked for categories or people."""
MOST_NOVELTY = 0.5
CROWDING = 1.5
"""Logits that each place beyond a cap costs."""
AUTHOR_CAP, SERIES_CAP = 2, 1
UNMIXED = frozenset({"search"})


def mix(reading: Reading, ranked: list[Candidate]) -> list[Candidate]:
    """At most `request.size` candidates in showing order; nothing that a hard filter forbids."""
    size = reading.request.size
    fit = [c for c in ranked if reading.allowed[c.row]]
    if reading.request.intent in UNMIXED:
        return fit[:size]
    explored = _explore(reading, fit, _slots(reading))
    taken = {candidate.row for candidate in explored}
    main = _varied(reading, [c for c in fit if c.row not in taken], size - len(explored))
    return [*main, *explored][:size]


def _slots(reading: Reading) -> int:
    """Places for new interests, of `request.size`."""
    request = reading.request
    if request.intent not in ("home", "more"):
        return 0
    said = request.pbox.entry(Factor.NOVELTY)
    if said is not None:
        return round(request.size * min(MOST_NOVELTY, said.value * 0.6))
    wishes = [e for f in (Factor.CATEGORY, Factor.ENTITY) for e in request.pbox.of(f) if e.value > 0.0]
    return int(request.size * (WISHED_NOVELTY if wishes else NEUTRAL_NOVELTY))


def _explore(reading: Reading, ranked: list[Candidate], count: int) -> list[Candidate]:
    """The `count` best candidates of new interests, each of another top-level category, with a little chance."""
    found = [c for c in ranked if "novel" in c.sources]
    if count <= 0 or not found:
        return []
    chance = np.random.default_rng(reading.request.seed).gumbel(scale=0.3, size=len(reading.catalogue))
    chosen: dict[str, Candidate] = {}
    for candidate in sorted(found, key=lambda c: (-(c.fine + chance[c.row]), c.row)):
        chosen.setdefault(_top(reading.catalogue.items[candidate.row]), candidate)
        if len(chosen) == count:
            break
    return [c.model_copy(update={"slot": "explore"}) for c in chosen.values()]


def _varied(reading: Reading, ranked: list[Candidate], count: int) -> list[Candidate]:
    left = ranked[: max(POOL, 3 * count)]
    weight = MOST_LAMBDA * reading.request.pbox.value(Factor.DIVERSITY, default=NEUTRAL_DIVERSITY)
    vectors = reading.catalogue.vectors[[c.row for c in left]]
    likeness = np.clip(vectors @ vectors.T, 0.0, 1.0)
    scores = np.array([c.fine for c in left])
    crowd = _Crowd(reading, left)
    nearest = np.zeros(len(left))
    free = np.ones(len(left), dtype=bool)
    chosen: list[Candidate] = []
    while len(chosen) < count and free.any():
        value = (1.0 - weight) * (scores - crowd.costs()) / LOGITS - weight * nearest
        pick = int(np.argmax(np.where(free, value, -np.inf)))
        chosen.append(left[pick].model_copy(update={"final": float(value[pick])}))
        free[pick] = False
        crowd.add(pick)
        nearest = np.maximum(nearest, likeness[pick])
    return chosen


class _Crowd:
    """What each candidate would cost for standing beside those chosen so far."""

    def __init__(self, reading: Reading, candidates: list[Candidate]) -> None:
        caps = _caps(reading)
        self._marks = [_marks(reading.catalogue.items[c.row], _wished(c), caps) for c in candidates]
        self._chosen: Counter[Mark] = Counter()

    def add(self, place: int) -> None:
        self._chosen.update(mark for mark, _ in self._marks[place])

    def costs(self) -> np.ndarray:
        full = self._chosen
        excess = [sum(full[mark] + 1 - cap for mark, cap in marks if full[mark] >= cap) for marks in self._marks]
        return CROWDING * np.array(excess)


def _wished(candidate: Candidate) -> set[str]:
    return {effect.factor for effect in candidate.effects if effect.shift > 0.0}


def _marks(item: Item, wished: set[str], caps: dict[bool, int]) -> list[tuple[Mark, int]]:
    """What is counted about an item, and how often it may stand there at no cost."""
    marks: list[tuple[Mark, int]] = []
    if Factor.ENTITY not in wished:
        marks += [(("author", item.author), AUTHOR_CAP)] if item.author else []
        marks += [(("series", item.series), SERIES_CAP)] if item.series else []
    if caps:
        marks.append((("category", _top(item)), caps[Factor.CATEGORY in wished]))
    return marks


def _caps(reading: Reading) -> dict[bool, int]:
    """Items of one category, by whether it was wished for; empty where the request itself keeps to a category.

    A third of the list, half of it beside a mood or a scene; a wished category has its fair share or all of it.
    """
    request, size = reading.request, reading.request.size
    if request.intent == "similar" or request.category:
        return {}
    tops = {e.key.partition("/")[0] for e in request.pbox.of(Factor.CATEGORY) if e.value > 0.0}
    felt = any(e.value > 0.0 for f in (Factor.MOOD, Factor.SCENE) for e in request.pbox.of(f))
    fair = size if len(tops) <= 1 else -(-size // len(tops)) + 1
    return {True: fair, False: max(2, -(-size // (2 if felt else 3)))}


def _top(item: Item) -> str:
    return item.category.partition("/")[0]
