"""The learned rankers: trained on a small population, behind the seam of the fine stage."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recommend_stage import NOW, catalogue, models, never_lowers, pool_for, population, request, search

from catalog.catalogue import Catalogue
from lab.recommender import din, din_export
from lab.recommender.din_model import Config
from lab.recommender.logged import EXPOSED, before_and_after, exposed
from lab.recommender.rank import debiasing, examples, measure, with_places
from lab.recommender.rank_data import OWN_LICENCE, Task
from recommend.coarse import coarse
from recommend.features import NAMES, TOP_PLACE, features
from recommend.fine import Scorer, additive, fine
from recommend.models import fit_models
from recommend.pbox import Factor
from recommend.rankers import LIMIT, WEIGHTS, Din, LambdaMart, RankerError, Scale, learnt_ranker, ranker
from recommend.ranking import lambdamart
from recommend.ranking.grades import GOOD, grades
from recommend.ranking.lambdamart import TrainConfig
from recommend.ranking.lists import PLACE, Lists
from recommend.ranking.questions import lists, offered, shown
from recommend.ranking.trees import added, as_onnx
from recommend.reading import read
from recommend.recall import recall
from recommend.request import Event

WHO = "sim-0007"
CUT = NOW - timedelta(days=20)
QUICK = TrainConfig(trees=12, least=10, patience=12)


@pytest.fixture(scope="module")
def logged() -> Lists:
    people, events = population()
    known, questions = before_and_after(people, events, CUT)
    return lists(catalogue(), fit_models(catalogue(), known), questions[:60])


@pytest.fixture(scope="module")
def lambdamart_folder(logged: Lists, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("lambdamart")
    booster = lambdamart.train(logged.of(range(40)), logged.of(range(40, len(logged))), QUICK)
    scale = lambdamart.scale(lambdamart.scores(booster, logged), logged)
    lambdamart.save(folder, as_onnx(booster), {"scale": vars(scale), **lambdamart.told(QUICK, booster)})
    return folder


@pytest.fixture(scope="module")
def din_folder(logged: Lists, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("din")
    config = Config(width=4, attention=4, top=(8,), own=False, epochs=1)
    lessons, valid = examples(logged.of(range(40)), 30, 0), examples(logged.of(range(40, len(logged))), 30, None)
    din.train(lessons, valid, np.array(catalogue().vectors), folder / "run", config, quiet=True)
    din_export.export(folder / "run", folder, [item.id for item in catalogue().items], NAMES)
    card = json.loads((folder / "din.json").read_text())
    (folder / "din.json").write_text(json.dumps({**card, "scale": {"centre": -3.0, "factor": 0.4}}))
    return folder


@pytest.fixture(params=["lambdamart", "din"])
def scorer(request, lambdamart_folder: Path, din_folder: Path) -> Scorer:
    return LambdaMart.load(lambdamart_folder) if request.param == "lambdamart" else Din.load(din_folder, catalogue())


def test_scores_are_finite_bounded_and_the_same_every_time(scorer):
    reading, pool = pool_for(WHO)
    scores = scorer(reading, pool)
    assert scores.shape == (len(pool),)
    assert np.isfinite(scores).all()
    assert scores.max() <= LIMIT
    assert len(np.unique(scores)) > 10
    assert np.array_equal(scores, scorer(reading, pool))


def test_an_empty_pbox_leaves_the_learned_order_as_it_is(scorer):
    reading, pool = pool_for(WHO)
    ranked = [candidate.row for candidate in fine(reading, pool, scorer)]
    assert ranked == pool.rows[np.lexsort((pool.rows, -scorer(reading, pool)))].tolist()


@settings(max_examples=15, deadline=None)
@given(
    wish=st.sampled_from([(Factor.CATEGORY, "mystery"), (Factor.MOOD, "funny"), (Factor.POPULARITY, "")]),
    low=st.floats(0.05, 0.5),
    more=st.floats(0.05, 0.5),
    kind=st.sampled_from(["lambdamart", "din"]),
)
def test_a_raised_wish_never_lowers_what_has_it(lambdamart_folder, din_folder, wish, low, more, kind):
    scorer = LambdaMart.load(lambdamart_folder) if kind == "lambdamart" else Din.load(din_folder, catalogue())
    never_lowers(scorer, WHO, wish, low, more)


def test_what_was_heard_stays_behind_as_much_as_welcoming_repeats_gives_back(scorer):
    reading, pool = pool_for(WHO)
    heard = reading.past.heard[pool.rows]
    assert heard.any()
    fresh = replace(reading, past=replace(reading.past, heard=np.zeros_like(reading.past.heard)))
    lost = scorer(fresh, pool) - scorer(reading, pool)
    assert np.allclose(lost, 2.5 * heard, atol=1e-4)


@pytest.mark.parametrize("intent", ["search", "similar", "trending", "discover"])
def test_a_request_that_says_itself_what_it_wants_is_scored_additively(scorer, intent):
    extra = {"query": "detective"} if intent == "search" else {"anchor": catalogue().items[3].id}
    reading, pool = pool_for(WHO, intent=intent, **(extra if intent in ("search", "similar") else {}))
    assert np.array_equal(scorer(reading, pool), additive(reading, pool))


def test_a_listener_without_history_is_scored_additively(scorer):
    reading = read(request(), catalogue(), models())
    pool = coarse(reading, recall(reading, search()))
    assert np.array_equal(scorer(reading, pool), additive(reading, pool))


def test_an_empty_pool_has_no_scores(scorer):
    reading, pool = pool_for(WHO)
    assert len(scorer(reading, pool.take(np.zeros(0, dtype=np.int64), pool.coarse))) == 0


def test_training_twice_gives_the_same_trees(logged):
    one, other = (lambdamart.train(logged.of(range(30)), logged.of(range(30, 45)), QUICK) for _ in range(2))
    assert one.model_to_string() == other.model_to_string()


def test_trees_keep_to_the_trends_of_the_features(logged, lambdamart_folder):
    model = LambdaMart.load(lambdamart_folder)
    table = logged.at_top().table[:300].copy()
    low = model.raw(table)
    table[:, NAMES.index("page_language")] += 1.0
    table[:, NAMES.index("quality")] += 0.2
    assert (model.raw(table) >= low - 1e-9).all()


def test_the_trees_in_onnx_score_as_those_of_lightgbm_and_add_up(logged, tmp_path):
    one = lambdamart.train(logged.of(range(30)), logged.of(range(30, 45)), QUICK)
    card = {"scale": {"centre": 0.0, "factor": 1.0}}
    lambdamart.save(tmp_path / "one", as_onnx(one), card)
    under = LambdaMart.load(tmp_path / "one")
    assert np.allclose(under.raw(logged.at_top().table), lambdamart.scores(one, logged), atol=1e-5)
    more = lambdamart.train(logged.of(range(20, 50)), logged.of(range(50, len(logged))), QUICK, under)
    lambdamart.save(tmp_path / "sum", added(as_onnx(one), as_onnx(more)), card)
    both = lambdamart.scores(one, logged) + lambdamart.scores(more, logged)
    assert np.allclose(LambdaMart.load(tmp_path / "sum").raw(logged.at_top().table), both, atol=1e-5)


def test_a_ranker_of_other_features_is_refused(lambdamart_folder, tmp_path):
    for path in lambdamart_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes().replace(b"near_last5", b"near_last9"))
    with pytest.raises(RankerError, match="near_last5"):
        LambdaMart.load(tmp_path)


def test_missing_weights_are_told_by_name(tmp_path):
    with pytest.raises(RankerError, match="lambdamart"):
        ranker("lambdamart", catalogue(), tmp_path)


def test_a_scale_rises_strictly_and_stays_within_its_limit():
    scores = np.linspace(-30, 30, 101)
    logits = Scale(1.0, 0.5).logits(scores)
    assert (np.diff(logits) > 0).all()
    assert np.abs(logits).max() < LIMIT
    with pytest.raises(ValueError, match="positive"):
        Scale.read({"scale": {"centre": 0.0, "factor": 0.0}})
    with pytest.raises(ValueError, match="no scale"):
        Scale.read({})


def test_the_shipped_trees_serve_the_features_of_today():
    reading, pool = pool_for(WHO)
    assert np.isfinite(ranker("lambdamart", catalogue())(reading, pool)).all()
    card = json.loads((WEIGHTS / "lambdamart" / "lambdamart.json").read_text())
    assert {"config", "data", "data_sha256", "licence", "held_out"} <= card.keys()


def act(item: str, kind: str, minute: int, value: float | None = None) -> Event:
    return Event(user_id="u", item_id=item, kind=kind, at=NOW + timedelta(minutes=minute), value=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["lambdamart", "din"])
def test_a_ranker_that_other_listeners_taught_leaves_the_order_to_the_sum(name: Any) -> None:
    shipped = catalogue()
    other = Catalogue.build(shipped.items[:-1], shipped.words, shipped.vectors[:-1], shipped.embed)
    assert ranker(name, other) is additive
    assert learnt_ranker(Path("not-there"), other) is additive
    assert ranker("lambdamart", shipped) is not additive


def test_grades_take_the_best_that_was_done_unless_the_listener_was_displeased():
    events = [
        act("a", "click", 1),
        act("a", "like", 2),
        act("b", "play", 1),
        act("c", "click", 1),
        act("c", "dislike", 2),
        act("d", "rating", 1, 3.0),
        act("e", "rating", 1, 5.0),
        act("f", "impression", 0),
        act("g", "skip", 0),
    ]
    assert grades(events) == {"a": 3, "b": 2, "c": 0, "d": 1, "e": 3, "f": 0, "g": 0}


def test_where_it_is_known_what_was_shown_only_that_teaches():
    people, events = population()
    _, questions = before_and_after(people, events, CUT)
    question = next(q for q in questions if any(g >= GOOD for g in grades(q.after).values()))
    _, pool = offered(catalogue(), models(), question)
    wanted = next(item for item, grade in grades(question.after).items() if grade >= GOOD)
    ids = [wanted, *(catalogue().items[row].id for row in pool.rows[:5])]
    shown = {item: place for place, item in enumerate(dict.fromkeys(ids))}
    found = lists(catalogue(), models(), [replace(question, shown=shown)])
    assert found.rows.tolist() == [catalogue().row[item] for item in shown]
    assert found.places.tolist() == [*range(len(shown))] == found.table[:, PLACE].tolist()
    assert found.grades[0] >= GOOD and found.relevant[0] <= set(found.rows.tolist())


def test_what_was_shown_has_the_features_that_it_has_in_a_pool():
    people, events = population()
    _, questions = before_and_after(people, events, CUT)
    question = questions[5]
    reading, pool = offered(catalogue(), models(), question)
    items = {catalogue().items[row].id: 0 for row in pool.rows[:30]}
    again = shown(catalogue(), models(), replace(question, shown=items))
    some = pool.take(np.arange(30), pool.coarse)
    assert np.allclose(features(reading, some), features(*again))
    assert np.allclose(additive(reading, some), additive(*again))


def test_nothing_after_the_cut_is_known_before_it(logged):
    people, events = population()
    known, questions = before_and_after(people, events, CUT)
    assert all(event.at < CUT for event in known)
    for question in questions:
        assert all(event.at < CUT for event in question.before)
        assert all(event.at >= CUT for event in question.after)
    starts = logged.starts
    for one, rows in enumerate(logged.histories):
        assert not set(logged.rows[starts[one] : starts[one + 1]].tolist()) & set(rows.tolist())


def test_a_part_of_the_lists_keeps_each_candidate_with_its_list(logged):
    part = logged.of([4, 1])
    starts = logged.starts
    assert part.listeners == (logged.listeners[4], logged.listeners[1])
    assert part.rows.tolist() == [*logged.rows[starts[4] : starts[5]], *logged.rows[starts[1] : starts[2]]]


def test_simulated_exposures_click_less_the_farther_down(logged):
    clicked = exposed(logged, seed=1)
    assert clicked.places.max() == EXPOSED - 1
    assert set(clicked.grades.tolist()) <= {0, 1}
    assert clicked.grades[clicked.places < 3].mean() > clicked.grades[clicked.places >= 10].mean()
    assert clicked.table[:, PLACE].tolist() == clicked.places.tolist()


def test_din_learns_places_beside_the_features_and_only_where_they_are_known(logged):
    clicked, config = exposed(logged, seed=1), Config()
    learnt = examples(clicked, 30, None, least=1)
    assert learnt.places is not None and learnt.places.tolist() == clicked.places.tolist()
    assert set(learnt.dense[:, PLACE].tolist()) == {TOP_PLACE}
    assert learnt.labels.sum() == (clicked.grades > 0).sum() > 0
    assert with_places(config, clicked).places == EXPOSED and with_places(config, logged) == config


def test_both_rankers_tell_what_their_cure_for_the_bias_of_places_is_worth(logged, tmp_path):
    parts = (logged.of(range(30)), logged.of(range(30, 45)), logged.of(range(45, len(logged))))
    task = Task("tiny", OWN_LICENCE, catalogue(), models(), *parts, some_questions=(), peers={})
    figures = debiasing(task, tmp_path, QUICK, Config(width=4, attention=4, top=(8,), own=False, epochs=1))
    assert {name: list(cures) for name, cures in figures.items()} == {
        "lambdamart": ["none", "feature", "ips"],
        "din": ["none", "bias"],
    }
    assert all(0.0 <= value <= 1.0 for cures in figures.values() for value in cures.values())


def test_a_perfect_ranking_is_only_as_good_as_the_pool(logged):
    items = len(catalogue())
    best = measure(logged.grades.astype(float), logged, catalogue().popularity, items)
    worst = measure(-logged.grades.astype(float), logged, catalogue().popularity, items)
    assert best["gauc"] == 1.0
    assert worst["gauc"] < 0.1
    assert 0.2 < best["ndcg@10"] < 1.0
    assert worst["ndcg@10"] < 0.05
