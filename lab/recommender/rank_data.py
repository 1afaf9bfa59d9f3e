"""What the fine rankers are trained and compared on: simulated listeners of the demonstration, readers of goodbooks.

A task holds lists of three kinds of listeners with nobody in common: to learn from, to stop by, held out. Models of
recall never know what comes after a cut, and those behind the lists of a goodbooks reader never saw that reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
from tqdm import tqdm

from catalog.catalogue import Catalogue
from catalog.demo import demo_items, demo_words
from catalog.items import Item
from catalog.load import read_named
from catalog.opening import open_catalogue
from lab.recommender.data import Ratings, user_split
from lab.recommender.data import goodbooks as read_goodbooks
from lab.recommender.logged import before_and_after
from recommend.als import fit_als
from recommend.interactions import Interactions, strength
from recommend.models import Models, fit_models
from recommend.population import LISTENERS, simulate
from recommend.ranking.lists import Lists, joined
from recommend.ranking.questions import Question, lists
from recommend.request import Event, Listener
from recommend.sequence import SequenceModel

AFTER_DAYS = 15
"""Days of a simulated population behind the cut."""
HELD, FOLDS, VALID = 0.2, 3, 0.15
LAST = 2
"""So many of a learning reader's likings are asked for: those that the sequence model was not trained on."""
CHEAP_WIDTH = 128
TOP = 10
PREFIX = "goodbooks-"
RATED = datetime(2017, 9, 1, tzinfo=UTC)
OWN_LICENCE = "simulated by this project; nobody exists"
GOODBOOKS_LICENCE = (
    "ratings: goodbooks-10k by Zygmunt Zajac, CC BY-SA 4.0, https://github.com/zygmuntz/goodbooks-10k; "
    "these weights are derived from it and are under the same licence"
)


@dataclass(frozen=True, eq=False)
class Task:
    """Everything that one comparison needs."""

    name: str
    licence: str
    catalogue: Catalogue
    models: Models
    """Those behind the held-out lists."""
    lessons: Lists
    valid: Lists
    held: Lists
    some_questions: tuple[Question, ...]
    """Of held-out listeners, to measure times with."""
    peers: Mapping[str, Sequence[np.ndarray]]
    """Single models over the whole catalogue: per held-out list their best rows, best first."""

    @property
    def pool_recall(self) -> float:
        """Share of what was relevant to the held-out listeners that the pools hold."""
        starts = self.held.starts
        pools = [set(self.held.rows[a:b].tolist()) for a, b in zip(starts[:-1], starts[1:], strict=True)]
        pairs = zip(self.held.relevant, pools, strict=True)
        return round(float(np.mean([len(good & pool) / len(good) for good, pool in pairs])), 4)


def simulated(listeners: int, seed: int, data_dir: Path | None) -> Task:
    """Populations as large as the product's own, each with models of its own; the last one is held out.

    Seeds start at `seed`; 0 is the product's. ValueError for fewer than three populations.
    """
    count = listeners // LISTENERS
    if count < 3 or seed < 1:
        raise ValueError(f"{listeners} listeners, seed {seed}: give at least {3 * LISTENERS} and a seed from 1")
    catalogue = open_catalogue(data_dir) if data_dir else cheap(demo_items())
    worlds = [_population(catalogue, seed + number) for number in range(count)]
    parts = [_lists(catalogue, models, questions) for models, questions in worlds]
    lessons, valid = _stopping(joined(parts[:-1]), seed)
    models, questions = worlds[-1]
    held, by_id = parts[-1], {question.listener.user_id: question for question in questions}
    asked = tuple(by_id[listener] for listener in held.listeners)
    peers = peers_of(catalogue, models, asked)
    return Task("simulated", OWN_LICENCE, catalogue, models, lessons, valid, held, asked, peers)


def _lists(catalogue: Catalogue, models: Models, questions: list[Question]) -> Lists:
    return lists(catalogue, models, tqdm(questions, desc="pools", mininterval=5))


def _population(catalogue: Catalogue, seed: int) -> tuple[Models, list[Question]]:
    """Models that know a population up to the cut, and what its listeners want when they come back."""
    people, events = simulate(catalogue, listeners=LISTENERS, seed=seed)
    cut = max(event.at for event in events) - timedelta(days=AFTER_DAYS)
    known, questions = before_and_after(people, events, cut)
    # A request is made when the listener is back, so that hours and the time since the last touch are those of life.
    questions = [replace(q, now=q.after[0].at, listener=_renamed(q.listener, seed)) for q in questions]
    return fit_models(catalogue, known), questions


def _renamed(listener: Listener, seed: int) -> Listener:
    return listener.model_copy(update={"user_id": f"{listener.user_id}@{seed}"})


def goodbooks(folder: Path, data_dir: Path | None, sequence: Path | None) -> Task:
    """Readers of goodbooks: a fifth held out, asked for the last fifth of what they rated.

    The lists of a learning reader come from models fitted on two thirds of the others. sequence: an exported SASRec
    that learned from all readers who are not held out, but not their last two likings.
    """
    ratings = read_goodbooks(folder)
    catalogue = _goodbooks_catalogue(folder, data_dir)
    learn, hold = user_split(ratings, HELD, 0)
    following = _following(sequence, catalogue)
    parts = []
    for fold in range(FOLDS):
        inside = np.arange(len(learn)) % FOLDS == fold
        models = _rated_models(catalogue, ratings, learn[~inside], following)
        parts.append(_lists(catalogue, models, _readers(ratings, learn[inside], last=True)))
    lessons, valid = _stopping(joined(parts), 0)
    models = _rated_models(catalogue, ratings, learn, following)
    questions = _readers(ratings, hold, last=False)
    held, by_id = _lists(catalogue, models, questions), {q.listener.user_id: q for q in questions}
    asked = tuple(by_id[listener] for listener in held.listeners)
    peers = peers_of(catalogue, models, asked, _interactions(catalogue, ratings, learn))
    return Task("goodbooks", GOODBOOKS_LICENCE, catalogue, models, lessons, valid, held, asked, peers)


def peers_of(
    catalogue: Catalogue, models: Models, questions: Iterable[Question], liked: Interactions | None = None
) -> dict[str, list[np.ndarray]]:
    """What single models would show: EASE (or what the product has), ALS, the sequence model, the most liked."""
    asked = list(questions)
    before = [_liked(catalogue, question) for question in asked]
    found = {"EASE alone": [models.collaborative.scores(dict.fromkeys(rows, 1.0)) for rows in before]}
    if liked is not None:
        als = fit_als(liked)
        found["ALS alone"] = [als.scores(dict.fromkeys(rows, 1.0)) for rows in before]
        found["popularity alone"] = [liked.counts.astype(np.float32) for _ in before]
    if models.sequence is not None:
        found["SASRec alone"] = [models.sequence.scores(np.array(rows, dtype=np.int64)) for rows in before]
    touched = [{catalogue.row[event.item_id] for event in question.before} for question in asked]
    return {
        name: [_best(catalogue, scores, out) for scores, out in zip(all_scores, touched, strict=True)]
        for name, all_scores in found.items()
    }


def cheap(items: Sequence[Item]) -> Catalogue:
    """A catalogue whose vectors are summed from its items' words: alike things lie together without an encoder."""
    vectors = np.array([_words_vector(item) for item in items])
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return Catalogue.build(items, demo_words(), vectors.astype(np.float32), _nowhere)


def _words_vector(item: Item) -> np.ndarray:
    words = [*item.categories, *item.tags, *item.moods, *re.findall(r"\w{4,}", item.title.casefold())]
    words += [f"author {item.author}"] * 2 + [f"series {item.series}"] * 2 * bool(item.series)
    return np.sum([_word_vector(word) for word in words], axis=0)


def _word_vector(word: str) -> np.ndarray:
    seed = int.from_bytes(sha256(word.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).normal(size=CHEAP_WIDTH)


def _nowhere(_text: str) -> np.ndarray:
    return np.zeros(CHEAP_WIDTH, dtype=np.float32)


def _goodbooks_catalogue(folder: Path, data_dir: Path | None) -> Catalogue:
    if data_dir:
        return open_catalogue(data_dir)
    items, _ = read_named("goodbooks", folder.parent, demo_words())
    return cheap(items)


def _following(folder: Path | None, catalogue: Catalogue) -> SequenceModel | None:
    if folder is None:
        return None
    return SequenceModel.load(folder, {item: row for item, row in _without_prefix(catalogue)})


def _without_prefix(catalogue: Catalogue) -> Iterable[tuple[str, int]]:
    return ((item.removeprefix(PREFIX), row) for item, row in catalogue.row.items())


def _rated_models(catalogue: Catalogue, ratings: Ratings, users: np.ndarray, following: SequenceModel | None) -> Models:
    events = [event for user in users for event in _events(ratings, int(user))]
    return replace(fit_models(catalogue, events), sequence=following)


def _interactions(catalogue: Catalogue, ratings: Ratings, users: np.ndarray) -> Interactions:
    return Interactions.from_events(catalogue, (event for user in users for event in _events(ratings, int(user))))


def _events(ratings: Ratings, user: int) -> list[Event]:
    """A reader's ratings. The data tell their order and no time: all of them lie within a few hours, so that nothing
    trends."""
    assert ratings.stars is not None
    name = f"reader-{ratings.users[user]}"
    return [
        Event(
            user_id=name,
            item_id=f"{PREFIX}{ratings.items[row]}",
            kind="rating",
            at=RATED + timedelta(seconds=30 * step),
            value=stars,
        )
        for step, (row, stars) in enumerate(
            zip(ratings.sequences[user].tolist(), ratings.stars[user].tolist(), strict=True)
        )
    ]


def _readers(ratings: Ratings, users: np.ndarray, *, last: bool) -> list[Question]:
    """Questions at the last LAST likings, or (held-out readers) at the last fifth of the ratings."""
    found = []
    for user in users.tolist():
        events = _events(ratings, user)
        liked = [place for place, event in enumerate(events) if strength(event) > 0.0]
        if len(liked) <= LAST:
            continue
        cut = liked[-LAST] if last else round(0.8 * len(events))
        if not any(place < cut for place in liked):
            continue
        listener = Listener(user_id=events[0].user_id)
        found.append(Question(listener, tuple(events[:cut]), tuple(events[cut:]), events[cut].at))
    return found


def _stopping(whole: Lists, seed: int) -> tuple[Lists, Lists]:
    """Lists to learn from, and lists of other listeners to stop by."""
    order = np.random.default_rng(seed).permutation(len(whole))
    count = round(VALID * len(order))
    return whole.of(np.sort(order[count:])), whole.of(np.sort(order[:count]))


def _liked(catalogue: Catalogue, question: Question) -> list[int]:
    """Rows with a good word in the history, each once, in order of the last."""
    rows: dict[int, None] = {}
    for event in question.before:
        row = catalogue.row[event.item_id]
        if strength(event) > 0.0:
            rows.pop(row, None)
            rows[row] = None
    return list(rows)


def _best(catalogue: Catalogue, scores: np.ndarray | None, touched: set[int]) -> np.ndarray:
    """The TOP allowed rows that were not touched before."""
    ranked = np.zeros(len(catalogue)) if scores is None else np.array(scores, dtype=np.float64)
    ranked[~catalogue.available] = -np.inf
    ranked[list(touched)] = -np.inf
    return np.lexsort((np.arange(len(ranked)), -ranked))[:TOP]
