"""Learning again: fit new models, judge them beside those that serve, and say whether they may take over.

Each listener's last likings are held back. For judging, the new models are fitted without them; what goes into service
is fitted once more on all events. The serving models judge the same window, themselves where they have seen none of it,
else refitted on the events that they knew less the window: a model that has seen the answers is no fair rival. Only
listeners of before judge: however many new accounts come in at once, they must not outvote them.

New models are refused where a ranking lost more than TOLERANCE of its NDCG@10 or NDCG@100 and chance does not explain
it (paired percentile bootstrap over listeners, 95 %), where a value is not finite, or where they know far fewer items.
The deeper measure is the sharper one where listeners are few, and recall looks deeper than ten places anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any

import numpy as np
from pydantic import BaseModel
from scipy import sparse

from catalog.catalogue import Catalogue
from recommend.arrays import best
from recommend.interactions import Interactions, Touches, strength
from recommend.models import Models, fit_models
from recommend.request import Event
from recommend.verdicts import SEED, Figure, Verdict, figure, worse

Fit = Callable[[Catalogue, Iterable[Event]], Models]
Read = Callable[[], Iterable[Event]]
"""The same events at every call: they are read several times, not held."""

DEPTHS = (10, 100)
HELD, PART = 3, 4
"""At most so many likings of a listener are held back, and at most one in PART."""
LEAST_JUDGES, MOST_JUDGES = 20, 1000
"""Listeners with something held back: below, nothing can be said; beyond, a sample is enough."""
LEAST_KNOWN = 0.8
"""Share of the items known so far that the new models must know."""
MODELS = ("collaborative", "neighbours", "graph")
"""The models that rank what a listener may like. What is trending is checked for its values alone."""


class Serving(BaseModel, frozen=True, extra="forbid"):
    """What is known of the models in service."""

    until: datetime
    """When the last event that they know happened."""
    forgotten: int = 0
    """How many of their events were deleted since. Forgetting is a promise: then no figure keeps them in service."""


@dataclass(frozen=True)
class Held:
    """One listener of the window."""

    liked: Mapping[int, float]
    """Row -> weight: what the models may know."""
    targets: frozenset[int]
    """The rows that they should find."""


@dataclass(frozen=True)
class Window:
    """What is held back."""

    listeners: tuple[Held, ...]
    pairs: frozenset[tuple[str, str]]
    """User and item ids: no event of these is learnt from while judging."""
    fresh: bool
    """Whether the serving models have seen none of it."""

    def without(self, events: Iterable[Event], until: datetime | None = None) -> Iterator[Event]:
        """The events outside the window, up to `until`."""
        return (e for e in events if (e.user_id, e.item_id) not in self.pairs and (until is None or e.at <= until))


def learn(
    catalogue: Catalogue,
    read: Read,
    rival: tuple[Models, Serving] | None = None,
    fit: Fit = fit_models,
) -> tuple[Models, Verdict]:
    """New models of all events, and whether they may take the place of `rival`."""
    models = fit(catalogue, read())
    wrong = faults(models, len(catalogue))
    if wrong or rival is None:
        return models, Verdict(accepted=not wrong, reasons=tuple(wrong) or ("the first models",))
    old, serving = rival
    window = hold_back(catalogue, read(), serving.until)
    figures: dict[str, Figure] = {}
    if len(window.listeners) >= LEAST_JUDGES:
        before = old if window.fresh else fit(catalogue, window.without(read(), serving.until))
        figures = compare(before, fit(catalogue, window.without(read())), window.listeners, catalogue)
    verdict = decide(models, old, figures, serving.forgotten)
    against = ("serving" if window.fresh else "refitted") if figures else "nothing"
    return models, verdict.model_copy(update={"listeners": len(window.listeners), "against": against})


def decide(models: Models, old: Models, figures: Mapping[str, Figure], forgotten: int) -> Verdict:
    """The rule of the gate for models without faults."""
    doubts = [line for line in (_narrower(models, old), *map(worse, figures, figures.values())) if line]
    if doubts and not forgotten:
        return Verdict(accepted=False, reasons=tuple(doubts), figures=dict(figures))
    if doubts:
        doubts.append(f"accepted all the same: the serving models know {forgotten} events that were deleted since")
    elif not figures:
        doubts.append("too few listeners to judge by figures")
    return Verdict(accepted=True, reasons=tuple(doubts) or ("no ranking got worse",), figures=dict(figures))


def hold_back(catalogue: Catalogue, events: Iterable[Event], until: datetime) -> Window:
    """The last likings of each listener of before `until`: where enough have such, only those touched since then."""
    names: set[str] = set()
    touches = Touches.of(catalogue, _noting(catalogue, events, names))
    users = sorted(names)
    day = until.timestamp() / 86400.0
    known = [(users[user], *_split(mine)) for user, mine in _by_listener(touches) if mine.days.min() <= day]
    split = [(name, one, first) for name, one, first in known if one is not None]
    new = [line for line in split if line[2] > day]
    chosen = _some(new if len(new) >= LEAST_JUDGES else split)
    pairs = frozenset((name, catalogue.items[row].id) for name, one, _ in chosen for row in one.targets)
    return Window(tuple(one for _, one, _ in chosen), pairs, fresh=len(new) >= LEAST_JUDGES)


def compare(before: Models, after: Models, listeners: Sequence[Held], catalogue: Catalogue) -> dict[str, Figure]:
    """NDCG of each model before and after, with the interval of the difference: see `Verdict.figures`."""
    found = {}
    for name in MODELS:
        sides = [np.array([_ndcg(models, name, one, catalogue) for one in listeners]) for models in (before, after)]
        for depth, old, new in zip(DEPTHS, sides[0].T, sides[1].T, strict=True):
            found[f"{name}@{depth}"] = figure(old, new)
    return found


def faults(models: Models, items: int) -> list[str]:
    """What makes models unfit to serve at all."""
    found = [f"{name}: a value is not finite" for name in ("trending", *MODELS) if not _finite(getattr(models, name))]
    sizes = {len(models.trending), models.collaborative.items}
    if sizes != {items}:
        found.append(f"made for {sorted(sizes)} items, but there are {items}")
    return found


def _narrower(models: Models, old: Models) -> str:
    known, before = len(models.collaborative.rows), len(old.collaborative.rows)
    return f"knows {known} items, the serving models {before}" if known < LEAST_KNOWN * before else ""


def _noting(catalogue: Catalogue, events: Iterable[Event], names: set[str]) -> Iterator[Event]:
    """Passes the events on; `names` gets the users whom `Touches` will number, in the order of their ids."""
    for event in events:
        if event.item_id in catalogue.row and strength(event) != 0.0:
            names.add(event.user_id)
        yield event


def _by_listener(touches: Touches) -> Iterator[tuple[int, Touches]]:
    order = np.argsort(touches.users, kind="stable")
    cuts = np.flatnonzero(np.diff(touches.users[order])) + 1
    for places in np.split(order, cuts) if len(order) else ():
        mine = Touches(
            touches.items, touches.users[places], touches.rows[places], touches.strengths[places], touches.days[places]
        )
        yield int(mine.users[0]), mine


def _split(mine: Touches) -> tuple[Held | None, float]:
    """What is held back of one listener, and the day when it was first touched; None where they liked too little."""
    liked = Interactions.from_touches(mine)
    size = min(HELD, len(liked.sequences[0]) // PART) if liked.sequences else 0
    if not size:
        return None, 0.0
    rows, weights = liked.sequences[0], liked.weights[0]
    known = dict(zip(rows[:-size].tolist(), weights[:-size].tolist(), strict=True))
    first = float(mine.days[np.isin(mine.rows, rows[-size:])].min())
    return Held(known, frozenset(rows[-size:].tolist())), first


def _some(lines: Sequence[Any]) -> Sequence[Any]:
    if len(lines) <= MOST_JUDGES:
        return lines
    places = np.random.default_rng(SEED).choice(len(lines), MOST_JUDGES, replace=False)
    return [lines[place] for place in np.sort(places)]


def _ndcg(models: Models, name: str, one: Held, catalogue: Catalogue) -> tuple[float, ...]:
    """At each of DEPTHS, among what the listener has not liked yet; 0 where the model has nothing to say."""
    scores = getattr(models, name).scores(one.liked)
    if scores is None:
        return (0.0,) * len(DEPTHS)
    scores = np.where(catalogue.available, scores, -np.inf)
    scores[list(one.liked)] = -np.inf
    first = best(scores, DEPTHS[-1])
    first = first[np.argsort(-scores[first], kind="stable")]
    worth = 1.0 / np.log2(np.arange(DEPTHS[-1]) + 2.0)
    gain = worth[: len(first)] * (np.isin(first, list(one.targets)) & (scores[first] > 0.0))
    return tuple(float(gain[:depth].sum() / worth[: min(depth, len(one.targets))].sum()) for depth in DEPTHS)


def _finite(part: object) -> bool:
    if isinstance(part, sparse.csr_matrix):
        return bool(np.isfinite(part.data).all())
    if isinstance(part, np.ndarray):
        return bool(np.isfinite(part).all())
    return not is_dataclass(part) or all(_finite(getattr(part, field.name)) for field in fields(part))
