"""What one request means over this catalogue: read once, then only looked at by the stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np

from catalog.catalogue import Catalogue
from catalog.nearest import Among
from recommend import filters
from recommend.effects import Column, Shift, steer
from recommend.interactions import FIRM, LEAST_LIKED, REJECTED, strength
from recommend.models import Models
from recommend.pbox import Factor
from recommend.request import Event, History, Intent, Request

SOFT_SCALE: Mapping[Intent, float] = {"search": 0.004, "similar": 0.5, "trending": 0.3}
"""How much soft wishes count beside what was asked for; in a search they only settle ties."""
TOLD_SCALE = 0.3
"""How much wished tastes count beside a telling: its words say them better than the parameters read from it."""
SHOWN = "impression"
HEARD = frozenset({"play", "finished"})
RECENT = 5
"""So many of the last liked items speak for what the listener is into now."""
HALF_LIFE_EVENTS = 30.0
"""Later doings after which an event counts half. To be shown something is none of the listener's doings."""
SITTING = timedelta(hours=1)
"""What was shown within it is still before the listener, not left alone: the same wishes bring the same list again."""
RESTS = frozenset({"skip", "finished"})
WANTED = frozenset({"play", "save"})
REST = timedelta(days=1)
"""So long an item stays away that somebody did not want now or has just heard to its end, unless it is WANTED since."""


@dataclass(frozen=True)
class Past:
    """A listener's events, summed up over rows."""

    liked: dict[int, float]
    """Row -> positive strength, fading with age; the most recently touched last. A mere click is slight, but counts."""
    likings: dict[int, float]
    """Row -> unfaded strength in (LEAST_LIKED, 1], as `Interactions` has it; the most recently touched last.

    What is asked as a liking of the models that learnt from such, counted as one, or told of: no mere click, and
    nothing that is disliked by now.
    """
    kinds: dict[int, str]
    """Row -> the strongest positive event kind on it, for explanations."""
    disliked: tuple[int, ...]
    heard: np.ndarray
    """Mask: played or finished."""
    rejected: np.ndarray
    """Mask: disliked, with nothing better said since."""
    resting: np.ndarray
    """Mask: skipped or finished within the last day, and not played or saved since."""
    shown: dict[int, int]
    """Row -> times shown without being touched, before the sitting that is going on."""
    tops: frozenset[str]
    """Top-level categories of everything that the listener touched."""
    languages: Counter[str]
    """Audio languages of the liked items."""


@dataclass(frozen=True)
class Reading:
    """A request with everything that the stages need to know about it."""

    request: Request
    catalogue: Catalogue
    models: Models
    past: Past
    allowed: np.ndarray
    """Mask of the rows that no hard filter forbids."""
    shifts: tuple[Shift, ...]
    """What each PBox entry does to every row."""
    shift: Column
    """Their sum per row, worked out for the rows that are asked for."""
    known: frozenset[str]
    """Top-level categories that are no novelty: heard before, or asked for."""

    @property
    def recent(self) -> tuple[int, ...]:
        """The last few liked rows, most recent first."""
        return tuple(reversed(self.past.liked))[:RECENT]

    @cached_property
    def among(self) -> Among:
        """The allowed rows, prepared for looking up the nearest of them."""
        return self.catalogue.nearest.among(self.allowed)


def read(request: Request, catalogue: Catalogue, models: Models) -> Reading:
    """Sum up the history, apply the hard filters, and measure the PBox on every row."""
    past = _past(request.history, catalogue, request.now)
    scale, wished = SOFT_SCALE.get(request.intent, 1.0), TOLD_SCALE if request.told else 1.0
    steering = steer(request.pbox, catalogue, past.heard, request.now, scale, wished)
    wished_for = [e.key for e in request.pbox.of(Factor.CATEGORY) if e.value > 0.0]
    asked = {path.partition("/")[0] for key in wished_for for path in catalogue.words.taxonomy.members(key)}
    return Reading(
        request=request,
        catalogue=catalogue,
        models=models,
        past=past,
        allowed=filters.allowed(request, catalogue, past.heard, past.rejected | past.resting),
        shifts=steering.shifts,
        shift=Column(steering.total),
        known=past.tops | asked,
    )


def _past(history: History, catalogue: Catalogue, now: datetime) -> Past:
    tally = _Tally(catalogue, now)
    tally.remember(history)
    events = [(e, catalogue.row[e.item_id]) for e in history.events if e.item_id in catalogue.row]
    age = sum(event.kind != SHOWN for event, _ in events)
    for event, row in events:
        age -= event.kind != SHOWN
        tally.add(event, row, 2.0 ** (-age / HALF_LIFE_EVENTS))
    return tally.past()


class _Tally:
    """Events summed up one by one, oldest first."""

    def __init__(self, catalogue: Catalogue, now: datetime) -> None:
        self._catalogue, self._rested, self._left = catalogue, now - REST, now - SITTING
        self._resting = np.zeros(len(catalogue), dtype=bool)
        self._score: dict[int, float] = {}
        self._unfaded: dict[int, float] = {}
        self._kinds: dict[int, tuple[float, str]] = {}
        self._last_word: dict[int, float] = {}
        self._long_ago: list[int] = []
        self._shown: dict[int, int] = {}
        self._heard = np.zeros(len(catalogue), dtype=bool)

    def remember(self, history: History) -> None:
        """Count what holds from long ago, before the first event."""
        row = self._catalogue.row
        self._long_ago = [row[item_id] for item_id in history.heard if item_id in row]
        self._heard[self._long_ago] = True
        self._last_word = {row[item_id]: REJECTED for item_id in history.rejected if item_id in row}

    def add(self, event: Event, row: int, freshness: float) -> None:
        """Count one event; `freshness` in (0, 1] is what age leaves of it."""
        if event.kind == SHOWN:
            if event.at <= self._left:
                self._shown[row] = self._shown.get(row, 0) + 1
            return
        said = strength(event)
        self._shown.pop(row, None)
        if event.kind in RESTS or event.kind in WANTED:
            self._resting[row] = event.kind in RESTS and event.at > self._rested
        self._heard[row] |= event.kind in HEARD
        self._score[row] = self._score.pop(row, 0.0) + said * freshness
        if said != 0.0:
            self._unfaded[row] = self._unfaded.pop(row, 0.0) + said
        if said > 0.0:
            self._kinds[row] = max(self._kinds.get(row, (0.0, "")), (said, event.kind))
        if abs(said) >= FIRM:
            self._last_word[row] = said

    def past(self) -> Past:
        """The sum so far."""
        no = {row for row, said in self._last_word.items() if said <= -FIRM}
        liked = {row: value for row, value in self._score.items() if value > 0.0 and row not in no}
        rejected = np.zeros(len(self._catalogue), dtype=bool)
        rejected[[row for row, said in self._last_word.items() if said <= REJECTED]] = True
        touched = [self._catalogue.items[row] for row in (*self._score, *self._long_ago)]
        return Past(
            liked=liked,
            likings={row: min(1.0, s) for row, s in self._unfaded.items() if s > LEAST_LIKED and row in liked},
            kinds={row: kind for row, (_, kind) in self._kinds.items()},
            disliked=tuple(row for row, value in self._score.items() if value < 0.0 or row in no),
            heard=self._heard,
            rejected=rejected,
            resting=self._resting,
            shown=self._shown,
            tops=frozenset(path.partition("/")[0] for item in touched for path in item.categories),
            languages=Counter(self._catalogue.items[row].language for row in liked),
        )
