"""What a list could not give, as keys for an honest reply."""

from __future__ import annotations

import numpy as np

from recommend.claims import SURE_HIT
from recommend.pbox import INTERESTS
from recommend.reading import Reading
from recommend.request import OWN_PAGE, Candidate
from recommend.wished import meets, wishes


def unmet(reading: Reading, chosen: list[Candidate]) -> tuple[str, ...]:
    """ "few", "query", "anchor", "together", or a soft wish as "factor:key" (see `Slate.relaxed`)."""
    request = reading.request
    if request.intent == "search":
        best = max((c.sources.get("query", 0.0) for c in chosen), default=0.0)
        return ("query",) if best < SURE_HIT else ()
    if request.intent == "similar" and request.anchor not in reading.catalogue.row:
        return ("anchor",)
    notes = ["few"] if len(chosen) < request.size else []
    if request.intent in OWN_PAGE and chosen:
        notes += _unmet_wishes(reading, np.array([c.row for c in chosen]))
    return tuple(notes)


def _unmet_wishes(reading: Reading, rows: np.ndarray) -> list[str]:
    """Soft wishes of this sitting that no item of the list meets, or "together"."""
    spoken = wishes(reading)
    met = {wish.name: meets(wish, reading.catalogue, rows) for wish in spoken}
    names = [name for name, hits in met.items() if not hits.any()]
    if names or not spoken:
        return names
    # Of its interests an item is expected to meet one, not all: who likes romance and Liu Cixin likes either.
    either = [met[wish.name] for wish in spoken if wish.factor in INTERESTS]
    every = np.all([met[wish.name] for wish in spoken if wish.factor not in INTERESTS], axis=0)
    if either:
        every = every & np.any(either, axis=0)
    return [] if np.any(every) else ["together"]
