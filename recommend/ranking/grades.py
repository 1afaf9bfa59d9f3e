"""What was done with an item, as a grade from 0 (left alone) to BEST."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from recommend.interactions import FIRM, strength
from recommend.request import Event

BEST = 3
"""Grades: 0 left, skipped or disliked, 1 clicked, 2 played, 3 liked, finished, saved or well rated."""
GRADES: Mapping[str, int] = {"click": 1, "dwell": 1, "play": 2, "save": 3, "finished": 3, "like": 3}
GOOD_STARS, FAIR_STARS = 4.0, 3.0
GOOD = 2
"""From this grade on an item counts as relevant."""


def grades(events: Iterable[Event]) -> dict[str, int]:
    """Item id -> the best that was done with it; 0 where it was turned down last, or displeased on the whole."""
    best: dict[str, int] = {}
    mood: dict[str, float] = {}
    word: dict[str, float] = {}
    for event in events:
        said, item = strength(event), event.item_id
        mood[item] = mood.get(item, 0.0) + said
        word[item] = said if abs(said) >= FIRM else word.get(item, 0.0)
        best[item] = max(best.get(item, 0), _grade(event))
    return {item: grade if mood[item] >= 0.0 and word[item] > -FIRM else 0 for item, grade in best.items()}


def _grade(event: Event) -> int:
    if event.kind == "rating":
        stars = event.value or 0.0
        return BEST if stars >= GOOD_STARS else int(stars >= FAIR_STARS)
    return GRADES.get(event.kind, 0)
