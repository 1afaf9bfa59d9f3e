"""What the learned rankers see of a candidate."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recommend_stage import NOW, catalogue, entry, history, models, request, search

from catalog.catalogue import KEPT_ROOM
from recommend import features as of_features
from recommend.coarse import coarse
from recommend.features import FEATURES, NAMES, TOP_PLACE, features, prepare
from recommend.pbox import Factor
from recommend.reading import Reading, read
from recommend.recall import Pool, recall
from recommend.request import Event, History, Listener

WHO = "sim-0007"
SOFT = (
    (Factor.CATEGORY, "mystery"), (Factor.MOOD, "funny"), (Factor.POPULARITY, ""), (Factor.RECENCY, ""),
    (Factor.NOVELTY, ""), (Factor.QUALITY, ""), (Factor.STATUS, ""), (Factor.ACCESS, ""), (Factor.PENALTY, "tag:war"),
)  # fmt: skip


def asked(*entries, **more) -> tuple[Reading, Pool]:
    more.setdefault("history", history(WHO))
    more.setdefault("listener", Listener(user_id=WHO))
    reading = read(request(*entries, **more), catalogue(), models())
    return reading, coarse(reading, recall(reading, search()))


def of(reading: Reading, pool: Pool, name: str) -> np.ndarray:
    return features(reading, pool)[:, NAMES.index(name)]


def event(row: int, kind: str, hours: float = 5.0, value: float | None = None) -> Event:
    item = catalogue().items[row]
    return Event(user_id=WHO, item_id=item.id, kind=kind, at=NOW - timedelta(hours=hours), value=value)  # type: ignore[arg-type]


def test_there_is_one_number_for_each_candidate_and_feature_and_none_is_missing():
    reading, pool = asked()
    table = features(reading, pool)
    assert table.shape == (len(pool), len(FEATURES))
    assert table.dtype == np.float32
    assert np.isfinite(table).all()


def test_every_feature_has_a_name_of_its_own_and_a_meaning():
    assert len(set(NAMES)) == len(NAMES)
    assert all(feature.meaning and feature.trend in (-1, 0, 1) for feature in FEATURES)


def test_a_listener_without_history_has_features_too():
    reading, pool = asked(history=History(), listener=Listener(user_id="new"))
    table = features(reading, pool)
    assert np.isfinite(table).all()
    assert not table[:, [NAMES.index(name) for name in ("near_any", "author_share", "collaborative")]].any()


def test_no_request_waits_for_the_tables_of_the_whole_catalogue_whatever_came_in_between(monkeypatch):
    reading, pool = asked()
    prepare(catalogue())
    catalogue().kept("as much as there is room for", "", lambda: np.zeros(KEPT_ROOM, dtype=np.int8))
    for name in ("_coded", "_measured"):
        monkeypatch.setattr(of_features, name, lambda _: pytest.fail("made a second time"))
    assert len(features(reading, pool)) == len(pool)


def test_an_empty_pool_gives_an_empty_table():
    reading, pool = asked()
    assert features(reading, pool.take(np.zeros(0, dtype=np.int64), pool.coarse)).shape == (0, len(FEATURES))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(SOFT), st.floats(0.1, 1.0)), min_size=1, max_size=4, unique_by=lambda pair: pair[0]
    )
)
def test_no_soft_wish_changes_a_feature(wishes):
    plain, pool = asked()
    wished, other = asked(*(entry(factor, key, value) for (factor, key), value in wishes))
    before = dict(zip(pool.rows.tolist(), features(plain, pool), strict=True))
    after = dict(zip(other.rows.tolist(), features(wished, other), strict=True))
    both = before.keys() & after.keys()
    assert both
    for row in both:
        assert np.allclose(before[row], after[row], atol=1e-6)  # products over other numbers of rows round otherwise


def test_a_candidate_has_the_same_features_in_whatever_company():
    reading, pool = asked()
    table = features(reading, pool)
    some = np.array([3, 50, 7])
    assert np.allclose(features(reading, pool.take(some, pool.coarse)), table[some], atol=1e-5)


def test_shares_say_how_much_of_the_liking_has_the_same():
    row = int(np.flatnonzero([item.author is not None for item in catalogue().items])[0])
    item = catalogue().items[row]
    other = next(r for r, i in enumerate(catalogue().items) if i.author != item.author and i.language != item.language)
    reading, pool = asked(history=History(events=(event(other, "like"), event(row, "like"))))
    pool = pool.take(np.array([0, 1]), pool.coarse)
    pool = replace(pool, rows=np.array([row, other]))
    assert of(reading, pool, "author_share")[0] == pytest.approx(0.5, abs=0.02)
    assert of(reading, pool, "language_share").sum() == pytest.approx(1.0, abs=1e-4)
    assert of(reading, pool, "author_recent")[0] == 1.0
    assert of(reading, pool, "near_last")[0] == pytest.approx(1.0, abs=1e-4)
    assert of(reading, pool, "near_any").tolist() == pytest.approx([1.0, 1.0], abs=1e-4)


def test_what_was_shown_and_left_is_counted_until_it_is_touched():
    _, pool = asked()
    left, taken = int(pool.rows[0]), int(pool.rows[1])
    seen = tuple(event(row, "impression", hours) for hours in (9, 8) for row in (left, taken))
    past = History(events=(*history(WHO).events, *seen, event(taken, "play", 1)))
    reading, pool = asked(history=past)
    counts = dict(zip(pool.rows.tolist(), of(reading, pool, "shown_left").tolist(), strict=True))
    assert counts.get(left, 2.0) == 2.0
    assert counts.get(taken, 0.0) == 0.0
    assert of(reading, pool, "hours_since")[0] == pytest.approx(np.log1p(1.0))


def test_the_position_is_the_logged_one_in_training_and_one_place_for_all_at_serving():
    reading, pool = asked()
    assert set(of(reading, pool, "position").tolist()) == {TOP_PLACE}
    places = np.arange(len(pool))
    logged = features(reading, pool, places)
    assert logged[:, NAMES.index("position")].tolist() == places.tolist()
    logged[:, NAMES.index("position")] = TOP_PLACE
    assert np.array_equal(logged, features(reading, pool))


def test_dislikes_and_the_moment_are_seen():
    plain, pool = asked()
    row = next(int(row) for row in pool.rows if int(row) not in plain.past.liked)
    reading, other = asked(history=History(events=(*history(WHO).events, event(row, "skip"))))
    near = of(reading, other, "near_disliked")
    places = np.flatnonzero(other.rows == row)
    assert near.max() > 0.0
    assert (near[places] > 0.99).all()
    assert set(of(reading, other, "hour").tolist()) == {float(NOW.hour)}
    assert set(of(reading, other, "page_language").tolist()) <= {0.0, 1.0}


def test_a_model_that_recall_did_not_ask_is_asked_in_the_same_way():
    reading, pool = asked()
    assert {"neighbours", "graph"} <= pool.scores.keys()
    without = replace(pool, scores={n: s for n, s in pool.scores.items() if n not in ("neighbours", "graph")})
    assert np.allclose(features(reading, pool), features(reading, without), atol=1e-5)
