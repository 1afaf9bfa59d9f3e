"""Wishes of this sitting: what meets one, and the places that a list keeps for a wish that nothing else on it meets."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from catalog.catalogue import Catalogue
from catalog.formats import formats_called
from catalog.spelling import form
from recommend.effects import ALL, SPOKEN, Rows, pull, says_nothing, thing, within
from recommend.pbox import Entry, Factor
from recommend.reading import SITTING, Reading
from recommend.request import OWN_PAGE, Candidate

WISHES = frozenset({Factor.CATEGORY, Factor.ENTITY, Factor.MOOD, Factor.SCENE, Factor.LENGTH})
SIGNED = frozenset({Factor.STATUS, Factor.ACCESS})
"""Factors whose negative values are wishes too."""
NEWEST_SHARE = 2
"""What meets the newest wishes has at least one place in so many."""


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


def together(reading: Reading, rows: np.ndarray) -> list[list[Entry]]:
    """The wishes that places are kept for: first the newest ones, which were said together, then each older one.

    What none of these rows meets is passed by: the wish before it is the newest that can be answered.
    """
    spoken = [wish for wish in kept_for(reading) if meets(wish, reading.catalogue, rows).any()]
    newest = [wish for wish in spoken if wish.set_at == spoken[0].set_at]
    return [newest, *([wish] for wish in spoken[len(newest) :])] if newest else []


def answered(
    reading: Reading, chosen: Sequence[Candidate], given: Sequence[Candidate], ranked: Sequence[Candidate]
) -> list[Candidate]:
    """`chosen` as the answer to what was wished for last: an older liking may outweigh a wish, but not silence it.

    What meets most of the newest wishes at once comes first and has half of the list, as far as `ranked` holds so
    much; any other wish that nothing meets has the last place. given: what else will stand on the list. How strong a
    wish is plays no part here, so a stronger one can only rank higher.
    """
    slate, catalogue, wanted = list(chosen), reading.catalogue, together(reading, _rows(ranked))
    if not wanted:
        return slate
    kept: set[int] = set()
    for place, wishes_now in enumerate(wanted):
        least = 1 if place else max(1, reading.request.size // NEWEST_SHARE)
        met = how_many(wishes_now, catalogue, _rows(ranked))
        for level in range(int(met.max(initial=0)), 0, -1):  # what meets all of them first, then most
            slate = _with([ranked[i] for i in np.flatnonzero(met >= level).tolist()], slate, given, least, kept)
        meeting = set(_rows(ranked)[met > 0].tolist())
        kept |= set([c.row for c in slate if c.row in meeting][:least])
    order = np.argsort(-how_many(wanted[0], catalogue, _rows(slate)), kind="stable")
    return [slate[place] for place in order.tolist()]


def _with(
    fit: Sequence[Candidate], slate: list[Candidate], given: Sequence[Candidate], least: int, kept: Collection[int]
) -> list[Candidate]:
    """The slate with at least so many of those that fit, best first, on its last places; the rows `kept` stay."""
    wanted = {c.row for c in fit}
    there = {c.row for c in (*slate, *given)}
    new = [c for c in fit if c.row not in there][: max(0, min(least, len(fit)) - len(wanted & there))]
    free = [place for place, c in enumerate(slate) if c.row not in wanted and c.row not in kept]
    gone = set(free[len(free) - min(len(new), len(free)) :])
    return [c for place, c in enumerate(slate) if place not in gone] + new[: len(gone)]


def how_many(wanted: Sequence[Entry], catalogue: Catalogue, rows: np.ndarray) -> np.ndarray:
    """How many of some wishes each row meets: int (n,).

    Of several genres, or people, one is enough: "history and true crime" are two shelves, "true crime podcasts" one.
    """
    sorts: dict[str, np.ndarray] = {}
    for wish in wanted:
        met = meets(wish, catalogue, rows)
        sorts[_sort(wish)] = sorts[_sort(wish)] | met if _sort(wish) in sorts else met
    return sum((met.astype(int) for met in sorts.values()), np.zeros(len(rows), dtype=int))


def _sort(wish: Entry) -> str:
    """What a wish is for one of: a genre, a format, a person or series, a theme; any other is a sort by itself."""
    if wish.factor == Factor.CATEGORY:
        return "genre"
    if wish.factor != Factor.ENTITY:
        return wish.name
    kind, _, name = wish.key.partition(":")
    return "format" if formats_called(form(name)) else "theme" if kind == "tag" else "name"


def _rows(candidates: Sequence[Candidate]) -> np.ndarray:
    return np.array([c.row for c in candidates], dtype=np.int64)


def _is_wish(reading: Reading, entry: Entry) -> bool:
    if entry.source not in SPOKEN or reading.request.now - entry.set_at > SITTING:
        return False
    if entry.factor in SIGNED:
        return entry.value != 0.0
    if entry.factor == Factor.LENGTH:
        return not says_nothing(entry)
    return entry.factor in WISHES and entry.value > 0.0
