"""Mixing: from a ranking to a list that is worth looking at.

Greedy: each place goes to the candidate with the best score less its likeness to those chosen (`diversity`), less
a cost for crowding (`caps`), less what it would take from the balance of genres that the listener likes
(`calibration`). Some places are kept for new interests, some are taken by campaigns (`promotion`). A search is left
as it is ranked. Hard filters are looked at first and last.
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
from recommend.diversity import Nearest, Spread, Volume
from recommend.pbox import Factor
from recommend.promotion import pinned, placed, score, steered
from recommend.reading import Reading
from recommend.request import Candidate

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
        return fit[:size]
    fit = steered(reading, fit, active)
    places = pinned(reading, fit, active)
    free = _without(fit, places.values())
    explored = _explore(reading, free, _slots(reading))
    main = _varied(reading, _without(free, explored), size - len(explored) - len(places), config)
    return _checked(reading, placed([*main, *explored], places))


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
    if request.intent not in ("home", "more"):
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


def _varied(reading: Reading, ranked: list[Candidate], count: int, config: MixConfig) -> list[Candidate]:
    left = ranked[: max(POOL, 3 * count)]
    weight = MOST_LAMBDA * reading.request.pbox.value(Factor.DIVERSITY, default=NEUTRAL_DIVERSITY)
    spread = _spread(reading, left, config)
    share = config.calibration * follows(reading)
    balance = calibration(reading, left, config.depth) if share > 0.0 else None
    scores = np.array([score(c) for c in left])
    crowd = Crowd(reading, left)
    free = np.ones(len(left), dtype=bool)
    chosen: list[Candidate] = []
    while len(chosen) < count and free.any():
        value = (1.0 - weight) * (scores - crowd.costs()) / LOGITS - weight * spread.loss()
        if balance:
            value = value - share * balance.loss()
        pick = int(np.argmax(np.where(free, value, -np.inf)))
        chosen.append(left[pick].model_copy(update={"final": float(value[pick])}))
        free[pick] = False
        for part in (crowd, spread, balance):
            if part:
                part.add(pick)
    return chosen


def _spread(reading: Reading, candidates: list[Candidate], config: MixConfig) -> Spread:
    vectors = reading.catalogue.vectors[[c.row for c in candidates]]
    return Nearest(vectors) if config.diversity == "mmr" else Volume.of(vectors, config.volume)
