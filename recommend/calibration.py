"""Calibration: a list whose genres stand in the shares in which the listener likes them (Steck, RecSys 2018).

p(g) is the share of genre g in what the listener liked, q(g) its share on the list. A candidate's loss is
KL(p || q~) of the list with it, where q~ = (1 - alpha) q + alpha p keeps a missing genre finite. An item of
several categories counts for each in equal parts. Without a history there is nothing to be calibrated to.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catalog.items import Item
from recommend.effects import heard_strength
from recommend.pbox import Factor
from recommend.reading import Reading
from recommend.request import OWN_PAGE, Candidate

ALPHA = 0.01
ASKED = (Factor.CATEGORY, Factor.ENTITY, Factor.MOOD, Factor.SCENE)
"""A wish of these for the moment beats what the history says."""
FEWEST_LIKED = 3
"""Fewer likings say nothing about shares."""


class Calibration:
    """Keeps each candidate's loss up to date while places are given away."""

    def __init__(self, liked: np.ndarray, genres: np.ndarray) -> None:
        """`liked`: p (G, adds up to 1); `genres`: each candidate's share in each genre (n × G)."""
        self._liked, self._genres = liked, genres
        self._floor = ALPHA * liked
        self._shown = np.zeros(len(liked))
        self._count = 0

    def loss(self) -> np.ndarray:
        """Per candidate (n): KL, in nats, of the list that has it next."""
        shown = (1.0 - ALPHA) * (self._shown + self._genres) / (self._count + 1) + self._floor
        return (self._liked * (np.log(self._liked) - np.log(shown))).sum(axis=1)

    def add(self, place: int) -> None:
        """Candidate `place` was chosen."""
        self._shown = self._shown + self._genres[place]
        self._count += 1


def calibration(reading: Reading, candidates: Sequence[Candidate], depth: int) -> Calibration | None:
    """Over candidates and category paths cut to `depth` levels; None where the listener liked too little."""
    liked = liked_shares(reading, depth)
    if not liked:
        return None
    place = {genre: number for number, genre in enumerate(liked)}
    genres = np.zeros((len(candidates), len(liked)))
    for number, candidate in enumerate(candidates):
        for genre, share in shares(reading.catalogue.items[candidate.row], depth).items():
            if genre in place:
                genres[number, place[genre]] = share
    return Calibration(np.array(list(liked.values())), genres)


def liked_shares(reading: Reading, depth: int) -> dict[str, float]:
    """p: genre -> its share of the listener's liking, the latest counting most; {} for too short a history."""
    if len(reading.past.likings) < FEWEST_LIKED:
        return {}
    found: dict[str, float] = {}
    for row, weight in reading.past.liked.items():
        for genre, share in shares(reading.catalogue.items[row], depth).items():
            found[genre] = found.get(genre, 0.0) + weight * share
    total = sum(found.values())
    return {genre: value / total for genre, value in found.items()}


def shares(item: Item, depth: int) -> dict[str, float]:
    """The genres of one item, in equal parts."""
    paths = ["/".join(path.split("/")[:depth]) for path in item.categories]
    found: dict[str, float] = {}
    for path in paths:
        found[path] = found.get(path, 0.0) + 1.0 / len(paths)
    return found


def follows(reading: Reading) -> float:
    """How much of the calibration a request wants, 0..1.

    None outside the home list; less with every bit of diversity or of a wish for the moment that was asked for.
    """
    request = reading.request
    if request.intent not in OWN_PAGE or request.category:
        return 0.0
    wish = max((e.value for factor in ASKED for e in request.pbox.of(factor)), default=0.0)
    return (1.0 - heard_strength(max(wish, 0.0))) * (1.0 - request.pbox.value(Factor.DIVERSITY))
