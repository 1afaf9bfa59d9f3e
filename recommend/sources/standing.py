"""What is good or new whoever listens: popular, hidden, fresh, trending."""

from __future__ import annotations

from recommend.pbox import Factor
from recommend.reading import Reading
from recommend.sources.scoring import Dense, Scoring, ranked


def popular(reading: Reading) -> Scoring | None:
    """Much heard and well rated."""
    catalogue = reading.catalogue
    return ranked(reading, "popular", lambda: 0.6 * catalogue.popularity + 0.4 * catalogue.quality)


def hidden(reading: Reading) -> Scoring | None:
    """Well rated but little heard; asked for by a negative popularity."""
    if reading.request.pbox.value(Factor.POPULARITY) >= 0.0:
        return None
    catalogue = reading.catalogue
    return ranked(reading, "hidden", lambda: (1.0 - catalogue.popularity) * (0.3 + 0.7 * catalogue.quality))


def fresh(reading: Reading) -> Scoring | None:
    """New in the catalogue, or (negative recency) the oldest."""
    value = reading.request.pbox.value(Factor.RECENCY)
    if value == 0.0:
        return None
    catalogue = reading.catalogue
    worth = 0.5 + 0.5 * catalogue.quality
    if value > 0.0:
        return ranked(reading, "new", lambda: catalogue.recency * worth)
    return ranked(reading, "old", lambda: (1.0 - catalogue.recency) * worth)


def trending(reading: Reading) -> Scoring | None:
    """Heard by many these days."""
    return Dense(reading.models.trending) if reading.models.trending.any() else None
