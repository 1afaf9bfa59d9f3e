"""Mixing: from a ranking to a list that is worth looking at.

Greedy: each place goes to the candidate with the best score less its likeness to those chosen (`diversity`), less
a cost for crowding (`caps`), less what it would take from the balance of genres that the listener likes
(`calibration`). Some places are kept for new interests, some are taken by campaigns (`promotion`): these are given
first, and what stands on them counts as chosen. The last places go to wishes that nothing else meets (`wished`). A
search is left as it is ranked. Hard filters are looked at first and last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from recommend.calibration import calibration, follows
from recommend.campaigns import Campaign
from recommend.caps import Crowd, top
from recommend.chance import chance
from recommend.claims import SURE_HIT
from recommend.diversity import Nearest, Spread, Volume
from recommend.pbox import Factor
from recommend.promotion import pinned, placed, score, steered
from recommend.reading import Reading
from recommend.request import OWN_PAGE, Candidate
from recommend.wished import answered

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
UNMIXED = frozenset({"search"})


@dataclass(frozen=True)
class MixConfig:
    """What was chosen by measurement on simulated listeners."""

    diversity: Literal["mmr", "dpp"] = "dpp"
    volume: float = 0.8
    """With "dpp", what one unit of -log d² counts beside one of MMR's likeness."""
    calibration: float = 0.2
    """Units of relevance that one nat of miscalibration costs."""
    depth: int = 2
    """Category levels that make a genre."""


MEASURED = MixConfig()


def mix(
    reading: Reading, ranked: list[Candidate], active: Sequence[Campaign] = (), config: MixConfig = MEASURED
) -> list[Candidate]:
    """At most `request.size` candidates in showing order; nothing that a hard filter forbids."""
    size = reading.request.size
    fit = [c for c in ranked if reading.allowed[c.row]]
    if reading.request.intent in UNMIXED:
        return _still_found(reading, fit)[:size]
    fit = steered(reading, fit, active)
    places = pinned(reading, fit, active)
    free = _without(fit, places.values())
    explored = _explore(reading, free, _slots(reading))
    given = [*places.values(), *explored]
    main = _varied(reading, given, _without(free, explored), config)
    main = answered(reading, main, given, fit)
    return _checked(reading, placed([*main, *explored], places))


def _still_found(reading: Reading, fit: list[Candidate]) -> list[Candidate]:
    """What a search goes on with: after its first page only what it surely finds, instead of ever weaker likenesses."""
    if not reading.request.seen:
        return fit
    return [c for c in fit if c.sources.get("query", 0.0) >= SURE_HIT]


def _without(candidates: Sequence[Candidate], others: Iterable[Candidate]) -> list[Candidate]:
    taken = {candidate.row for candidate in others}
    return [c for c in candidates if c.row not in taken]


def _checked(reading: Reading, slate: Sequence[Candidate]) -> list[Candidate]:
    """What may be shown, each item once: holds for pinned places as for all others."""
    once = {c.row: c for c in slate if reading.allowed[c.row]}
    return list(once.values())[: reading.request.size]


def _slots(reading: Reading) -> int:
    """Places for new interests, of `request.size`."""
    request = reading.request
    if request.intent not in OWN_PAGE:
        return 0
    said = request.pbox.entry(Factor.NOVELTY)
    if said is not None:
        return round(request.size * min(MOST_NOVELTY, said.value * 0.6))
    if request.told:
        return 0
    wishes = [e for f in (Factor.CATEGORY, Factor.ENTITY) for e in request.pbox.of(f) if e.value > 0.0]
    return int(request.size * (WISHED_NOVELTY if wishes else NEUTRAL_NOVELTY))


def _explore(reading: Reading, ranked: list[Candidate], count: int) -> list[Candidate]:
    """The `count` best candidates of new interests, each of another top-level category, with a little chance."""
    found = [c for c in ranked if "novel" in c.sources]
    if count <= 0 or not found:
        return []
    noise = 0.3 * chance(reading.request.seed, np.array([c.row for c in found]))
    lucky = sorted(zip(found, noise.tolist(), strict=True), key=lambda pair: (-(score(pair[0]) + pair[1]), pair[0].row))
    chosen: dict[str, Candidate] = {}
    for candidate, _ in lucky:
        chosen.setdefault(top(reading.catalogue.items[candidate.row]), candidate)
        if len(chosen) == count:
            break
    return [c.model_copy(update={"slot": "explore"}) for c in chosen.values()]


def _varied(
    reading: Reading, given: Sequence[Candidate], ranked: list[Candidate], config: MixConfig
) -> list[Candidate]:
    """What takes the places beside those `given` away already."""
    count = reading.request.size - len(given)
    pool = [*given, *ranked[: max(POOL, 3 * count)]]
    places = _Places(reading, pool, config)
    for place in range(len(given)):
        places.add(place)
    chosen: list[Candidate] = []
    while len(chosen) < count and places.free.any():
        value = places.value()
        pick = int(np.argmax(np.where(places.free, value, -np.inf)))
        chosen.append(pool[pick].model_copy(update={"final": float(value[pick])}))
        places.add(pick)
    return chosen


class _Places:
    """What each candidate of a pool is worth, place by place as they are given away."""

    def __init__(self, reading: Reading, pool: list[Candidate], config: MixConfig) -> None:
        self._diversity = MOST_LAMBDA * reading.request.pbox.value(Factor.DIVERSITY, default=NEUTRAL_DIVERSITY)
        self._share = config.calibration * follows(reading)
        self._scores = np.array([score(c) for c in pool])
        self._crowd, self._spread = Crowd(reading, pool), _spread(reading, pool, config)
        self._balance = calibration(reading, pool, config.depth) if self._share > 0.0 else None
        self.free = np.ones(len(pool), dtype=bool)
        """Mask: has no place yet."""

    def add(self, place: int) -> None:
        """Candidate `place` of the pool has a place."""
        self.free[place] = False
        self._crowd.add(place)
        self._spread.add(place)
        if self._balance:
            self._balance.add(place)

    def value(self) -> np.ndarray:
        """Per candidate of the pool: relevance less every cost."""
        relevance = (1.0 - self._diversity) * (self._scores - self._crowd.costs()) / LOGITS
        value = relevance - self._diversity * self._spread.loss()
        return value - self._share * self._balance.loss() if self._balance else value


def _spread(reading: Reading, pool: list[Candidate], config: MixConfig) -> Spread:
    vectors = reading.catalogue.vectors[[c.row for c in pool]]
    return Nearest(vectors) if config.diversity == "mmr" else Volume.of(vectors, config.volume)
