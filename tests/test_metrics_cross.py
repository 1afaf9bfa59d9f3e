"""The measures beside those of the library `ranx` on random rankings, and where the two mean different things.

MAP@k: ours divides by min(k, relevant), so that a perfect list of k is worth 1; ranx divides by all relevant.
Everything else that both have is the same, lists shorter than k and users for whom nothing was found included.
"""

from __future__ import annotations

from importlib import import_module

import numba
import numpy as np
import pytest

from lab import metrics

K = 10
ITEMS = 60
PERFECT = 1
"""The user whose K places are all right, half of what is relevant."""
THEIRS = {
    "precision": "precision",
    "recall": "recall",
    "hit_rate": "hit_rate",
    "ndcg": "ndcg",
    "map": "map",
    "mrr": "mrr",
}
"""Our name -> theirs."""
Lists = dict[str, list[str]]


def random_lists(users: int = 80, seed: int = 0) -> tuple[dict[str, set[str]], Lists]:
    """Relevant items (1 to 25 a user) and rankings (1 to 40 long), one of them perfect."""
    rng = np.random.default_rng(seed)
    relevant, ranked = {}, {}
    for user in range(users):
        order = [f"i{item}" for item in rng.permutation(ITEMS)]
        name = f"u{user:03}"
        relevant[name] = {f"i{item}" for item in rng.choice(ITEMS, rng.integers(1, 26), replace=False)}
        ranked[name] = order[: rng.integers(1, 41)]
    ranked["u000"] = [item for item in ranked["u000"] if item not in relevant["u000"]] or ["elsewhere"]
    relevant[f"u{PERFECT:03}"] = {f"i{item}" for item in range(2 * K)}
    ranked[f"u{PERFECT:03}"] = [f"i{item}" for item in range(K)]
    return relevant, ranked


RELEVANT, RANKED = random_lists()


@pytest.fixture(scope="module")
def theirs() -> dict[str, np.ndarray]:
    """Per measure the values of all users in order of their names, by ranx."""
    names = [f"{name}@{K}" for name in THEIRS.values()]
    with pytest.MonkeyPatch.context() as patch:
        # As plain Python: compiling costs ten times what it saves on lists this short.
        patch.setattr(numba.config, "DISABLE_JIT", True)
        ranx = import_module("ranx")
        qrels = ranx.Qrels({user: dict.fromkeys(items, 1) for user, items in RELEVANT.items()})
        scored = {user: {item: -float(place) for place, item in enumerate(items)} for user, items in RANKED.items()}
        found = ranx.evaluate(qrels, ranx.Run(scored), names, return_mean=False, make_comparable=False)
    return {ours: np.asarray(found[f"{name}@{K}"]) for ours, name in THEIRS.items()}


def ours(name: str) -> np.ndarray:
    return np.array([metrics.AT_K[name](RANKED[user], RELEVANT[user], K) for user in sorted(RELEVANT)])


@pytest.mark.parametrize("name", [name for name in metrics.AT_K if name != "map"])
def test_a_measure_is_that_of_ranx_user_by_user(theirs: dict[str, np.ndarray], name: str) -> None:
    assert ours(name) == pytest.approx(theirs[name], abs=1e-12)


def test_map_is_that_of_ranx_but_for_the_denominator(theirs: dict[str, np.ndarray]) -> None:
    relevant = np.array([len(RELEVANT[user]) for user in sorted(RELEVANT)])
    assert ours("map") == pytest.approx(theirs["map"] * relevant / np.minimum(K, relevant), abs=1e-12)
    assert (ours("map") > theirs["map"] + 0.01).any()


def test_every_measure_at_k_is_compared() -> None:
    assert set(THEIRS) == set(metrics.AT_K)


def test_a_perfect_list_is_worth_1_in_our_map_and_less_in_theirs(theirs: dict[str, np.ndarray]) -> None:
    assert ours("map")[PERFECT] == 1.0
    assert theirs["map"][PERFECT] == pytest.approx(K / (2 * K))
