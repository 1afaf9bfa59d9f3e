"""The fine ranker learns from the event log: lists by periods, trees on top of the shipped ones, and the gate.

New trees are always put on top of the shipped ones: they learn what the listeners of this installation do otherwise,
and as every training starts there again, nothing adds up from one to the next. With 700 lists that was better than to
start from nothing or to mix in simulated lists, for listeners like the simulated ones and for others; with 200 lists
chance decided among the three (`lab.recommender.shifted`).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import onnx

from catalog.catalogue import Catalogue
from recommend.models import Models
from recommend.rankers import TREES, WEIGHTS, LambdaMart
from recommend.ranking import lambdamart
from recommend.ranking.gate import judged
from recommend.ranking.lambdamart import TrainConfig
from recommend.ranking.lists import Lists, fingerprint, joined
from recommend.ranking.periods import Asked, Log, asked, checks, judges, periods
from recommend.ranking.questions import built
from recommend.ranking.trees import added, as_onnx
from recommend.request import Event
from recommend.verdicts import Verdict

SHIPPED = WEIGHTS / "lambdamart"
"""The weights that new trees are put on top of."""
CONFIG = TrainConfig(trees=150, leaves=7, patience=30)
"""Smaller trees and fewer of them than for the shipped ranker: there is less to learn from."""
LEAST_LISTS, LEAST_CHECKS = 100, 10
"""Lists to learn from, and to stop by, without which nothing is learnt."""
Fit = Callable[[Catalogue, Iterable[Event]], Models]


@dataclass(frozen=True, eq=False)
class Material:
    """Lists of three kinds of listeners with nobody in common."""

    lessons: tuple[Lists, ...]
    valid: tuple[Lists, ...]
    """To stop by."""
    exam: tuple[Lists, ...]
    """Of the window alone."""


def learn_ranker(
    catalogue: Catalogue, log: Log, serving: LambdaMart | None, fit: Fit, folder: Path, config: TrainConfig = CONFIG
) -> Verdict:
    """A new ranker, written to `folder` where it may take the place of `serving`; else nothing is left there.

    serving: None where the sum serves that can be read.
    """
    found = material(catalogue, log, fit)
    if lacks := _lacks(found):
        return Verdict(accepted=False, reasons=(lacks,))
    lessons = joined(found.lessons)
    card = _write(folder, lessons, joined(found.valid), config)
    new = LambdaMart.load(folder)
    verdict = judged(new, serving, joined(found.exam))
    if verdict.accepted:
        lambdamart.save_card(folder, {**card, "held_out": verdict.model_dump(mode="json", exclude={"ranker"})})
    else:
        shutil.rmtree(folder)
    return verdict


def material(catalogue: Catalogue, log: Log, fit: Fit) -> Material:
    """The lists of a log, by what they are for."""
    spans, users = periods(log.events())
    found = Material((), (), ())
    for number, group in groupby(asked(log, spans, users), key=attrgetter("period")):
        start = spans[number].start
        models = fit(catalogue, (event for event in log.events() if event.at < start))
        found = _more(found, list(group), models, catalogue, window=number == len(spans) - 1)
    return found


def _more(found: Material, group: list[Asked], models: Models, catalogue: Catalogue, *, window: bool) -> Material:
    """The material with the lists of one more period."""

    def of(wanted: Callable[[str], bool]) -> tuple[Lists, ...]:
        return built(catalogue, models, (q for one in group if wanted(one.user_id) for q in one.questions))

    return Material(
        lessons=found.lessons + of(lambda user: not judges(user) and not checks(user)),
        valid=found.valid + of(checks),
        exam=found.exam + (of(judges) if window else ()),
    )


def _lacks(found: Material) -> str:
    """What there is too little of to learn, in words; "" where there is enough."""
    needed = (
        (len(found.lessons), LEAST_LISTS, "lists to learn from"),
        (len(found.valid), LEAST_CHECKS, "lists to stop by"),
        (len(found.exam), 1, "lists to judge by"),
    )
    return "; ".join(f"too few {what}: {count}, {least} needed" for count, least, what in needed if count < least)


def _write(folder: Path, lessons: Lists, valid: Lists, config: TrainConfig) -> dict[str, Any]:
    """Train, and write what `LambdaMart.load` reads; gives the card."""
    under = LambdaMart.load(SHIPPED)
    booster = lambdamart.train(lessons, valid, config, under)
    pools = lessons.of([one for one, at in enumerate(lessons.starts[:-1]) if lessons.places[at] < 0])
    usual = pools if len(pools) else lessons
    raw = under.raw(usual.at_top().table) + lambdamart.scores(booster, usual)
    card = {
        **lambdamart.told(config, booster),
        "data": "event log",
        "data_sha256": fingerprint(lessons),
        "lists": len(lessons),
        "candidates": len(lessons.rows),
        "listeners": len(set(lessons.listeners)),
        "on_top_of_sha256": hashlib.sha256((SHIPPED / TREES).read_bytes()).hexdigest(),
        "scale": asdict(lambdamart.scale(raw, usual)),
        "trained_by": "recommend.ranking.learn",
    }
    lambdamart.save(folder, added(onnx.load(SHIPPED / TREES), as_onnx(booster)), card)
    return card
