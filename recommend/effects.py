"""How the PBox moves scores: one bounded, monotone logit shift per entry and item.

An entry of weight t on a factor that an item has to degree x in [-1, 1] shifts the item by
beta * g(t) * x, where g is odd, rising and concave: a plain wish (0.3) is already well heard. What was
said in this sitting speaks louder than what has been standing for days. The entries of one factor
together shift by at most BOUND, so that no single factor silences the others. Shifts are worked out only for
the rows that are asked for: a request looks at a few thousand of a catalogue that may hold a million.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np

from catalog.catalogue import Catalogue
from recommend.pbox import Entry, Factor, PBox

BOUND = 5.5
BETA: dict[Factor, float] = {
    Factor.CATEGORY: 5.5,
    Factor.ENTITY: 3.2,
    Factor.PENALTY: 2.6,
    Factor.MOOD: 2.2,
    Factor.SCENE: 1.6,
    Factor.STATUS: 2.0,
    Factor.LENGTH: 2.0,
    Factor.ACCESS: 1.8,
    Factor.PRICE_SENSITIVITY: 1.2,
    Factor.RECENCY: 1.8,
    Factor.REPEATS: 2.5,
    Factor.POPULARITY: 1.8,
    Factor.QUALITY: 1.8,
}
"""Largest shift of one entry. Factors that are absent here act elsewhere: blocks and language filter,
novelty and diversity mix."""

TASTES = frozenset({Factor.CATEGORY, Factor.ENTITY, Factor.MOOD, Factor.SCENE})
"""What an item is about and is like, as against what it costs, how long it is …"""
UNBOUNDED_MINUTES = 60_000.0
LEAST_MINUTES = 0.1
STEEP = 5.0
PLACES = (1.0, 0.8, 0.65)
"""How much of a mood an item has that names it first, second, or later."""
STANDING = 0.5
"""What is left of a wish's shift once it is old news; `value` has its own, slower decay in the store."""
FRESH_HOURS = 1.0
SPOKEN = frozenset({"chat", "chip", "panel"})


Rows = np.ndarray | slice
"""Row numbers, a mask, or a slice of the catalogue."""
ALL = slice(None)


@dataclass(frozen=True)
class Column:
    """A number for every row, worked out for those that are asked for: `column[rows]`, or `column[:]` for all."""

    at: Callable[[Rows], np.ndarray]

    def __getitem__(self, rows: Rows) -> np.ndarray:
        return self.at(rows)


@dataclass(frozen=True)
class Shift:
    """What one entry does to every row."""

    entry: Entry
    logits: Column


def heard_strength(value: float) -> float:
    """g: odd, rising, concave for positive values; g(0.3) = 0.78, g(1) = 1."""
    return float(np.sign(value) * (1.0 - np.exp(-STEEP * abs(value))) / (1.0 - np.exp(-STEEP)))


def voice(entry: Entry, now: datetime) -> float:
    """How loud an entry speaks: 1 when it was just said, STANDING when it is old or was tapped or inferred."""
    if entry.source not in SPOKEN:
        return STANDING
    hours = max(0.0, (now - entry.set_at).total_seconds() / 3600.0)
    return STANDING + (1.0 - STANDING) * 2.0 ** (-hours / FRESH_HOURS)


def steer(
    pbox: PBox, catalogue: Catalogue, heard: np.ndarray, now: datetime, scale: float = 1.0, wished: float = 1.0
) -> Steering:
    """The shift of every entry on every row, bounded by factor; `scale` turns all of them down.

    `wished` turns down what is wished for by TASTES, but not what is unwanted. `heard` marks the rows that the
    listener has already played.
    """
    groups = []
    for factor, beta in BETA.items():
        soft = wished if factor in TASTES else 1.0
        own = ((entry, beta * voice(entry, now) * (soft if entry.value > 0.0 else 1.0)) for entry in pbox.of(factor))
        if found := tuple(own):
            groups.append(_Group(found, catalogue, heard, scale))
    return Steering(tuple(groups), catalogue)


@dataclass(frozen=True)
class _Group:
    """The entries of one factor, each with its largest shift; they share one bound."""

    own: tuple[tuple[Entry, float], ...]
    catalogue: Catalogue
    heard: np.ndarray
    scale: float

    def logits(self, rows: Rows) -> list[np.ndarray]:
        """What each entry does to some rows."""
        raw = [largest * pull(entry, self.catalogue, self.heard, rows) for entry, largest in self.own]
        shrink = self.scale * np.minimum(1.0, BOUND / np.maximum(np.abs(sum(raw[1:], raw[0])), 1e-9))
        return [(one * shrink).astype(np.float32) for one in raw]

    def of(self, place: int, rows: Rows) -> np.ndarray:
        """What one entry does to some rows."""
        return self.logits(rows)[place]


@dataclass(frozen=True)
class Steering:
    """What a whole PBox does to the rows of a catalogue."""

    groups: tuple[_Group, ...]
    catalogue: Catalogue

    @property
    def shifts(self) -> tuple[Shift, ...]:
        """Entry by entry."""
        return tuple(
            Shift(entry, Column(partial(group.of, place)))
            for group in self.groups
            for place, (entry, _) in enumerate(group.own)
        )

    def total(self, rows: Rows) -> np.ndarray:
        """All shifts of each row, added up: float32."""
        added = np.zeros_like(self.catalogue.quality[rows])
        for group in self.groups:
            for logits in group.logits(rows):
                added += logits
        return added


def pull(entry: Entry, catalogue: Catalogue, heard: np.ndarray, rows: Rows = ALL) -> np.ndarray:
    """g(weight) times each row's degree of the factor, in [-1, 1]."""
    if entry.factor == Factor.LENGTH:
        return length_fit(catalogue.sitting_minutes[rows], entry.key, entry.value)
    return heard_strength(entry.value) * degree(entry, catalogue, heard, rows)


def degree(entry: Entry, catalogue: Catalogue, heard: np.ndarray, rows: Rows = ALL) -> np.ndarray:
    """How much each row has what the entry speaks of, in [-1, 1]."""
    match entry.factor:
        case Factor.CATEGORY | Factor.ENTITY | Factor.MOOD | Factor.SCENE:
            return amount(entry, catalogue, rows)
        case Factor.PENALTY:
            return -having(entry, catalogue)[rows].astype(np.float32)
        case Factor.STATUS:
            return np.where(catalogue.completed[rows], 1.0, -1.0)
        case Factor.ACCESS:
            return np.where(catalogue.free[rows], -1.0, 1.0)
        case Factor.PRICE_SENSITIVITY:
            return -catalogue.prices[rows] / max(catalogue.dearest, 1e-9)
        case Factor.RECENCY:
            return 2.0 * catalogue.recency[rows] - 1.0
        case Factor.POPULARITY:
            return 2.0 * catalogue.popularity[rows] - 1.0
        case Factor.QUALITY:
            return 2.0 * catalogue.quality[rows] - 1.0
        case Factor.REPEATS:
            return heard[rows].astype(np.float32)
        case _:
            return np.zeros_like(catalogue.quality[rows])


def having(entry: Entry, catalogue: Catalogue) -> np.ndarray:
    """The rows that have an entry's category, person, series, tag, mood or scene (a mask).

    The catalogue looks a mood or scene that the vocabulary lacks up as a free tag word.
    """
    return catalogue.holds(*thing(entry))


def thing(entry: Entry) -> tuple[str, str]:
    """The kind and the key of what an entry speaks of, as `Catalogue.holds` takes them.

    A liking of a word reaches the categories near it; a block or a penalty takes no more than the word says.
    """
    if entry.factor in (Factor.CATEGORY, Factor.MOOD, Factor.SCENE):
        return entry.factor.value, entry.key
    kind, _, key = entry.key.partition(":")
    return ("theme" if (kind, entry.factor) == ("tag", Factor.ENTITY) else kind), key


def amount(entry: Entry, catalogue: Catalogue, rows: Rows = ALL) -> np.ndarray:
    """How much each row has what `having` marks, 0..1: an item's moods stand in the order in which they mark it."""
    held = having(entry, catalogue)[rows].astype(np.float32)
    if entry.factor == Factor.MOOD:
        place = catalogue.mood_place(entry.key)[rows]
        found = (held > 0.0) & (place >= 0)
        held[found] = np.array(PLACES, dtype=np.float32)[np.minimum(place[found], len(PLACES) - 1)]
    return held


def says_nothing(entry: Entry) -> bool:
    """Whether a length bound is so wide that every length fits it alike."""
    return entry.value <= 0.0 or (entry.key == "max" and entry.value >= UNBOUNDED_MINUTES)


def length_fit(minutes: np.ndarray, key: str, value: float) -> np.ndarray:
    """1 within the bound, falling evenly to -1 at three octaves (8 times) beyond it; 0 where the bound says nothing."""
    value = value if value <= 0.0 else max(value, LEAST_MINUTES)
    if value <= 0.0 or (key == "max" and value >= UNBOUNDED_MINUTES):
        return np.zeros(len(minutes), dtype=np.float32)
    octaves = np.log2(minutes / value) if key == "max" else np.log2(value / minutes)
    return (1.0 - np.clip(octaves * 2.0 / 3.0, 0.0, 2.0)).astype(np.float32)


def within(minutes: np.ndarray, key: str, value: float) -> np.ndarray:
    """Mask of the rows within a length bound in minutes of one sitting."""
    return minutes <= value if key == "max" else minutes >= value
