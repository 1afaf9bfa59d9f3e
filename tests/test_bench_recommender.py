"""The side-by-side benchmark: a split that leaks nothing, one contract for all, and all figures of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.bench.attune_models import Attune, Place, as_request
from lab.bench.peers import PEERS, faded, implicit_bm25, popularity, textbook_ease
from lab.bench.ranker import Ranker, top
from lab.bench.rated_catalogue import hashed, rated_catalogue
from lab.bench.recall import found
from lab.bench.recommender import Options, compare, contenders, judged, main, table, tuned, with_ratio
from lab.bench.trial import KNOWN, LEAST_ITEMS, Trial, trial
from recommend.ease import fit_ease
from recommend.interactions import Interactions
from recommend.recall import Pool

GENRES = ("Drama", "Film-Noir|Children's", "Sci-Fi")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set in MovieLens' form: two camps of users over 40 films, one film that nobody met."""
    place, rng = tmp_path_factory.mktemp("ml1m"), np.random.default_rng(0)
    films = [f"{number}::Film {number} ({1950 + number})::{GENRES[number % 3]}" for number in range(1, 42)]
    (place / "movies.dat").write_text("\n".join(films) + "\n", encoding="latin-1")
    people = [
        {"user_id": user, "movie_ids": (1 + 20 * (user % 2) + rng.permutation(20)[: rng.integers(8, 16)]).tolist()}
        for user in range(60)
    ]
    (place / "sequences.jsonl").write_text("\n".join(map(json.dumps, people)) + "\n", encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def asked(folder: Path) -> Trial:
    return trial("ml1m", folder, "users")


@pytest.fixture(scope="module")
def options(folder: Path) -> Options:
    return Options("ml1m", Place(folder, folder), "users")


def test_nobody_who_is_asked_was_learnt_from(asked: Trial, folder: Path) -> None:
    whole = trial("ml1m", folder, "next").learn
    known = set(asked.learn.users)
    held = [rows for user, rows in zip(whole.users, whole.sequences, strict=True) if user not in known]
    assert len(held) == len(asked.histories) == round(0.2 * len(whole.users))
    for rows, history, targets in zip(held, asked.histories, asked.targets, strict=True):
        assert history.tolist() == rows[: len(history)].tolist() and targets == set(rows[len(history) :].tolist())
        assert len(history) == round(KNOWN * len(rows)) and len(rows) >= LEAST_ITEMS


def test_settings_are_chosen_on_users_to_learn_from(asked: Trial) -> None:
    tuning = asked.tuning()
    assert set(tuning.learn.users) < set(asked.learn.users)
    assert len(tuning.histories) == len(asked.learn.users) - len(tuning.learn.users) > 0


def test_the_last_item_is_asked_for_and_never_learnt(folder: Path) -> None:
    last = trial("ml1m", folder, "next")
    for rows, learnt, history, targets in zip(
        last.learn.sequences, last.sequences, last.histories, last.targets, strict=True
    ):
        assert (
            targets == {rows[-1]} and history.tolist() == rows[:-1].tolist() and learnt.tolist() == rows[:-2].tolist()
        )
    assert all(
        rows[-2] in targets and len(learnt) == len(rows) - 3
        for rows, learnt, targets in zip(
            last.learn.sequences, last.tuning().sequences, last.tuning().targets, strict=True
        )
    )


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=30), st.data())
def test_the_top_is_the_best_of_what_is_not_in_the_history(scores: list[float], data: st.DataObject) -> None:
    history = np.array(
        sorted(data.draw(st.sets(st.integers(0, len(scores) - 1), min_size=1, max_size=len(scores) - 1)))
    )
    count = data.draw(st.integers(1, len(scores)))
    found = top(np.array(scores), history, count).tolist()
    wanted = sorted((row for row in range(len(scores)) if row not in history), key=lambda row: (-scores[row], row))
    assert found == wanted[:count]


def test_no_score_is_no_place() -> None:
    assert top(np.array([np.nan, 1.0, np.nan, 2.0]), np.array([3]), 3).tolist() == [1]


def rankers(asked: Trial, place: Path) -> dict[str, Ranker]:
    """What needs no long start: two peers, Attune's models, the whole pipeline."""
    attune = Attune(Place(place, place))
    return {
        "popularity": popularity(asked),
        "bm25": implicit_bm25(asked, neighbours=20, k1=1.2, b=0.75),
        "ease": attune.ease(asked),
        "neighbours": attune.neighbours(asked),
        "graph": attune.graph(asked),
        "content": attune.content(asked),
        "pipeline": attune.pipeline(asked),
        "pipeline lambdamart": attune.pipeline(asked, "lambdamart"),
    }


def test_nothing_that_is_known_is_recommended_by_anyone(asked: Trial, folder: Path) -> None:
    for name, rank in rankers(asked, folder).items():
        for history in asked.histories[:6]:
            found = rank(history, 10)
            assert 0 < len(found) <= 10 and len(set(found.tolist())) == len(found), name
            assert not set(found.tolist()) & set(history.tolist()), name


def test_a_model_that_learnt_the_camps_is_better_than_popularity(asked: Trial, folder: Path) -> None:
    found = {name: judged(rank, asked)["ndcg@10"][0] for name, rank in rankers(asked, folder).items()}
    assert min(found["ease"], found["bm25"], found["pipeline"]) > found["popularity"]


def test_the_most_popular_surprise_nobody_and_what_else_is_found_does(asked: Trial, folder: Path) -> None:
    found = {name: judged(rank, asked)["serendipity"] for name, rank in rankers(asked, folder).items()}
    assert found["popularity"] == [0.0, 0.0, 0.0]
    assert found["ease"][0] > 0.0


def test_the_pipeline_is_compared_with_the_additive_ranker_and_with_the_one_that_serves(folder: Path) -> None:
    for scorer, names in (("additive", ["additive"]), ("lambdamart", ["additive", "lambdamart"])):
        whole = [
            one
            for one in contenders(Options("ml1m", Place(folder, folder, scorer=scorer), "users"))
            if one.side == "whole"
        ]
        assert [one.name for one in whole] == [f"pipeline {name}" for name in names]
        assert [one.settings for one in whole] == [{"scorer": name} for name in names]


def test_the_textbook_is_our_ease_without_its_refinements(asked: Trial) -> None:
    ours = fit_ease(
        Interactions.from_sequences(len(asked.items), asked.sequences), ridge=50.0, dropout=0.0, damping=0.0
    )
    theirs, history = textbook_ease(asked, ridge=50.0), asked.histories[0]
    scores = ours.scores(dict.fromkeys(history.tolist(), 1.0))
    assert scores is not None
    assert theirs(history, 5).tolist() == top(scores, history, 5).tolist()


def test_the_best_of_the_grid_is_taken(asked: Trial) -> None:
    peer = next(peer for peer in PEERS if peer.name == "implicit BM25")
    backwards = replace(peer, fit=_forwards_where_right, grid=({"right": False}, {"right": True}))
    assert tuned(backwards, asked) == {"right": True}


def _forwards_where_right(asked: Trial, *, right: bool) -> Ranker:
    best = textbook_ease(asked, ridge=50.0)
    return best if right else lambda history, count: best(history, len(asked.items))[::-1][:count]


def test_a_sequence_model_of_other_users_is_refused(asked: Trial, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "sequence.json").write_text(json.dumps({"data_sha256": "of others", "longest": 5}), encoding="utf-8")
    np.savez(tmp_path / "sequence.npz", ids=np.array(["1"]), vectors=np.zeros((1, 2), dtype=np.float32))
    with pytest.raises(ValueError, match="trained on other users"):
        Attune(Place(folder, folder, sequence=tmp_path)).sasrec(asked)


def test_the_pipeline_is_asked_with_the_whole_history_in_order_and_an_empty_pbox() -> None:
    request = as_request(["b", "a", "c"], 10)
    assert [event.item_id for event in request.history.events] == ["b", "a", "c"]
    assert all(
        one.at < other.at for one, other in zip(request.history.events, request.history.events[1:], strict=False)
    )
    assert request.size == 10 and not request.pbox.entries and request.seen == {"a", "b", "c"}


def test_a_film_keeps_its_row_and_its_genres(asked: Trial, folder: Path) -> None:
    catalogue = rated_catalogue(asked, folder, folder)
    assert tuple(item.id for item in catalogue.items) == asked.items
    assert set(catalogue.items[1].categories) == {"sci-fi"} and catalogue.items[1].year == 1952
    assert catalogue.items[0].categories == ("film-noir", "children-s")


@given(st.text())
def test_a_hashed_vector_has_length_1_or_says_nothing(text: str) -> None:
    assert np.linalg.norm(hashed(text)) == pytest.approx(1.0) or not hashed(text).any()


def test_a_run_gives_every_figure(options: Options) -> None:
    figures = compare(options, ["implicit BM25"])
    row = figures[0]
    mean, low, high = row["ndcg@10"]
    assert 0.0 <= low <= mean <= high <= 1.0
    assert 0.0 < row["coverage"] <= 1.0 and 0.0 <= row["popularity"] <= 1.0 and row["users"] == 12
    assert row["fit_s"] >= 0.0 and 0.0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
    assert row["x peer"] == 1.0 and row["held_mb"] <= row["peak_mb"]
    assert len(table(figures)) == 2 and len({len(line) for line in table(figures)}) == 1


def test_the_ratio_is_to_the_best_peer() -> None:
    rows = [
        {"name": name, "side": side, "ndcg@10": [value, 0.0, 1.0]}
        for name, side, value in (("a", "peer", 0.1), ("b", "peer", 0.2), ("c", "whole", 0.25))
    ]
    assert [row["x peer"] for row in with_ratio(rows)] == [0.5, 1.0, 1.25]
    assert {row["x helped"] for row in with_ratio(rows)} == {None}


def test_an_unknown_name_ends_the_run_with_the_known_ones(folder: Path) -> None:
    with pytest.raises(SystemExit, match="implicit ALS"):
        main(["--data", "ml1m", "--folder", str(folder), "--only", "nobody"])


def test_a_faded_history_halves_with_every_half_life() -> None:
    assert faded(np.arange(5), 2.0).tolist() == pytest.approx([0.25, 0.5**1.5, 0.5, 0.5**0.5, 1.0])
    assert faded(np.arange(3), None).tolist() == [1.0, 1.0, 1.0]


def test_a_source_gets_credit_for_what_it_finds_and_for_what_only_it_finds():
    marks = {"a": np.array([True, True, False]), "b": np.array([False, True, True])}
    pool = Pool(np.array([3, 5, 9]), {name: m.astype(float) for name, m in marks.items()}, marks, np.zeros(3))
    told = found(pool, pool.take(np.array([0, 1]), np.zeros(3)), frozenset({3, 5, 7, 8}))
    assert (told.pool, told.kept) == (0.5, 0.5)
    assert told.sources["a"] == pytest.approx((2 / 3, 0.5, 0.25)) and told.sources["b"] == pytest.approx(
        (2 / 3, 0.25, 0.0)
    )
