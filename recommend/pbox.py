"""The PBox (parameter box): what one user has asked for, as an immutable value.

Eight dimensions, sixteen factors, and the profile's language beside them. A value here is already decayed and
filtered by the store that loaded it; an absent entry is neutral, so an empty PBox is the unpersonalised baseline.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel

Scope = Literal["session", "lasting"]
Hardness = Literal["soft", "hard"]
Source = Literal["chat", "chip", "panel", "feedback", "onboarding"]


class Dimension(StrEnum):
    """The eight dimensions that a person may reset, and the profile beside them."""

    INTEREST = "interest"
    AVOIDANCE = "avoidance"
    MOOD = "mood"
    FORM = "form"
    PAYMENT = "payment"
    FRESHNESS = "freshness"
    EXPLORATION = "exploration"
    AUTHORITY = "authority"
    PROFILE = "profile"


class Factor(StrEnum):
    """The sixteen factors; LANGUAGE is a profile constraint kept here so that it can be undone."""

    CATEGORY = "category"
    ENTITY = "entity"
    BLOCK = "block"
    PENALTY = "penalty"
    MOOD = "mood"
    SCENE = "scene"
    STATUS = "status"
    LENGTH = "length"
    ACCESS = "access"
    PRICE_SENSITIVITY = "price_sensitivity"
    RECENCY = "recency"
    REPEATS = "repeats"
    NOVELTY = "novelty"
    DIVERSITY = "diversity"
    POPULARITY = "popularity"
    QUALITY = "quality"
    LANGUAGE = "language"


DIMENSION: dict[Factor, Dimension] = {
    Factor.CATEGORY: Dimension.INTEREST,
    Factor.ENTITY: Dimension.INTEREST,
    Factor.BLOCK: Dimension.AVOIDANCE,
    Factor.PENALTY: Dimension.AVOIDANCE,
    Factor.MOOD: Dimension.MOOD,
    Factor.SCENE: Dimension.MOOD,
    Factor.STATUS: Dimension.FORM,
    Factor.LENGTH: Dimension.FORM,
    Factor.ACCESS: Dimension.PAYMENT,
    Factor.PRICE_SENSITIVITY: Dimension.PAYMENT,
    Factor.RECENCY: Dimension.FRESHNESS,
    Factor.REPEATS: Dimension.FRESHNESS,
    Factor.NOVELTY: Dimension.EXPLORATION,
    Factor.DIVERSITY: Dimension.EXPLORATION,
    Factor.POPULARITY: Dimension.AUTHORITY,
    Factor.QUALITY: Dimension.AUTHORITY,
    Factor.LANGUAGE: Dimension.PROFILE,
}

INTERESTS = frozenset(factor for factor, dimension in DIMENSION.items() if dimension == Dimension.INTEREST)
"""Categories, people, series and themes: what a wish is about."""

BOUNDS: dict[Factor, tuple[float, float]] = {
    Factor.BLOCK: (0.0, 1.0),
    Factor.PENALTY: (0.0, 1.0),
    Factor.LENGTH: (0.0, 60_000.0),
    Factor.PRICE_SENSITIVITY: (0.0, 1.0),
    Factor.NOVELTY: (0.0, 1.0),
    Factor.DIVERSITY: (0.0, 1.0),
    Factor.QUALITY: (0.0, 1.0),
    Factor.LANGUAGE: (0.0, 1.0),
}
"""Allowed range of a factor's value; every other factor lies in [-1, 1]."""

LENGTH_WORDS: dict[str, tuple[float, float]] = {
    "short": (0.0, 60.0),
    "medium": (60.0, 480.0),
    "long": (480.0, 60_000.0),
}
"""Minutes of one sitting (`Item.sitting_minutes`) that the words stand for: (least, most)."""


class Entry(BaseModel, frozen=True, extra="forbid"):
    """One parameter. Keys by factor:

    category: a path; entity, block, penalty: "kind:key" (kind category|author|narrator|series|tag|title|item,
    key a path, a name, a slug-free tag word or an item id); mood, scene: a vocabulary slug, or the free
    word as said; length: "min" or "max" (value in minutes); language: "en" or "zh"; else "".

    Signed values: status -1 ongoing .. 1 completed; access -1 free .. 1 paid; recency -1 old .. 1 new; repeats
    -1 leave out what was heard .. 1 welcome it; popularity -1 niche .. 1 hit. A language entry always filters.
    """

    factor: Factor
    key: str = ""
    value: float
    """Decayed value at reading time, within BOUNDS."""
    hardness: Hardness = "soft"
    scope: Scope = "lasting"
    said: str = ""
    """The user's own words, for display."""
    set_at: datetime
    expires_at: datetime | None = None
    half_life_days: float | None = None
    source: Source = "chat"
    turn_id: str = ""
    change_id: int = 0
    """The history row that wrote it: what "undo this" on the screen refers to."""

    @property
    def name(self) -> str:
        """ "mood:funny", "status": how a slate names the wish (`Slate.relaxed`)."""
        return f"{self.factor.value}:{self.key}".removesuffix(":")


class PBox(BaseModel, frozen=True, extra="forbid"):
    """All parameters of one user at one version."""

    version: int = 0
    entries: tuple[Entry, ...] = ()

    def of(self, factor: Factor) -> tuple[Entry, ...]:
        """The entries of one factor, in the order they were set."""
        return tuple(entry for entry in self.entries if entry.factor == factor)

    def entry(self, factor: Factor, key: str = "") -> Entry | None:
        """The entry at (factor, key), or None where the user said nothing."""
        return next((e for e in self.entries if e.factor == factor and e.key == key), None)

    def of_one_wish(self, entry: Entry) -> tuple[Entry, ...]:
        """The entry with those that came from the same words: "nothing scary" may block a theme and a category."""
        if entry.factor != Factor.BLOCK or not entry.said:
            return (entry,)
        return tuple(e for e in self.of(Factor.BLOCK) if (e.turn_id, e.said) == (entry.turn_id, entry.said))

    def value(self, factor: Factor, key: str = "", default: float = 0.0) -> float:
        """The value at (factor, key), or `default` where the user said nothing."""
        entry = self.entry(factor, key)
        return default if entry is None else entry.value

    def is_hard(self, factor: Factor, key: str = "") -> bool:
        """Whether the entry filters ("free only") instead of shifting scores."""
        entry = self.entry(factor, key)
        return entry is not None and entry.hardness == "hard"


def bounded(factor: Factor, value: float) -> float:
    """`value` clamped into the factor's range."""
    low, high = BOUNDS.get(factor, (-1.0, 1.0))
    return min(max(value, low), high)
