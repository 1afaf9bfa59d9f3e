"""Caps: how often one author, series, provider or category may stand on a list before it costs something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catalog.items import Item
from recommend.pbox import Factor
from recommend.reading import Reading
from recommend.request import Candidate

Mark = tuple[str, str]

CROWDING = 1.5
"""Logits that each place beyond a cap costs."""
AUTHOR_SHARE, SERIES_SHARE, PROVIDER_SHARE = 3, 5, 3
"""One place in so many (the part of the list rounded down) is free for one name, but LEAST_* always."""
LEAST_AUTHOR, LEAST_SERIES, LEAST_PROVIDER = 2, 1, 2
FEWEST_LIKED = 3
"""So many likings before they say which categories a listener is at home in."""
HOSTED = frozenset({"podcast"})
"""Formats whose host, not an author, stands for the publisher's side."""


class Crowd:
    """What each candidate would cost for standing beside those chosen so far."""

    def __init__(self, reading: Reading, candidates: Sequence[Candidate]) -> None:
        caps = Caps.of(reading)
        self._marks = [_marks(reading.catalogue.items[c.row], _wished(c), caps) for c in candidates]
        self._chosen: Counter[Mark] = Counter()

    def add(self, place: int) -> None:
        """Candidate `place` was chosen."""
        self._chosen.update(mark for mark, _ in self._marks[place])

    def costs(self) -> np.ndarray:
        """Logits, 0 or more, per candidate."""
        full = self._chosen
        excess = [sum(full[mark] + 1 - cap for mark, cap in marks if full[mark] >= cap) for marks in self._marks]
        return CROWDING * np.array(excess)


@dataclass(frozen=True)
class Caps:
    """How many places each kind of thing may take on one list at no cost."""

    author: int
    series: int
    provider: int
    category: dict[bool, int]
    """By whether it was wished for; empty where the request itself keeps to a category."""
    usual: dict[str, int]
    """Top-level category -> places by its share of what the listener liked: nobody is pushed out of where they live."""

    @classmethod
    def of(cls, reading: Reading) -> Caps:
        """The caps of one request."""
        size = reading.request.size
        return cls(
            author=max(LEAST_AUTHOR, size // AUTHOR_SHARE),
            series=max(LEAST_SERIES, size // SERIES_SHARE),
            provider=max(LEAST_PROVIDER, size // PROVIDER_SHARE),
            category=category_caps(reading),
            usual=usual_caps(reading),
        )


def usual_caps(reading: Reading) -> dict[str, int]:
    """Places of each top-level category by its share of the liking; empty for a listener of few likings."""
    if len(reading.past.likings) < FEWEST_LIKED:
        return {}
    shares: dict[str, float] = {}
    for row, weight in reading.past.liked.items():
        name = top(reading.catalogue.items[row])
        shares[name] = shares.get(name, 0.0) + weight
    total = sum(shares.values())
    return {name: round(reading.request.size * share / total) for name, share in shares.items()}


def provider_side(item: Item) -> str:
    """The kind of name, "author" or "narrator", that stands for who offers an item: a record names no publisher."""
    if item.narrator and (item.format in HOSTED or not item.author):
        return "narrator"
    return "author"


def provider(item: Item) -> str | None:
    """Who offers an item, as far as its record says: the host of a podcast, else the author, else who is heard."""
    return item.narrator if provider_side(item) == "narrator" else item.author


def top(item: Item) -> str:
    """The top level of an item's main category."""
    return item.category.partition("/")[0]


def category_caps(reading: Reading) -> dict[bool, int]:
    """Items of one category, by whether it was wished for; empty where the request itself keeps to a field.

    A third of the list, half of it beside a mood or a scene; a wished category has its fair share or all of it.
    """
    request, size = reading.request, reading.request.size
    if request.intent == "similar" or request.category or request.told:
        return {}
    members = reading.catalogue.words.taxonomy.members
    wished = [e.key for e in request.pbox.of(Factor.CATEGORY) if e.value > 0.0]
    tops = {path.partition("/")[0] for key in wished for path in members(key)}
    felt = any(e.value > 0.0 for f in (Factor.MOOD, Factor.SCENE) for e in request.pbox.of(f))
    fair = size if len(tops) <= 1 else -(-size // len(tops)) + 1
    return {True: fair, False: max(2, -(-size // (2 if felt else 3)))}


def _wished(candidate: Candidate) -> set[str]:
    return {effect.factor for effect in candidate.effects if effect.shift > 0.0}


def _marks(item: Item, wished: set[str], caps: Caps) -> list[tuple[Mark, int]]:
    """What is counted about an item, and how often it may stand there at no cost."""
    marks: list[tuple[Mark, int]] = []
    if Factor.ENTITY not in wished:
        marks += [(("author", item.author), caps.author)] if item.author else []
        marks += [(("series", item.series), caps.series)] if item.series else []
        who = provider(item)
        marks += [(("provider", who), caps.provider)] if who and who != item.author else []
    if caps.category:
        name = top(item)
        marks.append((("category", name), max(caps.category[Factor.CATEGORY in wished], caps.usual.get(name, 0))))
    return marks
