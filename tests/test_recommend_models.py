"""The learnt models of recall: one contract for all of them, and the formula of each against a plain reading of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from catalog.catalogue import Catalogue
from recommend import ease, models, neighbours
from recommend.als import Als, fit_als
from recommend.ease import Ease, fit_ease
from recommend.graph import Graph, entities_of, fit_graph
from recommend.interactions import LEAST_LIKED, Interactions, Touches, strength
from recommend.models import Models, fit_models
from recommend.neighbours import Neighbours, fit_neighbours
from recommend.request import Event
from recommend.trends import trending
from tests.recommend_stage import NOW, catalogue, population

CATALOGUE = catalogue()
ITEMS = 24
QUICK = settings(max_examples=40, deadline=None)
Model = Ease | Als | Neighbours | Graph


def two_camps(seed: int = 0, listeners: int = 60) -> Interactions:
    """Listeners who like rows 0..9, and others who like 10..19; nobody has heard 20..23."""
    rng = np.random.default_rng(seed)
    camps = [rng.choice(10, rng.integers(3, 8), replace=False) + 10 * (n % 2) for n in range(listeners)]
    return Interactions.from_sequences(ITEMS, camps)


def no_entities() -> sparse.csr_matrix:
    return sparse.csr_matrix((ITEMS, 0), dtype=np.float32)


def graph(interactions: Interactions) -> Graph:
    return fit_graph(interactions, no_entities())


def small_als(interactions: Interactions) -> Als:
    pytest.importorskip("implicit")
    return fit_als(interactions, factors=8)


FITS: list[Callable[[Interactions], Model]] = [fit_ease, small_als, fit_neighbours, graph]
every_model = pytest.mark.parametrize("fit", FITS, ids=["ease", "als", "neighbours", "graph"])


@every_model
def test_a_model_finds_the_rest_of_a_camp(fit: Callable[[Interactions], Model]) -> None:
    scores = fit(two_camps()).scores({2: 1.0, 5: 0.6})
    assert scores is not None and scores.shape == (ITEMS,) and scores.dtype == np.float32
    scores[[2, 5]] = -np.inf
    assert set(np.argsort(-scores)[:8]) == set(range(10)) - {2, 5}


@every_model
def test_a_model_says_nothing_of_rows_that_nobody_heard(fit: Callable[[Interactions], Model]) -> None:
    fitted = fit(two_camps())
    assert fitted.scores({}) is None
    assert fitted.scores({21: 1.0}) is None
    assert fitted.scores({21: 1.0, 3: 1.0}) is not None


@every_model
def test_a_model_learnt_again_or_loaded_again_scores_bit_for_bit_the_same(
    fit: Callable[[Interactions], Model], tmp_path: Path
) -> None:
    fitted = fit(two_camps())
    fitted.save(tmp_path / "folder" / "model.v1")
    loaded = type(fitted).load(tmp_path / "folder" / "model.v1")
    for liked in ({0: 1.0}, {11: 0.4, 3: 1.0, 19: 0.2}):
        scores = fitted.scores(liked)
        assert scores is not None
        np.testing.assert_array_equal(scores, loaded.scores(liked))
        np.testing.assert_array_equal(scores, fit(two_camps()).scores(liked))
    assert json.loads((tmp_path / "folder" / "model.v1.json").read_text())["model"]


stories = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "cy"]),
        st.integers(0, 5),
        st.sampled_from(["click", "play", "like", "dislike", "skip", "impression"]),
        st.integers(0, 4),
    ),
    max_size=30,
)


def told(lines: list[tuple[str, int, str, int]]) -> list[Event]:
    ids = [CATALOGUE.items[row].id for row in range(6)]
    return [Event(user_id=u, item_id=ids[r], kind=k, at=NOW + timedelta(days=d)) for u, r, k, d in lines]  # type: ignore[arg-type]


@QUICK
@given(stories)
def test_likings_are_the_summed_strengths_in_the_order_of_the_last_touch(
    lines: list[tuple[str, int, str, int]],
) -> None:
    events = told(lines)
    total: dict[str, dict[int, float]] = {}
    for event in sorted(events, key=lambda event: event.at):
        mine = total.setdefault(event.user_id, {})
        if said := strength(event):
            row = CATALOGUE.row[event.item_id]
            mine[row] = mine.pop(row, 0.0) + said
    expected = [
        {r: min(s, 1.0) for r, s in mine.items() if s > LEAST_LIKED + 1e-9} for _, mine in sorted(total.items())
    ]
    found = Interactions.from_events(CATALOGUE, events)
    near = [any(abs(s - LEAST_LIKED) < 1e-6 for s in mine.values()) for mine in total.values()]
    if not any(near):
        assert [rows.tolist() for rows in found.sequences] == [list(mine) for mine in expected if mine]
        weights = [np.float32(list(mine.values())) for mine in expected if mine]
        assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(found.weights, weights, strict=True))
    assert found.matrix.shape == (len(found.sequences), len(CATALOGUE))


def test_events_of_items_that_are_gone_are_passed_over() -> None:
    events = [*told([("ann", 1, "like", 0)]), Event(user_id="x", item_id="gone", kind="like", at=NOW)]
    assert [rows.tolist() for rows in Interactions.from_events(CATALOGUE, events).sequences] == [[1]]


def test_sequences_hold_each_item_once_at_its_last_place() -> None:
    found = Interactions.from_sequences(5, [[3, 1, 3, 2], [], [4]])
    assert [rows.tolist() for rows in found.sequences] == [[1, 3, 2], [4]]
    assert found.counts.tolist() == [0, 1, 1, 1, 1]
    with pytest.raises(ValueError, match=r"outside 0\.\.4"):
        Interactions.from_sequences(5, [[5]])


@pytest.mark.parametrize("block", [3, 1024])
def test_ease_is_the_closed_form_of_its_paper(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "_BLOCK", block)
    liked = two_camps()
    fitted = fit_ease(liked, ridge=7.0, dropout=0.2, damping=0.0)
    x = liked.ones().toarray()[:, fitted.rows].astype(np.float64)
    gram = x.T @ x
    inverse = np.linalg.inv(gram + np.diag(7.0 + 0.25 * np.diag(gram)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    np.testing.assert_allclose(fitted.weights, weights, atol=1e-4)
    damped = fit_ease(liked, ridge=7.0, dropout=0.2, damping=0.5)
    np.testing.assert_allclose(damped.weights, weights / np.sqrt(np.diag(gram)), atol=1e-4)


def test_ease_keeps_to_the_items_with_the_most_likers() -> None:
    liked = Interactions.from_sequences(6, [[0, 1], [0, 1, 2], [1, 2, 5], [5, 1]])
    assert fit_ease(liked, most_items=3).rows.tolist() == [0, 1, 2]


def test_pairs_are_counted_as_listeners_who_liked_both() -> None:
    liked = two_camps()
    x = liked.ones().toarray()
    counts = (x.T @ x).astype(int)
    for model in (fit_ease(liked), fit_neighbours(liked)):
        for one in range(ITEMS):
            for other in range(ITEMS):
                expected = counts[one, other] if counts[one, other] >= 2 else 0
                if one != other and not (expected == 0 and isinstance(model, Neighbours)):
                    assert model.liked_both(one, other) == expected
    assert fit_ease(liked).liked_both(0, 22) == 0


def test_als_gives_a_listener_it_never_saw_the_factors_that_the_library_would_give() -> None:
    pytest.importorskip("implicit")
    liked = two_camps()
    fitted = fit_als(liked, factors=6, regularisation=0.5, alpha=4.0)
    mine = {3: 1.0, 7: 0.5}
    confidence = np.ones(len(fitted.rows))
    for row, weight in mine.items():
        confidence[fitted.place[row]] = 1.0 + 4.0 * weight
    chosen = np.isin(fitted.rows, list(mine)).astype(float)
    y = fitted.factors.astype(np.float64)
    expected = np.linalg.solve(y.T @ (confidence[:, None] * y) + 0.5 * np.eye(6), y.T @ (confidence * chosen))
    listener = fitted.listener(mine)
    assert listener is not None
    np.testing.assert_allclose(listener, expected, rtol=1e-3, atol=1e-4)
    liked_scores, scores = fitted.factors @ listener, fitted.scores(mine)
    assert scores is not None
    np.testing.assert_allclose(scores[fitted.rows], liked_scores * liked.counts[fitted.rows] ** -0.1, rtol=1e-5)


@pytest.mark.parametrize("work", [1, 20_000_000])
def test_neighbours_are_the_nearest_few_by_shrunk_cosine(work: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_WORK", work)
    liked = two_camps()
    fitted = fit_neighbours(liked, keep=4, shrink=3.0, asymmetry=0.5)
    x = liked.ones().toarray()
    counts = x.T @ x
    sizes = np.diag(counts)
    like = counts / (np.sqrt(np.outer(sizes, sizes)) + 3.0)
    np.fill_diagonal(like, 0.0)
    assert np.diff(fitted.likeness.indptr).max() == 4
    for row in liked.heard:
        scores = fitted.scores({int(row): 1.0})
        assert scores is not None
        np.testing.assert_allclose(np.sort(scores)[-4:], np.sort(like[row])[-4:], atol=1e-6)
        np.testing.assert_allclose(scores[scores > 0.0], like[row][scores > 0.0], atol=1e-6)


def test_neighbours_of_several_items_add_up_by_weight() -> None:
    fitted = fit_neighbours(two_camps())
    rows, likeness = fitted.reach({1: 0.5, 14: 1.0})
    one, other = fitted.scores({1: 1.0}), fitted.scores({14: 1.0})
    assert one is not None and other is not None and (np.diff(rows) > 0).all()
    np.testing.assert_allclose(likeness, (0.5 * one + other)[rows], rtol=1e-6)
    assert np.count_nonzero(0.5 * one + other) == len(rows)


def test_the_walk_reaches_an_item_that_nobody_heard_over_what_its_record_shares() -> None:
    shared = sparse.csr_matrix((np.ones(3, dtype=np.float32), ([3, 22, 23], [0, 0, 1])), shape=(ITEMS, 2))
    fitted = fit_graph(two_camps(), shared)
    scores = fitted.scores({3: 1.0})
    assert scores is not None and scores[22] > 0.0 and scores[23] == 0.0
    alone = fitted.scores({22: 1.0})
    assert alone is not None and alone[3] > 0.0


def test_the_walk_spreads_all_of_its_chance_and_damps_the_popular() -> None:
    liked = Interactions.from_sequences(ITEMS, [[0, 1, 2], [0, 1], [0, 2], *([[1, 9]] * 5)])
    plain, damped = fit_graph(liked, no_entities(), beta=0.0), fit_graph(liked, no_entities(), beta=0.8)
    chances = [fitted._round(np.array([0]), np.ones(1, dtype=np.float32)) for fitted in (plain, damped)]
    assert [float(c.sum()) for c in chances] == pytest.approx([1.0, 1.0])
    assert chances[0][1] == pytest.approx(1 / 9 + 1 / 6) and chances[0][2] == pytest.approx(1 / 9 + 1 / 6)
    assert chances[1][1] < chances[1][2]


def test_a_walk_that_reaches_little_goes_on_for_a_second_round() -> None:
    chain = Interactions.from_sequences(ITEMS, [[0, 1], [1, 2], [2, 3]])
    scores = graph(chain).scores({0: 1.0})
    assert scores is not None and scores[1] > scores[2] > scores[3] == 0.0


def test_authors_series_and_theme_words_link_items_of_the_catalogue() -> None:
    links = entities_of(CATALOGUE)
    by = [row for row, item in enumerate(CATALOGUE.items) if item.author]
    pair = next((a, b) for a in by for b in by if a < b and CATALOGUE.items[a].author == CATALOGUE.items[b].author)
    assert links.shape[0] == len(CATALOGUE) and (links.data > 0.0).all()
    assert links[pair[0]].multiply(links[pair[1]]).nnz > 0
    assert np.bincount(links.indices).min(initial=2) >= 2


def heat(rows: list[int], days: list[float], items: int = 4) -> np.ndarray:
    ones = np.ones(len(rows))
    return trending(Touches(items, np.arange(len(rows)), np.array(rows), ones, np.array(days, dtype=float)))


def test_what_rises_trends_and_what_is_always_heard_much_does_not() -> None:
    classic, riser = [float(day) for day in range(120) for _ in range(3)], [117.0, 117.5, 118.0, 119.0, 119.0]
    rising = heat([0] * len(classic) + [1] * len(riser) + [2], classic + riser + [20.0])
    assert rising[1] == 1.0 and rising[0] < 0.3 and rising[2] == rising[3] == 0.0


def test_a_log_of_a_few_days_trends_by_what_is_heard() -> None:
    assert heat([0, 0, 0, 0, 1, 1, 1, 2], [0.0, *[1.0] * 7])[:3].argmax() == 0
    assert not heat([], []).any()


def test_one_keen_listener_is_no_many() -> None:
    users, rows, days = np.array([0] * 9 + [1, 2, 3]), np.array([0] * 9 + [1] * 3), np.arange(12.0) / 12.0
    rises = trending(Touches(4, users, rows, np.ones(12), days))
    assert rises[0] == 0.0 and rises[1] == 1.0


def test_models_of_nobody_say_nothing() -> None:
    none = Models.empty(CATALOGUE)
    assert none.likely({0: 1.0}) is None and none.liked_both(0, 1) == 0 and not none.trending.any()
    assert none.neighbours.scores({0: 1.0}) is None and none.graph.scores({0: 1.0}) is None and none.sequence is None
    empty = Catalogue.build([], CATALOGUE.words, np.zeros((0, 4), np.float32), CATALOGUE.embed)
    assert len(fit_models(empty, population()[1]).trending) == 0


def test_a_small_catalogue_is_learnt_without_the_library_for_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "implicit", None)
    monkeypatch.setitem(sys.modules, "implicit.als", None)
    assert isinstance(fit_models(CATALOGUE, population()[1]).collaborative, Ease)


def test_more_liked_items_than_ease_can_hold_are_learnt_by_als(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("implicit")
    monkeypatch.setattr(models, "MOST_ITEMS", 100)
    fitted = fit_models(CATALOGUE, population()[1])
    assert isinstance(fitted.collaborative, Als)
    fitted.save(tmp_path, CATALOGUE)
    assert isinstance(Models.load(tmp_path, CATALOGUE).collaborative, Als)
    rows = fitted.neighbours.together.indices[: fitted.neighbours.together.indptr[-1]]
    assert len(rows) and fitted.liked_both(int(fitted.collaborative.rows[0]), int(fitted.collaborative.rows[0])) == 0


def test_models_are_saved_whole_and_loaded_only_for_their_own_catalogue(tmp_path: Path) -> None:
    fitted = fit_models(CATALOGUE, population()[1])
    fitted.save(tmp_path / "models", CATALOGUE)
    loaded = Models.load(tmp_path / "models", CATALOGUE)
    liked = {int(row): 1.0 for row in Interactions.from_events(CATALOGUE, population()[1]).sequences[0][:5]}
    first, again = fitted.likely(liked), loaded.likely(liked)
    assert first is not None and again is not None and 0.0 <= first.min() and first.max() == 1.0
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(fitted.trending, loaded.trending)
    np.testing.assert_array_equal(fitted.graph.scores(liked), loaded.graph.scores(liked))  # type: ignore[arg-type]
    other = Catalogue.build(CATALOGUE.items[1:], CATALOGUE.words, CATALOGUE.vectors[1:], CATALOGUE.embed)
    with pytest.raises(ValueError, match="learnt on other items"):
        Models.load(tmp_path / "models", other)
    (tmp_path / "models" / models.MANIFEST).unlink()
    with pytest.raises(FileNotFoundError):
        Models.load(tmp_path / "models", CATALOGUE)
