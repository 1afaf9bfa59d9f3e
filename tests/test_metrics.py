"""The measures against values worked out by hand, scikit-learn, and what must always hold."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from lab import metrics
from lab.metrics import WINDOW, Touch

RANKED = ["a", "b", "c", "d", "e"]
RELEVANT = {"b", "d", "x"}
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "k", "wanted"),
    [
        ("precision", 4, 2 / 4),
        ("recall", 4, 2 / 3),
        ("hit_rate", 1, 0.0),
        ("hit_rate", 2, 1.0),
        ("mrr", 5, 1 / 2),
        ("mrr", 1, 0.0),
        ("map", 5, (1 / 2 + 2 / 4) / 3),
        ("ndcg", 4, (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3) + 1 / 2)),
    ],
)
def test_the_measures_at_k_are_as_worked_out_by_hand(name: str, k: int, wanted: float) -> None:
    assert metrics.AT_K[name](RANKED, RELEVANT, k) == pytest.approx(wanted)


@pytest.mark.parametrize("name", metrics.AT_K)
def test_nothing_relevant_gives_nothing(name: str) -> None:
    assert metrics.AT_K[name](RANKED, set(), 5) == 0.0


@given(st.lists(st.booleans(), min_size=2, max_size=30).filter(any))
def test_ndcg_and_average_precision_agree_with_scikit_learn(right: list[bool]) -> None:
    ranked = list(range(len(right)))
    relevant = {item for item in ranked if right[item]}
    scores = [-float(item) for item in ranked]
    assert metrics.ndcg(ranked, relevant, len(ranked)) == pytest.approx(ndcg_score([right], [scores]))
    assert metrics.average_precision(ranked, relevant, len(ranked)) == pytest.approx(
        average_precision_score(right, scores)
    )


@given(st.permutations(list(range(12))), st.sets(st.integers(0, 20)), st.integers(1, 15))
def test_every_measure_at_k_lies_between_0_and_1(ranked: list[int], relevant: set[int], k: int) -> None:
    assert all(0.0 <= measure(ranked, relevant, k) <= 1.0 + 1e-12 for measure in metrics.AT_K.values())


@given(st.permutations(list(range(12))), st.sets(st.integers(0, 11), min_size=1))
def test_putting_a_relevant_item_first_never_lowers_ndcg(ranked: list[int], relevant: set[int]) -> None:
    item = min(relevant)
    better = [item, *(other for other in ranked if other != item)]
    assert metrics.ndcg(better, relevant, 10) >= metrics.ndcg(ranked, relevant, 10) - 1e-12


def test_diversity_is_0_for_copies_and_1_for_right_angles() -> None:
    vectors = {"a": np.array([1.0, 0.0]), "b": np.array([1.0, 0.0]), "c": np.array([0.0, 1.0])}
    assert metrics.intra_list_diversity(["a", "b"], vectors, 2) == pytest.approx(0.0)
    assert metrics.intra_list_diversity(["a", "c"], vectors, 2) == pytest.approx(1.0)
    assert metrics.intra_list_diversity(["a", "b", "c"], vectors, 3) == pytest.approx(2 / 3)
    assert metrics.intra_list_diversity(["a"], vectors, 3) == 0.0


def test_novelty_is_the_bits_of_surprise() -> None:
    assert metrics.novelty(["a", "b"], {"a": 8, "b": 2}, users=8, k=2) == pytest.approx((0 + 2) / 2)
    assert metrics.novelty(["unheard"], {}, users=8, k=1) == pytest.approx(3)


def test_serendipity_counts_what_is_right_and_unexpected() -> None:
    assert metrics.serendipity(RANKED, RELEVANT, expected={"b"}, k=4) == pytest.approx(1 / 4)


def test_a_calibrated_list_costs_nothing_and_a_missing_genre_does() -> None:
    history = {"sf": 0.7, "crime": 0.3}
    assert metrics.miscalibration(history, history) == pytest.approx(0.0)
    assert metrics.miscalibration({"sf": 1.0}, history) > metrics.miscalibration({"sf": 0.8, "crime": 0.2}, history) > 0


def test_kept_constraints_are_a_share_and_an_empty_list_breaks_none() -> None:
    assert metrics.satisfied([True, True, False, True]) == pytest.approx(0.75)
    assert metrics.satisfied([]) == 1.0


def touch(user: str, minute: int, category: str) -> Touch:
    return Touch(user, NOON + timedelta(minutes=minute), category)


def test_a_category_is_new_until_it_was_clicked_before_that_exposure() -> None:
    clicks = [touch("a", 5, "sf"), touch("b", 1, "crime")]
    shown = [touch("a", minute, category) for minute in (4, 5, 6) for category in ("sf", "crime")]
    found = metrics.new_category_rate(shown, clicks)
    assert (found.new, found.total) == (5, 6)
    assert metrics.new_category_rate(reversed(shown), clicks) == found


def test_only_the_last_200_clicks_make_a_category_known() -> None:
    clicks = [touch("a", 0, "sf"), *(touch("a", minute, "crime") for minute in range(1, WINDOW + 1))]
    assert metrics.new_category_rate([touch("a", WINDOW, "sf")], clicks).new == 0
    assert metrics.new_category_rate([touch("a", WINDOW + 1, "sf")], clicks).new == 1


def test_clicks_are_judged_by_the_clicks_before_them() -> None:
    clicks = [touch("a", minute, category) for minute, category in enumerate(("sf", "sf", "crime", "sf"))]
    found = metrics.new_category_rate(clicks, clicks)
    assert (found.new, found.total) == (2, 4)


def test_new_categories_are_a_ratio_of_sums_and_not_a_mean_of_users() -> None:
    shown = [touch("many", minute, "sf") for minute in range(9)] + [touch("one", 0, "sf")]
    found = metrics.new_category_rate(shown, [touch("many", -1, "sf")])
    assert found.rate.mean == pytest.approx(1 / 10)
    assert found.rate.low == 0.0 and found.rate.high == 1.0
    with pytest.raises(ValueError, match="no users"):
        metrics.new_category_rate([], shown)


def test_a_ratio_takes_users_with_something_to_have_a_part_of() -> None:
    assert metrics.ratio_over_users([1.0, 3.0], [2.0, 6.0]) == pytest.approx((0.5, 0.5, 0.5))
    with pytest.raises(ValueError, match="whole of 0"):
        metrics.ratio_over_users([0.0], [0.0])


def test_coverage_and_inequality_of_exposure() -> None:
    even, one = [["a", "b"], ["c", "d"]], [["a"], ["a"], ["a"]]
    assert metrics.coverage(even, 8) == pytest.approx(0.5)
    assert metrics.gini(even, 4) == pytest.approx(0.0)
    assert metrics.gini(one, 4) == pytest.approx(3 / 4)
    assert metrics.gini([], 4) == 0.0


def test_the_interval_holds_the_mean_and_narrows_with_more_users() -> None:
    rng = np.random.default_rng(1)
    few, many = metrics.over_users(rng.random(30)), metrics.over_users(rng.random(3000))
    assert few.low < few.mean < few.high and many.high - many.low < few.high - few.low
    assert metrics.over_users([0.5] * 10) == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="no users"):
        metrics.over_users([])
