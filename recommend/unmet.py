"""What a list could not give, as keys for an honest reply."""

from __future__ import annotations

import numpy as np

from recommend.claims import SURE_HIT
from recommend.effects import SPOKEN, Shift, says_nothing, within
from recommend.pbox import Factor
from recommend.reading import Reading
from recommend.request import Candidate

WISHES = frozenset({Factor.CATEGORY, Factor.ENTITY, Factor.MOOD, Factor.SCENE, Factor.LENGTH})
SIGNED = frozenset({Factor.STATUS, Factor.ACCESS})
"""Factors whose negative values are wishes too."""
EITHER = frozenset({Factor.CATEGORY, Factor.ENTITY})
"""Factors of which an item is expected to meet one wish, not all."""
SITTING_HOURS = 1.0


def unmet(reading: Reading, chosen: list[Candidate]) -> tuple[str, ...]:
    """ "few", "query", "anchor", "together", or a soft wish as "factor:key" (see `Slate.relaxed`)."""
    request = reading.request
    if request.intent == "search":
        best = max((c.sources.get("query", 0.0) for c in chosen), default=0.0)
        return ("query",) if best < SURE_HIT else ()
    if request.intent == "similar" and request.anchor not in reading.catalogue.row:
        return ("anchor",)
    notes = ["few"] if len(chosen) < request.size else []
    if request.intent in ("home", "more") and chosen:
        notes += _unmet_wishes(reading, np.array([c.row for c in chosen]))
    return tuple(notes)


def _unmet_wishes(reading: Reading, rows: np.ndarray) -> list[str]:
    """Soft wishes of this sitting that no item of the list meets, or "together"."""
    wishes = [shift for shift in reading.shifts if _is_wish(reading, shift)]
    met = {shift.entry.name: _meets(reading, shift, rows) for shift in wishes}
    names = [name for name, hits in met.items() if not hits.any()]
    if names or not wishes:
        return names
    every = np.ones(len(rows), dtype=bool)
    for factor in {shift.entry.factor for shift in wishes}:
        own = [met[shift.entry.name] for shift in wishes if shift.entry.factor == factor]
        every &= np.any(own, axis=0) if factor in EITHER else np.all(own, axis=0)
    return [] if every.any() else ["together"]


def _is_wish(reading: Reading, shift: Shift) -> bool:
    entry = shift.entry
    hours = (reading.request.now - entry.set_at).total_seconds() / 3600.0
    if entry.source not in SPOKEN or hours > SITTING_HOURS:
        return False
    if entry.factor in SIGNED:
        return entry.value != 0.0
    if entry.factor == Factor.LENGTH:
        return not says_nothing(entry)
    return entry.factor in WISHES and entry.value > 0.0


def _meets(reading: Reading, shift: Shift, rows: np.ndarray) -> np.ndarray:
    if shift.entry.factor == Factor.LENGTH:
        return within(reading.catalogue.sitting_minutes[rows], shift.entry.key, shift.entry.value)
    return shift.logits[rows] > 0.0
