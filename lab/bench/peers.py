"""The field's libraries behind one contract, each fitted on one thread: implicit, LensKit, EASE as in the paper.

A library's own way of answering an unknown user is used: implicit's ALS solves for the user's factors
(`recalculate_user`), LensKit's ImplicitMF likewise, the item-item models sum over the history. implicit filters what
was liked itself; LensKit's scorers give a score for every item, and the best are picked here.

Two peers stand there once more as "helped": their history weighted by recency, which neither library does by itself.
They show how much of Attune's gain comes from the order of the history alone.
"""

from __future__ import annotations

from importlib import import_module
from itertools import product
from typing import Any

import numpy as np
from scipy import linalg, sparse

from lab.bench.ranker import Contender, Ranker, by_scores
from lab.bench.trial import Trial


def popularity(trial: Trial) -> Ranker:
    """The most liked, whoever asks."""
    counts = trial.counts.astype(np.float64)
    return by_scores(lambda history: counts)


def textbook_ease(trial: Trial, *, ridge: float, half_life: float | None = None) -> Ranker:
    """Steck, WWW 2019, formula (8) in NumPy: over all items, one ridge, no damping; history weighted by `faded`."""
    liked = _matrix(trial)
    gram = (liked.T @ liked).toarray()
    gram[np.diag_indices(len(gram))] += ridge
    inverse = linalg.inv(gram, assume_a="pos", overwrite_a=True)
    weights = inverse / -np.diag(inverse)
    weights[np.diag_indices(len(weights))] = 0.0
    return by_scores(lambda history: faded(history, half_life) @ weights[history])


def implicit_als(trial: Trial, *, factors: int, regularization: float, alpha: float) -> Ranker:
    """`AlternatingLeastSquares`; the user's factors are solved for at each request."""
    model = import_module("implicit.als").AlternatingLeastSquares(
        factors=factors,
        regularization=regularization,
        alpha=alpha,
        iterations=15,
        random_state=0,
        num_threads=1,
        use_gpu=False,
    )
    model.fit(_matrix(trial), show_progress=False)
    return _asked(model, len(trial.items), recalculate_user=True)


def implicit_bm25(trial: Trial, *, neighbours: int, k1: float, b: float, half_life: float | None = None) -> Ranker:
    """`BM25Recommender`: item-item over BM25 weights; the history may be weighted by `faded`."""
    model = import_module("implicit.nearest_neighbours").BM25Recommender(K=neighbours, K1=k1, B=b, num_threads=1)
    model.fit(_matrix(trial), show_progress=False)
    return _asked(model, len(trial.items), half_life)


def implicit_cosine(trial: Trial, *, neighbours: int) -> Ranker:
    """`CosineRecommender`: item-item cosine."""
    model = import_module("implicit.nearest_neighbours").CosineRecommender(K=neighbours, num_threads=1)
    model.fit(_matrix(trial), show_progress=False)
    return _asked(model, len(trial.items))


def lenskit_knn(trial: Trial, *, neighbours: int, saved: int | None) -> Ranker:
    """`ItemKNNScorer` for implicit feedback."""
    knn = import_module("lenskit.knn")
    config = knn.ItemKNNConfig(k=neighbours, feedback="implicit", save_nbrs=saved)
    return _lenskit(trial, knn.ItemKNNScorer(config))


def lenskit_mf(trial: Trial, *, factors: int, regularization: float, weight: float) -> Ranker:
    """`ImplicitMFScorer`."""
    als = import_module("lenskit.als")
    config = als.ImplicitMFConfig(features=factors, epochs=15, regularization=regularization, weight=weight)
    return _lenskit(trial, als.ImplicitMFScorer(config))


def lenskit_ease(trial: Trial, *, regularization: float) -> Ranker:
    """`EASEScorer`."""
    knn = import_module("lenskit.knn")
    return _lenskit(trial, knn.EASEScorer(knn.EASEConfig(regularization=regularization)))


def _matrix(trial: Trial) -> sparse.csr_matrix:
    """Users x items, 1 for each liking (float32)."""
    rows = trial.sequences
    ends, columns = np.cumsum([0, *map(len, rows)]), np.concatenate(rows)
    built = sparse.csr_matrix((np.ones(len(columns), dtype=np.float32), columns, ends), (len(rows), len(trial.items)))
    built.sort_indices()
    return built


def faded(history: np.ndarray, half_life: float | None) -> np.ndarray:
    """float32 per liking: 1 for the last, half of it for each `half_life` likings before; all 1 for None."""
    ages = np.arange(len(history) - 1, -1, -1)
    return (
        np.ones(len(history), dtype=np.float32) if half_life is None else (0.5 ** (ages / half_life)).astype(np.float32)
    )


def _asked(model: Any, items: int, half_life: float | None = None, **options: Any) -> Ranker:
    def rank(history: np.ndarray, count: int) -> np.ndarray:
        order = np.argsort(history)
        row = sparse.csr_matrix((faded(history, half_life)[order], history[order], [0, len(history)]), (1, items))
        found, scores = model.recommend(0, row, N=count, filter_already_liked_items=True, **options)
        # implicit 0.7.3 gives liked items after all where it finds too few others.
        return found[(found >= 0) & np.isfinite(scores) & ~np.isin(found, history)]

    return rank


def _lenskit(trial: Trial, scorer: Any) -> Ranker:
    data, frames = import_module("lenskit.data"), import_module("pandas")
    users = np.repeat(np.arange(len(trial.sequences)), [len(rows) for rows in trial.sequences])
    liked = frames.DataFrame({"user_id": users, "item_id": np.concatenate(trial.sequences)})
    scorer.train(data.from_interactions_df(liked))
    known = np.unique(liked["item_id"].to_numpy())
    everything = data.ItemList(item_ids=known)

    def score(history: np.ndarray) -> np.ndarray | None:
        # ItemKNNScorer 2025.8.1 panics on a history with an item that nobody liked.
        met = history[np.isin(history, known)]
        if not len(met):
            return None
        query = data.RecQuery(user_id="asking", history_items=data.ItemList(item_ids=met))
        scores = np.full(len(trial.items), np.nan, dtype=np.float32)
        scores[known] = scorer(query, everything).scores()
        return scores

    return by_scores(score)


def _grid(**tried: tuple[Any, ...]) -> tuple[dict[str, Any], ...]:
    """Every combination of the values that are tried."""
    return tuple(dict(zip(tried, values, strict=True)) for values in product(*tried.values()))


_LENSKIT = ("pandas", "lenskit.data", "lenskit.knn", "lenskit.als")
_HALF_LIVES = (3.0, 5.0, 10.0, 20.0)
_RIDGES = (100.0, 200.0, 400.0, 800.0)

PEERS = (
    Contender("popularity", "peer", popularity, settings={}),
    Contender(
        "EASE (paper)",
        "peer",
        textbook_ease,
        settings={"ridge": 200.0},
        grid=_grid(ridge=_RIDGES),
    ),
    Contender(
        "implicit ALS",
        "peer",
        implicit_als,
        settings={"factors": 64, "regularization": 20.0, "alpha": 2.0},
        grid=_grid(factors=(64, 128), regularization=(0.5, 5.0, 20.0), alpha=(2.0, 10.0)),
        imports=("implicit.als",),
    ),
    Contender(
        "implicit BM25",
        "peer",
        implicit_bm25,
        settings={"neighbours": 50, "k1": 5.0, "b": 0.5},
        grid=_grid(neighbours=(20, 50, 100, 200), k1=(0.5, 1.2, 5.0), b=(0.2, 0.5, 0.75, 0.9)),
        imports=("implicit.nearest_neighbours",),
    ),
    Contender(
        "implicit cosine",
        "peer",
        implicit_cosine,
        settings={"neighbours": 50},
        grid=_grid(neighbours=(20, 50, 100, 200, 500)),
        imports=("implicit.nearest_neighbours",),
    ),
    Contender(
        "LensKit ItemKNN",
        "peer",
        lenskit_knn,
        settings={"neighbours": 5, "saved": None},
        grid=_grid(neighbours=(5, 10, 20, 50, 100), saved=(100, 500, None)),
        imports=_LENSKIT,
    ),
    Contender(
        "LensKit ImplicitMF",
        "peer",
        lenskit_mf,
        settings={"factors": 50, "regularization": 0.1, "weight": 2.0},
        grid=_grid(factors=(50, 128), regularization=(0.1, 5.0), weight=(2.0, 40.0)),
        imports=_LENSKIT,
    ),
    Contender(
        "LensKit EASE",
        "peer",
        lenskit_ease,
        settings={"regularization": 200.0},
        grid=_grid(regularization=_RIDGES),
        imports=_LENSKIT,
    ),
    Contender(
        "EASE, recency",
        "helped",
        textbook_ease,
        settings={"ridge": 200.0, "half_life": 3.0},
        grid=_grid(ridge=(200.0,), half_life=_HALF_LIVES),
    ),
    Contender(
        "BM25, recency",
        "helped",
        implicit_bm25,
        settings={"neighbours": 50, "k1": 5.0, "b": 0.5, "half_life": 10.0},
        grid=_grid(neighbours=(50,), k1=(5.0,), b=(0.5,), half_life=_HALF_LIVES),
        imports=("implicit.nearest_neighbours",),
    ),
)
