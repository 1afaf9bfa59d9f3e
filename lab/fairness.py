"""Simulated listeners' lists: who gets the exposure, how good they are.  Run: python -m lab.fairness [--data-dir DIR]

The listeners' events are cut AFTER before their end. Models and histories know what lies before, and each listener gets
the first list of a return at that moment, ordered by the ranker of the settings unless `--scorer` names another.

A provider is who stands for the publisher's side of a record (`recommend.caps.provider`: the host of a podcast, else
the author). Its exposure is the sum of 1 / log2(1 + position) over the places that its items get; beside it stand its
share of the catalogue and its merit, the share of all liking in the listeners' histories that went to its items
(Singh & Joachims, KDD 2018: exposure ought to follow merit). How good the lists are beside that is measured by
`lab.simulated_lists`. The listeners are simulated: so are the figures.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from catalog.catalogue import Catalogue
from catalog.opening import open_catalogue
from catalog.search import Search
from lab.bench.scorer import add_scorer
from lab.metrics import gini
from lab.simulated_lists import Shown, quality, stated
from recommend.campaigns import Campaigns
from recommend.caps import provider
from recommend.interactions import strength
from recommend.models import fit_models
from recommend.pbox import PBox
from recommend.pipeline import Pipeline
from recommend.population import simulate
from recommend.rankers import ranker
from recommend.request import Event, History, Listener, Request

SHOWN = 10
UNNAMED = "(nobody named)"
AFTER = timedelta(days=15)
"""What of the simulated events says what the lists should have held."""


@dataclass(frozen=True)
class Exposure:
    """What one provider gets, as shares of the whole."""

    provider: str
    exposure: float
    catalogue: float
    merit: float


def exposures(catalogue: Catalogue, lists: Sequence[Sequence[str]], events: Iterable[Event]) -> list[Exposure]:
    """Every provider of the catalogue, the most exposed first; `lists` hold item ids, best first."""
    who = {item.id: provider(item) or UNNAMED for item in catalogue.items}
    offered = Counter(who.values())
    shown: Counter[str] = Counter()
    for ranked in lists:
        for position, item_id in enumerate(ranked, 1):
            shown[who[item_id]] += 1.0 / math.log2(1 + position)  # type: ignore[assignment]
    liked: Counter[str] = Counter()
    for event in events:
        if event.item_id in who:
            liked[who[event.item_id]] += max(0.0, strength(event))  # type: ignore[assignment]
    parts = [_shares(counts) for counts in (shown, offered, liked)]
    found = [Exposure(name, *(part.get(name, 0.0) for part in parts)) for name in offered]
    return sorted(found, key=lambda one: (-one.exposure, one.provider))


def disparity(found: Sequence[Exposure]) -> float:
    """Share of the exposure that would have to move for it to follow merit: half the sum of the differences, 0 to 1."""
    return 0.5 * sum(abs(one.exposure - one.merit) for one in found)


def lists_of(
    pipeline: Pipeline,
    people: Sequence[Listener],
    events: Sequence[Event],
    now: datetime,
    said: Callable[[int], PBox] = lambda _: PBox(),
) -> list[list[str]]:
    """The first list that each listener would see; said: what the listener of a number has asked for."""
    mine: dict[str, list[Event]] = {}
    for event in events:
        mine.setdefault(event.user_id, []).append(event)
    asked = (
        Request(listener=one, pbox=said(number), history=History(events=tuple(mine.get(one.user_id, ()))), now=now)
        for number, one in enumerate(people)
    )
    return [list(pipeline.recommend(request).item_ids) for request in asked]


def report(catalogue: Catalogue, lists: Sequence[Sequence[str]], events: Iterable[Event]) -> str:
    """The table as text."""
    found = exposures(catalogue, lists, events)
    who = {item.id: provider(item) or UNNAMED for item in catalogue.items}
    unequal = gini([[who[item_id] for item_id in ranked] for ranked in lists], len(found))
    lines = [
        f"simulated: {len(lists)} listeners' lists, {len(found)} providers of {len(catalogue)} items",
        f"providers on no list {sum(one.exposure == 0 for one in found)}; Gini of places by provider {unequal:.3f}; "
        f"share of exposure that does not follow merit {disparity(found):.3f}",
        f"{'provider':32} {'exposure':>9} {'catalogue':>10} {'merit':>7} {'exp./cat.':>10} {'exp./merit':>10}",
    ]
    for one in found[:SHOWN]:
        ratios = f"{_ratio(one.exposure, one.catalogue):>10} {_ratio(one.exposure, one.merit):>10}"
        lines.append(f"{one.provider[:32]:32} {one.exposure:9.2%} {one.catalogue:10.2%} {one.merit:7.2%} {ratios}")
    top = found[:SHOWN]
    lines.append(
        f"{f'these {len(top)} together':32} {sum(o.exposure for o in top):9.2%} {sum(o.catalogue for o in top):10.2%} "
        f"{sum(o.merit for o in top):7.2%}"
    )
    return "\n".join(lines)


def _shares(counts: Mapping[str, float]) -> dict[str, float]:
    total = sum(counts.values())
    return {name: value / total for name, value in counts.items()} if total else {}


def _ratio(one: float, other: float) -> str:
    return f"{one / other:.2f}" if other else "-"


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate the listeners over the catalogue of a data folder, ask for their lists, print what they come to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="a data folder; default: the demonstration catalogue")
    parser.add_argument("--listeners", type=int, default=100, help="simulated listeners beside the personas")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--campaigns", type=Path, help="file of campaigns to hold while the lists are made")
    add_scorer(parser)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as empty:
        catalogue = open_catalogue(options.data_dir or Path(empty))
    people, events = simulate(catalogue, listeners=options.listeners, seed=options.seed)
    now = events[-1].at - AFTER if events else datetime.now(UTC)
    before, after = [e for e in events if e.at < now], [e for e in events if e.at >= now]
    pipeline = Pipeline(
        catalogue,
        Search(catalogue),
        fit_models(catalogue, before),
        scorer=ranker(options.scorer, catalogue),
        campaigns=Campaigns(options.campaigns),
    )
    lists = lists_of(pipeline, people, before, now)
    wished = lists_of(pipeline, people, before, now, lambda number: stated(number, now))
    print(f"ranker: {options.scorer}")
    print(report(catalogue, lists, before))
    print("\n".join(quality(Shown(catalogue, tuple(people), now, before, after), lists, wished)))


if __name__ == "__main__":
    main()
