"""What campaigns do to a list: pins take places, boosts and buries shift scores, all of it within the hard filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from catalog.catalogue import Catalogue
from recommend.campaigns import MOST_STRENGTH, TARGET_KINDS, Campaign
from recommend.caps import provider_side
from recommend.reading import Reading
from recommend.request import Candidate, Effect, Promotion

FACTOR = "campaign"
"""`Effect.factor` of a campaign's shift, `Effect.key` being its id; also the name of the recall source."""
PINNED_SHARE = 3
"""At most one place in so many is pinned."""

Placed = TypeVar("Placed")


def hits(reading: Reading, active: Sequence[Campaign]) -> tuple[np.ndarray, np.ndarray] | None:
    """The campaign source of recall: rows (ascending) and scores in (0, 1] of what is pinned or boosted; None for none.

    A pin and a boost of MOST_STRENGTH score 1: weighed by MOST_STRENGTH in a linear ranking, a boost counts in full.
    """
    found = {campaign: targets(reading.catalogue, campaign) for campaign in active if campaign.kind != "bury"}
    rows = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *found.values()]))
    scores = np.zeros(len(rows), dtype=np.float32)
    for campaign, own in found.items():
        places = np.searchsorted(rows, own)
        scores[places] = np.maximum(scores[places], campaign.shift / MOST_STRENGTH or 1.0)
    return (rows, scores) if len(rows) else None


def targets(catalogue: Catalogue, campaign: Campaign) -> np.ndarray:
    """The rows that a campaign is about, in catalogue order."""
    found = np.zeros(len(catalogue), dtype=bool)
    found[named(catalogue, campaign)] = True
    for kind, name in map(split, campaign.target):
        if kind == "provider":
            both = catalogue.holds("author", name) | catalogue.holds("narrator", name)
            rows = np.flatnonzero(both)
            found[rows[_held(catalogue, kind, name, rows)]] = True
        elif kind != "item":
            found |= catalogue.holds(kind, name)
    return np.flatnonzero(found)


def named(catalogue: Catalogue, campaign: Campaign) -> list[int]:
    """The rows that a campaign names by item id, in its order."""
    known = catalogue.row
    return list(dict.fromkeys(known[n] for kind, n in map(split, campaign.target) if kind == "item" and n in known))


def aimed_at(catalogue: Catalogue, campaign: Campaign, rows: np.ndarray) -> np.ndarray:
    """Mask over `rows`: those that a campaign is about. Looks at nothing else, so it is cheap for a short list."""
    hit = np.isin(rows, named(catalogue, campaign))
    for kind, name in map(split, campaign.target):
        if kind != "item":
            hit |= _held(catalogue, kind, name, rows)
    return hit


def aimless(catalogue: Catalogue, campaigns: Sequence[Campaign]) -> list[str]:
    """A sentence for every target that nothing in the catalogue has."""
    alone = [campaign.model_copy(update={"target": (name,)}) for campaign in campaigns for name in campaign.target]
    return [
        f"campaign {one.id!r}: target {one.target[0]!r} is nothing in this catalogue; use an item id or kind:name"
        for one in alone
        if not len(targets(catalogue, one))
    ]


def split(target: str) -> tuple[str, str]:
    """("author", "Jane Austen") of "author:Jane Austen"; what begins with no known kind is an item id."""
    kind, colon, name = target.partition(":")
    return (kind, name.strip()) if colon and kind in TARGET_KINDS else ("item", target)


def _held(catalogue: Catalogue, kind: str, name: str, rows: np.ndarray) -> np.ndarray:
    if kind != "provider":
        return catalogue.holds(kind, name)[rows]
    by_author, by_narrator = (catalogue.holds(side, name)[rows] for side in ("author", "narrator"))
    sides = np.array([provider_side(catalogue.items[row]) == "author" for row in rows.tolist()], dtype=bool)
    return np.where(sides, by_author, by_narrator)


def steered(reading: Reading, ranked: list[Candidate], active: Sequence[Campaign]) -> list[Candidate]:
    """The candidates with the shifts of boosts and buries among their effects, best first."""
    moving = [campaign for campaign in active if campaign.shift]
    if not moving or not ranked:
        return ranked
    rows = np.array([c.row for c in ranked])
    own: dict[int, tuple[Campaign, ...]] = {}
    for campaign in moving:
        for place in np.flatnonzero(aimed_at(reading.catalogue, campaign, rows))[: campaign.cap].tolist():
            own[place] = (*own.get(place, ()), campaign)
    said = {campaigns: _said(campaigns) for campaigns in set(own.values())}
    moved = list(ranked)
    for place, campaigns in own.items():
        effects, lifted = said[campaigns]
        update = {"effects": ranked[place].effects + effects, "promotion": lifted}
        moved[place] = ranked[place].model_copy(update=update)
    return sorted(moved, key=lambda c: -score(c)) if own else ranked


def _said(campaigns: Sequence[Campaign]) -> tuple[tuple[Effect, ...], Promotion | None]:
    """What several campaigns do to one item, within the bound, and what is told of it."""
    total = sum(campaign.shift for campaign in campaigns)
    shrink = min(1.0, MOST_STRENGTH / max(abs(total), 1e-9))
    effects = tuple(Effect(factor=FACTOR, key=campaign.id, shift=campaign.shift * shrink) for campaign in campaigns)
    lifted = max(campaigns, key=lambda campaign: campaign.shift).promotion if total > 0.0 else None
    return effects, lifted


def score(candidate: Candidate) -> float:
    """The fine score with what campaigns add to it or take."""
    total = candidate.fine
    for effect in candidate.effects:
        if effect.factor == FACTOR:
            total += effect.shift
    return total


def pinned(reading: Reading, ranked: list[Candidate], active: Sequence[Campaign]) -> dict[int, Candidate]:
    """Place (1-based) -> the candidate that a campaign puts there; at most every third place of the list.

    A pin that finds its place taken has the next free one; a place beyond the list is not given.
    """
    size = reading.request.size
    places: dict[int, Candidate] = {}
    known = {candidate.row: candidate for candidate in ranked}
    for campaign in (c for c in active if c.kind == "pin"):
        place = campaign.position or 1
        for row in _fitting(reading, campaign, list(known), [c.row for c in places.values()]):
            while place in places:
                place += 1
            if place <= size and len(places) < size // PINNED_SHARE:
                places[place] = _pin(reading, row, known.get(row), campaign)
    return places


def _fitting(reading: Reading, campaign: Campaign, ranked: list[int], taken: list[int]) -> list[int]:
    """The allowed rows that a pin takes: items as named, then those of a kind, from the best for this listener down."""
    order = np.array(ranked, dtype=np.int64)
    found = [*named(reading.catalogue, campaign), *order[aimed_at(reading.catalogue, campaign, order)].tolist()]
    fit = [row for row in dict.fromkeys(found) if reading.allowed[row] and row not in taken]
    most = campaign.cap or 1
    if len(fit) < most:
        others = targets(reading.catalogue, campaign)
        others = others[reading.allowed[others] & ~np.isin(others, [*fit, *taken])]
        standing = reading.catalogue.quality[others] + 0.8 * reading.catalogue.popularity[others]
        fit += others[np.argsort(-standing, kind="stable")].tolist()
    return fit[:most]


def _pin(reading: Reading, row: int, found: Candidate | None, campaign: Campaign) -> Candidate:
    item_id = reading.catalogue.items[row].id
    candidate = found or Candidate(item_id=item_id, row=row, sources={FACTOR: 1.0})
    return candidate.model_copy(update={"slot": "campaign", "promotion": campaign.promotion})


def placed(others: Sequence[Placed], places: Mapping[int, Placed]) -> list[Placed]:
    """`others` in their order around what has a place (1-based); places beyond the end close up."""
    left = list(others)
    slate: list[Placed] = []
    for place in sorted(places):
        before = place - 1 - len(slate)
        slate += [*left[:before], places[place]]
        left = left[before:]
    return [*slate, *left]


def kept_in_place(mixed: Sequence[Candidate], chosen: Sequence[Candidate]) -> list[Candidate]:
    """`chosen`, a reordering of `mixed`, with the pinned candidates back on their places."""
    places = {place: c for place, c in enumerate(mixed, 1) if c.slot == "campaign"}
    return placed([c for c in chosen if c.slot != "campaign"], places) if places else list(chosen)
