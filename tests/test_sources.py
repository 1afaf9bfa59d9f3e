"""The recall sources: one contract for all, and a large catalogue gives nearly what an exact one gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.catalogue import Catalogue
from catalog.inverted import Inverted, probe_for, train
from catalog.nearest import Among
from catalog.search import Search
from recommend.interactions import Interactions
from recommend.pbox import Factor
from recommend.reading import Reading, read
from recommend.recall import HOME, recall
from recommend.request import Event, EventKind, History, Request
from recommend.sources import company, content, indexes, interests, standing
from recommend.sources.scoring import Dense, Ranked, Scoring, Source, Sparse
from tests.recommend_stage import NOW, catalogue, entry, models, request, search

CATALOGUE = catalogue()
LIKED = ("my-001", "sf-001", "ro-001", "my-002")
WISHES = (
    entry(Factor.CATEGORY, "mystery", 0.6),
    entry(Factor.MOOD, "funny", 0.8),
    entry(Factor.SCENE, "bedtime", 0.5),
    entry(Factor.ENTITY, "tag:dragon", 0.5),
    entry(Factor.POPULARITY, "", -0.7),
    entry(Factor.RECENCY, "", 0.5),
    entry(Factor.BLOCK, "category:horror", 1.0),
    entry(Factor.LENGTH, "max", 300.0),
)


@cache
def large() -> Catalogue:
    """The demonstration catalogue looked up through an index, as one of a million would be."""
    index = train(CATALOGUE.vectors, lists=16)
    found = Inverted(CATALOGUE.vectors, index, probe_for(CATALOGUE.vectors, index), few=0)
    return Catalogue.build(CATALOGUE.items, CATALOGUE.words, CATALOGUE.vectors, CATALOGUE.embed, found)


def asked(*wishes: object, **more: object) -> Request:
    history = History(events=tuple(Event(user_id="u", item_id=i, kind="like", at=NOW) for i in LIKED))
    return request(*wishes, history=history, **more)


class NextIsNear:
    """A simplest legal sequence model: what lies near the last item comes next."""

    def scores(self, rows_oldest_first: np.ndarray) -> np.ndarray:
        return CATALOGUE.vectors @ CATALOGUE.vectors[rows_oldest_first[-1]]


def reading(of: Catalogue = CATALOGUE) -> Reading:
    return read(asked(*WISHES), of, replace(models(), sequence=NextIsNear()))


@st.composite
def scorings(draw: st.DrawFn) -> tuple[Scoring, np.ndarray]:
    """A scoring and the scores that it stands for, over 60 rows with many ties."""
    scores = np.array(draw(st.lists(st.sampled_from([0.0, 0.2, 0.2, 0.5, 0.9]), min_size=60, max_size=60)))
    kind = draw(st.sampled_from(["dense", "ranked", "sparse"]))
    if kind == "dense":
        return Dense(scores), scores
    if kind == "ranked":
        return Ranked(scores, np.argsort(-scores, kind="stable")), scores
    rows = np.array(sorted(draw(st.sets(st.integers(0, 59)))), dtype=np.int64)
    return Sparse(rows, scores[rows]), np.where(np.isin(np.arange(60), rows), scores, 0.0)


@settings(max_examples=200, deadline=None)
@given(scorings(), st.integers(1, 70), st.lists(st.booleans(), min_size=60, max_size=60))
def test_the_best_are_the_highest_positive_scores_that_are_allowed(
    made: tuple[Scoring, np.ndarray], count: int, mask: list[bool]
) -> None:
    scoring, scores = made
    allowed = np.array(mask)
    order = np.lexsort((np.arange(60), -scores))
    true = [row for row in order.tolist() if allowed[row] and scores[row] > 0.0][:count]
    assert sorted(scoring.best(count, Among(allowed)).tolist()) == sorted(true)
    rows = np.flatnonzero(allowed)
    assert scoring.of(rows).tolist() == scores[rows].tolist()


@pytest.mark.parametrize("name", HOME)
@pytest.mark.parametrize("of", ["exact", "large"])
def test_every_source_keeps_the_contract(name: str, of: str) -> None:
    now = reading(CATALOGUE if of == "exact" else large())
    scoring = HOME[name][0](now)
    assert scoring is not None, "the request gives every source something to say"
    best = scoring.best(40, now.among)
    assert 0 < len(best) <= 40 and len(set(best.tolist())) == len(best)
    assert now.allowed[best].all()
    scores = scoring.of(np.flatnonzero(now.allowed))
    assert (scores >= 0.0).all() and (scores <= 1.0 + 1e-6).all()
    assert (scoring.of(best) > 0.0).all()
    assert scoring.of(best).min() >= np.sort(scores)[-len(best)] - 0.1


@pytest.mark.parametrize("source", [content.taste, content.recent, content.wish])
def test_a_content_source_finds_in_a_large_catalogue_what_it_finds_in_a_small_one(source) -> None:
    small, big = reading(), reading(large())
    one, other = source(small), source(big)
    assert np.isin(one.best(30, small.among), other.best(30, big.among)).mean() >= 0.9
    rows = np.flatnonzero(small.allowed)
    assert np.abs(one.of(rows) - other.of(rows)).max() < 0.1


@pytest.mark.parametrize("intent", ["home", "search", "similar", "trending", "discover"])
def test_recall_from_a_large_catalogue_holds_every_filter_and_is_much_the_same(intent: str) -> None:
    ask = asked(*WISHES, intent=intent, query="funny detective", anchor="sf-002")
    small, big = read(ask, CATALOGUE, models()), read(ask, large(), models())
    one, other = recall(small, search()), recall(big, Search(large()))
    assert big.allowed[other.rows].all()
    assert np.isin(one.rows, other.rows).mean() >= 0.9
    assert other.recalled.keys() == one.recalled.keys()


def test_an_index_source_gives_only_what_was_asked_for_and_the_fittest_first() -> None:
    now = read(asked(entry(Factor.CATEGORY, "mystery", 0.6), entry(Factor.MOOD, "funny", 0.8)), CATALOGUE, models())
    scoring = indexes.category(now)
    assert scoring is not None
    rows = scoring.best(10, now.among)
    assert CATALOGUE.in_category("mystery")[rows].all()
    both = CATALOGUE.in_category("mystery") & CATALOGUE.with_mood("funny") & now.allowed
    assert CATALOGUE.with_mood("funny")[rows].sum() == min(10, both.sum())


def test_popular_walks_down_until_enough_are_allowed() -> None:
    now = read(request(entry(Factor.LANGUAGE, "zh", 1.0)), CATALOGUE, models())
    scoring = standing.popular(now)
    assert scoring is not None
    assert len(scoring.best(10_000, now.among)) == now.allowed.sum()


def test_new_interests_are_none_of_the_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interests, "WHOLE", 0)
    monkeypatch.setattr(interests, "LOOKED_AT", 25)
    now = reading()
    scoring = interests.novel(now)
    assert isinstance(scoring, Sparse) and 0 < len(scoring.rows) <= 25
    for top in now.known:
        assert not CATALOGUE.in_category(top)[scoring.rows].any()


def test_a_shift_is_the_same_whichever_rows_are_asked_for() -> None:
    now = reading()
    rows = np.array([5, 3, 40])
    assert now.shift[rows].tolist() == now.shift[:][rows].tolist()
    for shift in now.shifts:
        assert shift.logits[rows].tolist() == shift.logits[:][rows].tolist()


# --- company: asked with likings


class Heard:
    """A simplest legal model of company and of sequence: keeps what it was asked with and says nothing."""

    def __init__(self) -> None:
        self.liked: dict[int, float] = {}
        self.rows: list[int] = []

    def scores(self, liked: dict[int, float] | np.ndarray) -> None:
        if isinstance(liked, dict):
            self.liked = liked
        else:
            self.rows = liked.tolist()

    def reach(self, liked: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
        self.liked = liked
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)


def heard_by(source: Source, events: list[Event]) -> Heard:
    """What a source asks its model with after these events."""
    ear = Heard()
    deaf = replace(models(), collaborative=ear, neighbours=ear, graph=ear, sequence=ear)  # type: ignore[arg-type]
    source(read(request(history=History(events=tuple(events))), CATALOGUE, deaf))
    return ear


def did(*said: tuple[int, EventKind]) -> list[Event]:
    return [
        Event(user_id="u", item_id=CATALOGUE.items[row].id, kind=kind, at=NOW + timedelta(minutes=minute))
        for minute, (row, kind) in enumerate(said)
    ]


FADING = [
    (company.collaborative, company.LATELY),
    (company.neighbours, company.JUST_NOW),
    (company.graph, company.LATELY),
]
rows = st.integers(0, 7)
FEW = settings(max_examples=60, deadline=None)


@FEW
@given(st.lists(rows, min_size=1, max_size=12), st.sampled_from(FADING))
def test_likes_alone_weigh_by_their_place_and_by_nothing_else(liked: list[int], source: tuple[Source, float]) -> None:
    ask, half_life = source
    order = [row for place, row in enumerate(liked) if row not in liked[place + 1 :]]
    weights = {row: 2.0 ** (-age / half_life) for age, row in enumerate(reversed(order))}
    said: list[tuple[int, EventKind]] = [(row, "like") for row in liked]
    events = did(*said)
    assert heard_by(ask, events).liked == weights
    assert heard_by(company.sequence, events).rows == order


@FEW
@given(st.lists(st.tuples(rows, st.sampled_from(["click", "play", "like", "save", "skip", "impression"])), max_size=20))
def test_company_is_asked_with_the_likings_that_the_models_were_taught(said: list[tuple[int, EventKind]]) -> None:
    events = did(*said)
    taught = Interactions.from_events(CATALOGUE, events)
    past = read(request(history=History(events=tuple(events))), CATALOGUE, models()).past
    pairs = zip(taught.sequences[0].tolist(), taught.weights[0].tolist(), strict=True) if taught.sequences else ()
    wanted = {row: weight for row, weight in pairs if row not in past.disliked}
    assert list(past.likings) == list(wanted) == heard_by(company.sequence, events).rows
    assert list(past.likings.values()) == pytest.approx(list(wanted.values()))
    ages = range(len(wanted) - 1, -1, -1)
    fading = [weight * 2.0 ** (-age / company.LATELY) for age, weight in zip(ages, wanted.values(), strict=True)]
    assert list(heard_by(company.collaborative, events).liked.values()) == pytest.approx(fading)


def test_a_mere_click_takes_no_place_among_the_likings_and_a_play_weighs_half() -> None:
    liked = heard_by(company.neighbours, did((0, "like"), (1, "like"), (2, "play"), (3, "click"), (3, "click"))).liked
    assert liked == {0: 2.0 ** (-2 / 3), 1: 2.0 ** (-1 / 3), 2: 0.5}
    assert heard_by(company.collaborative, did((3, "click"))).liked == {}
