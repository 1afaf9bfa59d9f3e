"""Does the ranker learn what listeners do otherwise?  Run: python -m lab.recommender.shifted [--data-dir DATA]

Two worlds: "same", the population that the shipped ranker was trained for (with another seed), and "shifted", whose
listeners love what is long, old and little heard. In each, for logs of several sizes, NDCG@10 of the listeners who
judge: the shipped trees, new ones on top of them (what the product does), new ones that learnt from simulated lists
too, new ones that learnt from the log alone, and the additive scorer.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from catalog.catalogue import Catalogue
from catalog.demo import demo_items
from catalog.opening import open_catalogue
from lab.recommender.rank_data import cheap
from recommend.models import fit_models
from recommend.population import simulate
from recommend.rankers import LambdaMart
from recommend.ranking import lambdamart
from recommend.ranking.gate import ndcg
from recommend.ranking.lambdamart import TrainConfig
from recommend.ranking.learn import CONFIG, SHIPPED, Material, material
from recommend.ranking.lists import joined
from recommend.ranking.periods import Log
from recommend.request import Event, EventKind, Listener

UNTIL = datetime(2026, 11, 20, tzinfo=UTC)
DAYS = 60
ANEW = TrainConfig()
LISTENERS = (60, 120, 240, 400, 800)
OTHER_SEED = 77
"""Of the simulated listeners whose lists are mixed in."""


def shifted(
    catalogue: Catalogue, *, listeners: int, seed: int, until: datetime, love: float = 3.0
) -> tuple[list[Listener], list[Event]]:
    """Listeners who each like two categories and, above all, what is long, old and little heard; oldest event first."""
    rng = np.random.default_rng(seed)
    open_rows = np.flatnonzero(catalogue.available)
    categories = sorted({item.category for item in catalogue.items})
    odd = love * (_rank(catalogue.sitting_minutes) - catalogue.popularity - catalogue.recency)
    people, events = [], []
    for number in range(listeners):
        tongue = ("en", "zh")[number % 2]
        listener = Listener(user_id=f"odd-{number:04d}", ui_language=tongue)
        liking = odd + 2.0 * sum(catalogue.in_category(path) for path in rng.choice(categories, 2, replace=False))
        liking = (liking - 5.0 * (catalogue.languages != tongue))[open_rows] + rng.gumbel(size=len(open_rows))
        people.append(listener)
        for row in open_rows[np.argsort(-liking)[: int(rng.integers(10, 22))]].tolist():
            at = until - timedelta(days=float(rng.uniform(0, DAYS)))
            kinds: tuple[EventKind, ...] = ("click", "play", "like") if rng.random() < 0.5 else ("click", "play")
            for step, kind in enumerate(kinds):
                moment = at + timedelta(minutes=step)
                item_id = catalogue.items[row].id
                events.append(Event(user_id=listener.user_id, item_id=item_id, kind=kind, at=moment))
    return people, sorted(events, key=lambda event: event.at)


def _rank(column: np.ndarray) -> np.ndarray:
    """Percentiles, 0..1."""
    return np.argsort(np.argsort(column)) / max(1, len(column) - 1)


def log_of(people: Sequence[Listener], events: Sequence[Event]) -> Log:
    """A log of these events alone: nothing is known of what was shown."""
    by_id = {listener.user_id: listener for listener in people}
    return Log(lambda: events, lambda: (), lambda ids: {one: by_id[one] for one in ids})


def arms(found: Material, more: Material, catalogue: Catalogue) -> dict[str, float]:
    """NDCG@10 of each way to learn. more: simulated lists of another population."""
    lessons, valid, exam = joined(found.lessons), joined(found.valid), joined(found.exam)
    under = LambdaMart.load(SHIPPED)
    shipped = under.raw(exam.at_top().table)
    on_top = lambdamart.train(lessons, valid, CONFIG, under)
    mixed = lambdamart.train(joined([*found.lessons, *more.lessons]), valid, ANEW)
    anew = lambdamart.train(lessons, valid, ANEW)
    scores = {
        "additive": exam.baseline,
        "shipped": shipped - exam.worn,
        "on top": shipped + lambdamart.scores(on_top, exam) - exam.worn,
        "mixed": lambdamart.scores(mixed, exam) - exam.worn,
        "anew": lambdamart.scores(anew, exam) - exam.worn,
    }
    return {name: float(ndcg(values, exam).mean()) for name, values in scores.items()}


def main(argv: Sequence[str] | None = None) -> None:
    """Print a line for each world and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="data folder with real vectors; default: cheap ones, by words")
    parser.add_argument("--listeners", type=int, nargs="*", default=LISTENERS)
    parser.add_argument("--seed", type=int, default=5)
    args = parser.parse_args(argv)
    catalogue = open_catalogue(args.data_dir) if args.data_dir else cheap(demo_items())
    more = material(catalogue, log_of(*simulate(catalogue, seed=OTHER_SEED, until=UNTIL)), fit_models)
    for name, world in (("same", simulate), ("shifted", shifted)):
        for size in args.listeners:
            told = log_of(*world(catalogue, listeners=size, seed=args.seed, until=UNTIL))
            found = material(catalogue, told, fit_models)
            figures = " ".join(f"{arm} {value:.4f}" for arm, value in arms(found, more, catalogue).items())
            print(f"{name} listeners={size} lists={len(found.lessons)} judges={len(found.exam)}: {figures}", flush=True)


if __name__ == "__main__":
    main()
