"""One list to learn from: what a listener was shown, or what the pipeline would have offered, and what came of it.

The history before the moment is read exactly as at serving, by models that were fitted without anything that comes
after it; what the listener did afterwards grades the candidates. Where it is known what was shown, that alone is the
list: what was not shown tells nothing. Elsewhere it is the pool of the pipeline; what the pool missed stays with the
list as relevant, so that figures count it. No language model and no search index is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from catalog.catalogue import Catalogue
from recommend.coarse import coarse
from recommend.features import TOP_PLACE, features, history
from recommend.fine import additive, worn
from recommend.models import Models
from recommend.ranking.grades import GOOD, grades
from recommend.ranking.lists import Lists, joined
from recommend.reading import Reading, read
from recommend.recall import Pool, given, recall
from recommend.request import Event, History, Intent, Listener, Request


@dataclass(frozen=True)
class Question:
    """What would this listener have wanted at this moment?"""

    listener: Listener
    before: tuple[Event, ...]
    """Oldest first."""
    after: tuple[Event, ...]
    now: datetime
    intent: Intent = "home"
    shown: Mapping[str, int] = field(default_factory=dict)
    """Item id -> place from 0, where it is known what was shown; {}: it is not."""


def lists(catalogue: Catalogue, models: Models, questions: Iterable[Question]) -> Lists:
    """The questions with features and grades, as `built` leaves them. ValueError where none is left."""
    return joined(built(catalogue, models, questions))


def built(catalogue: Catalogue, models: Models, questions: Iterable[Question]) -> tuple[Lists, ...]:
    """A list for each question, but for those of whom nothing is known or who did nothing with what was there."""
    found = (_list(catalogue, models, question) for question in questions)
    return tuple(one for one in found if one is not None)


def offered(catalogue: Catalogue, models: Models, question: Question) -> tuple[Reading, Pool]:
    """The reading and the pool of a question as at serving; what was touched before is not offered again."""
    touched = frozenset(event.item_id for event in question.before if event.kind != "impression")
    reading = _read(catalogue, models, question, touched)
    return reading, coarse(reading, recall(reading, None))


def shown(catalogue: Catalogue, models: Models, question: Question) -> tuple[Reading, Pool]:
    """The reading of a question, and what was shown as a pool; items that have gone since are left out."""
    reading = _read(catalogue, models, question, frozenset())
    rows = [catalogue.row[item] for item in question.shown if item in catalogue.row]
    return reading, given(reading, np.array(rows, dtype=np.int64))


def _read(catalogue: Catalogue, models: Models, question: Question, seen: frozenset[str]) -> Reading:
    request = Request(
        listener=question.listener,
        history=History(events=question.before),
        now=question.now,
        intent=question.intent,
        seen=seen,
        seed=int(question.now.timestamp()) // 3600,
    )
    return read(request, catalogue, models)


def _list(catalogue: Catalogue, models: Models, question: Question) -> Lists | None:
    graded = {catalogue.row[item]: grade for item, grade in grades(question.after).items() if item in catalogue.row}
    good = frozenset(row for row, grade in graded.items() if grade >= GOOD)
    if not (question.shown or good):
        return None
    reading, pool = (shown if question.shown else offered)(catalogue, models, question)
    marks = np.array([graded.get(row, 0) for row in pool.rows.tolist()], dtype=np.int8)
    if not reading.past.liked or not len(pool) or not (good or marks.any()):
        return None
    ids = catalogue.items
    place = np.array([question.shown.get(ids[row].id, -1) for row in pool.rows.tolist()], dtype=np.int32)
    return Lists(
        listeners=(question.listener.user_id,),
        sizes=np.array([len(pool)]),
        rows=pool.rows,
        table=features(reading, pool, np.maximum(place, TOP_PLACE)),
        grades=marks,
        places=place,
        baseline=np.asarray(additive(reading, pool), dtype=np.float32),
        worn=np.asarray(worn(reading, pool), dtype=np.float32),
        histories=(history(reading),),
        relevant=(good & frozenset(pool.rows.tolist()) if question.shown else good,),
    )
