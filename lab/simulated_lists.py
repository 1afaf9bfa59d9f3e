"""How good simulated listeners' lists are beside accuracy: one line a measure of `lab.metrics`, with its interval.

Exposures are the places of the lists, all at one moment; a place counts as clicked where the listener goes on to click
its item. What is right for a listener is what he or she likes afterwards. For constraint satisfaction each listener is
asked for once more, with a hard and a soft wish stated; whether an item meets them is read from its record, not taken
from the filters that made the list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog.catalogue import Catalogue
from catalog.items import Item, under
from lab import metrics
from lab.metrics import Estimate, NewCategories, Touch
from recommend.calibration import shares
from recommend.interactions import strength
from recommend.mix import MEASURED
from recommend.pbox import Entry, Factor, Hardness, PBox
from recommend.request import Event, Listener, Request

PLACES: int = Request.model_fields["size"].default
"""Of a home list."""
Lists = Sequence[Sequence[str]]
"""For each listener item ids, best first."""


@dataclass(frozen=True)
class Wish:
    """Something that a listener states, and how its keeping shows in an item's record."""

    factor: Factor
    key: str
    value: float
    met: Callable[[Item], bool]

    def entry(self, hardness: Hardness, at: datetime) -> Entry:
        return Entry(factor=self.factor, key=self.key, value=self.value, hardness=hardness, set_at=at)


HARD = (
    Wish(Factor.ACCESS, "", -1.0, lambda item: item.access == "free"),
    Wish(Factor.STATUS, "", 1.0, lambda item: item.status == "completed"),
    Wish(Factor.LENGTH, "max", 60.0, lambda item: item.sitting_minutes <= 60.0),
    Wish(Factor.BLOCK, "category:mystery", 1.0, lambda item: not _in(item, "mystery")),
)
SOFT = (
    Wish(Factor.CATEGORY, "history", 0.6, lambda item: _in(item, "history")),
    Wish(Factor.MOOD, "funny", 0.8, lambda item: "funny" in item.moods),
    Wish(Factor.MOOD, "calm", 0.8, lambda item: "calm" in item.moods),
)


@dataclass(frozen=True)
class Shown:
    """To whom the lists were shown, when, and what lies before and after that."""

    catalogue: Catalogue
    people: tuple[Listener, ...]
    at: datetime
    before: Sequence[Event]
    after: Sequence[Event]

    def exposures(self, lists: Lists) -> list[tuple[str, Item]]:
        """Listener and item of every place."""
        pairs = zip(self.people, lists, strict=True)
        return [(one.user_id, self.catalogue.item(item_id)) for one, ranked in pairs for item_id in ranked[:PLACES]]

    def clicks(self) -> list[Touch]:
        """The clicks before."""
        clicked = (event for event in self.before if event.kind == "click" and event.item_id in self.catalogue.row)
        return [Touch(e.user_id, e.at, _top(self.catalogue.item(e.item_id))) for e in clicked]


def stated(number: int, at: datetime) -> PBox:
    """What the listener of this number states: each wish of HARD and SOFT in turn."""
    hard, soft = wishes_of(number)
    return PBox(version=1, entries=(hard.entry("hard", at), soft.entry("soft", at)))


def wishes_of(number: int) -> tuple[Wish, Wish]:
    """The hard and the soft wish of the listener of this number."""
    return HARD[number % len(HARD)], SOFT[number % len(SOFT)]


def quality(shown: Shown, lists: Lists, wished: Lists) -> list[str]:
    """The lines of the report; `wished` are the lists for what was `stated`."""
    found: dict[str, Estimate | NewCategories | None] = {
        "ENR, exposures in a new top category": exposure_novelty(shown, lists),
        "CNR, the same of those that were clicked": click_novelty(shown, lists),
        "constraint satisfaction, hard wishes": satisfaction(shown, wished, 0),
        "constraint satisfaction, soft wishes": satisfaction(shown, wished, 1),
        "intra-list diversity": diversity(shown, lists),
        "novelty, bits": novelty(shown, lists),
        "miscalibration, nats": miscalibration(shown, lists),
        "serendipity": serendipity(shown, lists),
    }
    told = "means over listeners, ENR and CNR ratios of sums [95 %]"
    head = f"simulated: {len(shown.people)} listeners' lists of {PLACES}; {told}"
    return [head, *(f"{name:41} {_told(value)}" for name, value in found.items())]


def exposure_novelty(shown: Shown, lists: Lists) -> NewCategories | None:
    """ENR: see `metrics.new_category_rate`."""
    touches = [Touch(user, shown.at, _top(item)) for user, item in shown.exposures(lists)]
    return metrics.new_category_rate(touches, shown.clicks()) if touches else None


def click_novelty(shown: Shown, lists: Lists) -> NewCategories | None:
    """CNR over the places that were clicked, each as of its exposure; None where none was."""
    clicked = {(event.user_id, event.item_id) for event in shown.after if event.kind == "click"}
    some = [(user, item) for user, item in shown.exposures(lists) if (user, item.id) in clicked]
    touches = [Touch(user, shown.at, _top(item)) for user, item in some]
    return metrics.new_category_rate(touches, shown.clicks()) if touches else None


def satisfaction(shown: Shown, wished: Lists, which: int) -> Estimate | None:
    """Share of the items that meet the wish `which` of `wishes_of`; None where nothing could be shown to anybody."""
    items = [[shown.catalogue.item(item_id) for item_id in ranked[:PLACES]] for ranked in wished]
    wishes = [wishes_of(number)[which] for number in range(len(items))]
    return _over(
        metrics.satisfied([wish.met(item) for item in mine]) for wish, mine in zip(wishes, items, strict=True) if mine
    )


def diversity(shown: Shown, lists: Lists) -> Estimate | None:
    """`metrics.intra_list_diversity` by content vectors, of lists of two items and more."""
    row, vectors = shown.catalogue.row, shown.catalogue.vectors
    return _over(
        metrics.intra_list_diversity(ranked, {item_id: vectors[row[item_id]] for item_id in ranked}, PLACES)
        for ranked in lists
        if len(ranked) > 1
    )


def novelty(shown: Shown, lists: Lists) -> Estimate | None:
    """`metrics.novelty`, by how many of the listeners touched an item before."""
    heard: dict[metrics.Id, int] = {**_listeners(shown.before)}
    return _over(metrics.novelty(ranked, heard, len(shown.people), PLACES) for ranked in lists if ranked)


def miscalibration(shown: Shown, lists: Lists) -> Estimate | None:
    """`metrics.miscalibration` by the genres of the mixing stage, for listeners who liked something before."""
    liked: dict[str, Counter[str]] = {}
    for event in shown.before:
        if event.item_id in shown.catalogue.row and (weight := strength(event)) > 0.0:
            _add(liked.setdefault(event.user_id, Counter()), shown.catalogue.item(event.item_id), weight)
    values = []
    for one, ranked in zip(shown.people, lists, strict=True):
        if ranked and one.user_id in liked:
            listed: Counter[str] = Counter()
            for item_id in ranked[:PLACES]:
                _add(listed, shown.catalogue.item(item_id), 1.0)
            values.append(metrics.miscalibration(_normalised(listed), _normalised(liked[one.user_id])))
    return _over(values)


def serendipity(shown: Shown, lists: Lists) -> Estimate | None:
    """`metrics.serendipity` for listeners who like something afterwards; the most heard items are expected."""
    expected = {item_id for item_id, _ in _listeners(shown.before).most_common(PLACES)}
    liked: dict[str, set[str]] = {}
    for event in shown.after:
        if strength(event) > 0.0:
            liked.setdefault(event.user_id, set()).add(event.item_id)
    return _over(
        metrics.serendipity(ranked, liked[one.user_id], expected, PLACES)
        for one, ranked in zip(shown.people, lists, strict=True)
        if one.user_id in liked
    )


def _listeners(events: Iterable[Event]) -> Counter[str]:
    """Item id -> how many listeners touched it."""
    return Counter(item_id for _, item_id in {(e.user_id, e.item_id) for e in events if e.kind != "impression"})


def _add(counts: Counter[str], item: Item, weight: float) -> None:
    for genre, share in shares(item, MEASURED.depth).items():
        counts[genre] += weight * share  # type: ignore[assignment]


def _normalised(counts: Counter[str]) -> dict[str, float]:
    total = sum(counts.values())
    return {genre: value / total for genre, value in counts.items()}


def _over(values: Iterable[float]) -> Estimate | None:
    some = list(values)
    return metrics.over_users(some) if some else None


def _told(value: Estimate | NewCategories | None) -> str:
    if value is None:
        return "nothing to measure"
    estimate, counts = (
        (value.rate, f" ({value.new} of {value.total})") if isinstance(value, NewCategories) else (value, "")
    )
    return f"{estimate.mean:6.3f} [{estimate.low:.3f}, {estimate.high:.3f}]{counts}"


def _top(item: Item) -> str:
    return item.category.partition("/")[0]


def _in(item: Item, path: str) -> bool:
    return any(under(own, path) for own in item.categories)
