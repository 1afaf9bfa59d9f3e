"""Wishes of this sitting: what meets one, and the places that a list keeps for a wish that nothing else on it meets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catalog.catalogue import Catalogue
from recommend.effects import ALL, SPOKEN, Rows, pull, says_nothing, thing, within
from recommend.pbox import Entry, Factor
from recommend.reading import Reading
from recommend.request import OWN_PAGE, Candidate

WISHES = frozenset({Factor.CATEGORY, Factor.ENTITY, Factor.MOOD, Factor.SCENE, Factor.LENGTH})
SIGNED = frozenset({Factor.STATUS, Factor.ACCESS})
"""Factors whose negative values are wishes too."""
SITTING_HOURS = 1.0
NEWEST_SHARE = 3
"""The newest wish has at least one place in so many, where so much meets it; any other wish has one."""


def wishes(reading: Reading) -> list[Entry]:
    """The soft wishes that were spoken in this sitting, the newest first."""
    found = [entry for entry in reading.request.pbox.entries if _is_wish(reading, entry)]
    return sorted(found, key=lambda entry: (entry.set_at, entry.change_id), reverse=True)


def kept_for(reading: Reading) -> list[Entry]:
    """The wishes that places are kept for: those of a listener's own page, where nothing was told that says more."""
    own = reading.request.intent in OWN_PAGE and not reading.request.told
    return wishes(reading) if own else []


def meets(wish: Entry, catalogue: Catalogue, rows: Rows = ALL) -> np.ndarray:
    """Which of some rows meet a wish (a mask)."""
    if wish.factor == Factor.LENGTH:
        return within(catalogue.sitting_minutes[rows], wish.key, wish.value)
    if wish.factor == Factor.ENTITY and _in_titles_only(wish, catalogue):
        return catalogue.holds("title", thing(wish)[1])[rows]
    heard_or_not = catalogue.available  # speaks of no wish
    return pull(wish, catalogue, heard_or_not, rows) > 0.0


def _in_titles_only(wish: Entry, catalogue: Catalogue) -> bool:
    """Whether a wish is for a theme word that nothing is marked with: titles that hold it are all there is of it."""
    kind, word = thing(wish)
    return kind == "theme" and not len(catalogue.rows_with(kind, word))


def answered(
    reading: Reading, chosen: Sequence[Candidate], given: Sequence[Candidate], ranked: Sequence[Candidate]
) -> list[Candidate]:
    """`chosen` with its last places given to wishes that too little on the list meets, as far as `ranked` meets them.

    given: what else will stand on the list. An older liking may outweigh a wish, but not silence it. Nothing moves up:
    a stronger wish, which needs no kept place, can only rank higher.
    """
    slate = list(chosen)
    spoken = kept_for(reading)
    pool = np.array([c.row for c in ranked], dtype=np.int64)
    for place, wish in enumerate(spoken):
        fit = [ranked[i] for i in np.flatnonzero(meets(wish, reading.catalogue, pool)).tolist()]
        wanted = max(1, reading.request.size // NEWEST_SHARE) if place == 0 else 1
        for _ in range(min(wanted, len(fit)) - _count(reading, wish, [*given, *slate])):
            taken = {c.row for c in (*given, *slate)}
            new = next((c for c in fit if c.row not in taken), None)
            leaving = _spare(reading, spoken, wish, slate)
            if new is None or leaving is None:
                break
            slate = [*slate[:leaving], *slate[leaving + 1 :], new]
    return slate


def _count(reading: Reading, wish: Entry, slate: Sequence[Candidate]) -> int:
    return int(meets(wish, reading.catalogue, np.array([c.row for c in slate], dtype=np.int64)).sum())


def _spare(reading: Reading, spoken: list[Entry], wish: Entry, slate: list[Candidate]) -> int | None:
    """The last place of `slate` whose item meets no wish; else the last one that can go.

    Nothing goes that meets the wish at hand, or that is the only one to meet another.
    """
    rows = np.array([c.row for c in slate], dtype=np.int64)
    met = np.array([meets(other, reading.catalogue, rows) for other in spoken])
    idle = ~met.any(axis=0)
    needed = meets(wish, reading.catalogue, rows) | met[met.sum(axis=1) <= 1].any(axis=0)
    return next((place for free in (idle, ~needed) for place in np.flatnonzero(free)[::-1].tolist()), None)


def _is_wish(reading: Reading, entry: Entry) -> bool:
    hours = (reading.request.now - entry.set_at).total_seconds() / 3600.0
    if entry.source not in SPOKEN or hours > SITTING_HOURS:
        return False
    if entry.factor in SIGNED:
        return entry.value != 0.0
    if entry.factor == Factor.LENGTH:
        return not says_nothing(entry)
    return entry.factor in WISHES and entry.value > 0.0
