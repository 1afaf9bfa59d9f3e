"""Training lists for rankers out of an event log: what the pipeline would have offered, and what was done afterwards.

For each listener a cut in time: the history before it is read, recalled and cut down to a pool exactly as at serving,
by models that were fitted without anything that comes after the cut; what the listener did after the cut grades the
candidates. What the pool missed stays with the list as relevant, so that figures count it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

import numpy as np
from tqdm import tqdm

from catalog.catalogue import Catalogue
from catalog.search import Search
from recommend.coarse import coarse
from recommend.features import NAMES, TOP_PLACE, features, history
from recommend.fine import additive
from recommend.interactions import LEAST_LIKED, strength
from recommend.models import Models
from recommend.reading import Reading, read
from recommend.recall import Pool, recall
from recommend.request import Event, History, Listener, Request

BEST = 3
"""Grades: 0 left, skipped or disliked, 1 clicked, 2 played, 3 liked, finished, saved or well rated."""
GRADES: Mapping[str, int] = {"click": 1, "dwell": 1, "play": 2, "save": 3, "finished": 3, "like": 3}
GOOD_STARS, FAIR_STARS = 4.0, 3.0
GOOD = 2
"""From this grade on an item counts as relevant."""
PLACE = NAMES.index("position")
EXPOSED = 20
"""Places of a simulated exposure."""


@dataclass(frozen=True)
class Question:
    """What would this listener have wanted at this moment?"""

    listener: Listener
    before: tuple[Event, ...]
    """Oldest first."""
    after: tuple[Event, ...]
    now: datetime


@dataclass(frozen=True, eq=False)
class Lists:
    """g lists of n candidates in all, one list after another."""

    listeners: tuple[str, ...]
    """(g,) user ids."""
    sizes: np.ndarray
    """(g,) candidates of each."""
    rows: np.ndarray
    """(n,) catalogue rows."""
    table: np.ndarray
    """float32 (n, f): features, the column "position" as logged."""
    grades: np.ndarray
    """int8 (n,), 0 to BEST."""
    places: np.ndarray
    """int32 (n,): place from 0 where it was shown after the cut; -1: not shown."""
    baseline: np.ndarray
    """float32 (n,): the additive scorer's logits."""
    histories: tuple[np.ndarray, ...]
    """(g,) liked rows before the cut, oldest first."""
    relevant: tuple[frozenset[int], ...]
    """(g,) rows of grade GOOD or better after the cut, in the pool or not."""

    def __len__(self) -> int:
        return len(self.listeners)

    @property
    def starts(self) -> np.ndarray:
        """(g + 1,) where each list starts, and the end of the last."""
        return np.concatenate(([0], np.cumsum(self.sizes)))

    @property
    def group(self) -> np.ndarray:
        """(n,) the list of each candidate."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def of(self, chosen: Sequence[int] | np.ndarray) -> Lists:
        """Only these lists, in the order given."""
        starts = self.starts
        spans = [np.arange(starts[one], starts[one + 1]) for one in chosen]
        return self._at(np.concatenate([np.zeros(0, dtype=np.int64), *spans]), [int(one) for one in chosen])

    def where(self, mask: np.ndarray) -> Lists:
        """Only the candidates of a mask (n,); lists stay, if need be with none."""
        sizes = np.bincount(self.group[mask], minlength=len(self))
        return replace(self._at(np.flatnonzero(mask), range(len(self))), sizes=sizes)

    def _at(self, at: np.ndarray, chosen: Iterable[int]) -> Lists:
        some = list(chosen)
        return Lists(
            listeners=tuple(self.listeners[one] for one in some),
            sizes=self.sizes[some],
            rows=self.rows[at],
            table=self.table[at],
            grades=self.grades[at],
            places=self.places[at],
            baseline=self.baseline[at],
            histories=tuple(self.histories[one] for one in some),
            relevant=tuple(self.relevant[one] for one in some),
        )


def lists(catalogue: Catalogue, search: Search, models: Models, questions: Iterable[Question]) -> Lists:
    """The pools of the questions with features and grades; questions that liked nothing afterwards are left out."""
    parts = []
    for question in tqdm(list(questions), desc="pools", mininterval=5):
        reading, pool = offered(catalogue, search, models, question)
        graded = {catalogue.row[item]: grade for item, grade in grades(question.after).items() if item in catalogue.row}
        good = frozenset(row for row, grade in graded.items() if grade >= GOOD)
        if good and len(pool):
            parts.append(_list(question, reading, pool, graded, good))
    return joined(parts)


def offered(catalogue: Catalogue, search: Search, models: Models, question: Question) -> tuple[Reading, Pool]:
    """The reading and the pool of a question as at serving; what was touched before is not offered again."""
    touched = frozenset(event.item_id for event in question.before if event.kind != "impression")
    request = Request(
        listener=question.listener, history=History(events=question.before), now=question.now, seen=touched
    )
    reading = read(request, catalogue, models)
    return reading, coarse(reading, recall(reading, search))


def joined(parts: Sequence[Lists]) -> Lists:
    """Several as one. ValueError for none."""
    if not parts:
        raise ValueError("no list: nobody liked anything after the cut")
    whole = {field.name: [getattr(part, field.name) for part in parts] for field in fields(Lists)}
    return Lists(**{
        name: sum(values, ()) if isinstance(values[0], tuple) else np.concatenate(values)
        for name, values in whole.items()
    })  # fmt: skip


def grades(events: Iterable[Event]) -> dict[str, int]:
    """Item id -> the best that was done with it; nothing where the listener was displeased with it on the whole."""
    best: dict[str, int] = {}
    mood: dict[str, float] = {}
    for event in events:
        mood[event.item_id] = mood.get(event.item_id, 0.0) + strength(event)
        best[event.item_id] = max(best.get(event.item_id, 0), _grade(event))
    return {item: grade if mood[item] >= 0.0 else 0 for item, grade in best.items()}


def _grade(event: Event) -> int:
    if event.kind == "rating":
        stars = event.value or 0.0
        return BEST if stars >= GOOD_STARS else int(stars >= FAIR_STARS)
    return GRADES.get(event.kind, 0)


def places(events: Iterable[Event]) -> dict[str, int]:
    """Item id -> its first place, from 0, among the impressions of one moment, which are one list in its order."""
    found: dict[str, int] = {}
    moment, place = None, 0
    for event in events:
        if event.kind == "impression":
            place = place + 1 if event.at == moment else 0
            moment = event.at
            found.setdefault(event.item_id, place)
    return found


def _list(question: Question, reading: Reading, pool: Pool, graded: Mapping[int, int], good: frozenset[int]) -> Lists:
    ids = reading.catalogue.items
    shown = places(question.after)
    place = np.array([shown.get(ids[row].id, -1) for row in pool.rows.tolist()], dtype=np.int32)
    table = features(reading, pool, np.maximum(place, TOP_PLACE))
    one = Lists(
        listeners=(question.listener.user_id,),
        sizes=np.array([len(pool)]),
        rows=pool.rows,
        table=table,
        grades=np.array([graded.get(row, 0) for row in pool.rows.tolist()], dtype=np.int8),
        places=place,
        baseline=np.asarray(additive(reading, pool), dtype=np.float32),
        histories=(history(reading),),
        relevant=(good,),
    )
    # Where it is known what was shown, what was not shown tells nothing.
    return one.where(place >= 0) if (place >= 0).any() else one


def exposed(whole: Lists, seed: int, steep: float = 1.0, noise: float = 0.05) -> Lists:
    """The lists as a log with position bias would have them, made from the true grades (Joachims et al., WSDM 2017).

    The additive order, jumbled a little, is shown on EXPOSED places; place k is looked at with chance
    (1 + k)^-steep; what is looked at is clicked if it is good, else with the chance `noise`. Grades become clicks.
    """
    rng = np.random.default_rng(seed)
    order = np.lexsort((-(whole.baseline + rng.gumbel(scale=0.5, size=len(whole.rows))), whole.group))
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order)) - np.repeat(whole.starts[:-1], whole.sizes)
    looked = rng.random(len(rank)) < examination(rank, steep)
    pleased = (whole.grades >= GOOD) | (rng.random(len(rank)) < noise)
    table = whole.table.copy()
    table[:, PLACE] = rank
    clicked = replace(whole, table=table, places=rank, grades=(looked & pleased).astype(np.int8))
    return clicked.where(rank < EXPOSED)


def examination(place: np.ndarray, steep: float = 1.0) -> np.ndarray:
    """The chance that a place from 0 is looked at."""
    return (1.0 + np.maximum(place, 0)) ** -steep


def before_and_after(
    people: Iterable[Listener], events: Iterable[Event], cut: datetime
) -> tuple[list[Event], list[Question]]:
    """All events before the cut, and a question for each listener who liked something before it and is back later."""
    by_user: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda event: (event.at, event.user_id, event.item_id)):
        by_user.setdefault(event.user_id, []).append(event)
    known, questions = [], []
    for listener in people:
        own = by_user.get(listener.user_id, [])
        before = tuple(event for event in own if event.at < cut)
        after = tuple(event for event in own if event.at >= cut)
        known += before
        if after and any(strength(event) > LEAST_LIKED for event in before):
            questions.append(Question(listener, before, after, cut))
    return known, questions


def fingerprint(whole: Lists) -> str:
    """SHA-256 (hex) of the lists, their features and grades."""
    digest = hashlib.sha256("\n".join((*NAMES, *whole.listeners)).encode())
    for array in (whole.sizes, whole.rows, whole.table, whole.grades, whole.places):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
