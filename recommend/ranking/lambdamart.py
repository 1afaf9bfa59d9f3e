"""LambdaMART by LightGBM: trees that learn the order of lists.

Burges 2010; Ke et al., NeurIPS 2017. One thread, seeded and deterministic. Features with a trend are held to it
(monotone constraints). The position of an exposure is a feature in training and one constant place at serving; lists
may instead be weighted by inverse propensity (Joachims et al., WSDM 2017). Stops when NDCG@10 on the validation lists
has not risen for a while. Trees may be put on top of those of another ranker: they then learn only what it gets
wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx

from recommend.features import FEATURES, NAMES
from recommend.rankers import CARD, TREES, LambdaMart, Scale
from recommend.ranking.grades import BEST
from recommend.ranking.lists import Lists

LEAST_PROPENSITY = 0.1
"""Weights are cut here: a click on a far place would otherwise outweigh everything."""


@dataclass(frozen=True)
class TrainConfig:
    """What a run is made of."""

    trees: int = 400
    leaves: int = 15
    rate: float = 0.05
    least: int = 50
    """Candidates that a leaf holds at least."""
    part: float = 0.7
    """Share of the features and of the candidates that a tree looks at."""
    ridge: float = 5.0
    truncation: int = 20
    """Pairs count when one of them is among so many first places."""
    patience: int = 60
    """Trees without a better NDCG@10 on the validation lists before it stops."""
    debias: str = "feature"
    """"feature": the position is a feature; "ips": candidates are weighted; "none": neither."""
    seed: int = 0


def train(lessons: Lists, exam: Lists, config: TrainConfig, under: LambdaMart | None = None) -> lightgbm.Booster:
    """The trees up to the best validation figure. ValueError where no lesson has a positive grade.

    under: the ranker on top of which they are put; their scores are to be added to its.
    """
    if not (lessons.grades > 0).any():
        raise ValueError("no candidate of the lessons was touched; there is nothing to learn")
    learn = _dataset(lessons, config, under)
    check = _dataset(exam, config, under, learn)
    return lightgbm.train(
        _parameters(config),
        learn,
        num_boost_round=config.trees,
        valid_sets=[check],
        callbacks=[lightgbm.early_stopping(config.patience, verbose=False)],
    )


def scores(booster: lightgbm.Booster, lists: Lists) -> np.ndarray:
    """The trees' scores of all candidates as at serving, the position being constant."""
    return np.asarray(booster.predict(lists.at_top().table, num_threads=1))


def scale(raw: np.ndarray, lists: Lists) -> Scale:
    """What brings raw scores to the spread of the additive logits, by the median list."""
    starts = lists.starts
    spreads = [
        (float(lists.baseline[a:b].std()), float(raw[a:b].std()))
        for a, b in zip(starts[:-1], starts[1:], strict=True)
        if b - a > 1
    ]
    factors = [baseline / own for baseline, own in spreads if own > 1e-9]
    return Scale(float(raw.mean()), float(np.median(factors)) if factors else 1.0)


def save(folder: Path, trees: onnx.ModelProto, card: Mapping[str, Any]) -> None:
    """Write what `recommend.rankers.LambdaMart` loads: the trees as ONNX, and their card."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(trees, folder / TREES)
    save_card(folder, card)


def save_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write what is told about the trees of a folder."""
    text = json.dumps({"model": "lambdamart", "features": list(NAMES), **card}, indent=1, sort_keys=True)
    (folder / CARD).write_text(text + "\n", encoding="utf-8")


def told(config: TrainConfig, booster: lightgbm.Booster) -> dict[str, Any]:
    """Config, number of trees, and the ten features that gained most."""
    gains = booster.feature_importance("gain", iteration=booster.best_iteration)
    best = sorted(zip(gains.tolist(), NAMES, strict=True), reverse=True)[:10]
    total = max(float(gains.sum()), 1e-9)
    return {
        "config": asdict(config),
        "trees": booster.best_iteration,
        "gains": {name: round(gain / total, 4) for gain, name in best},
    }


def examination(place: np.ndarray, steep: float = 1.0) -> np.ndarray:
    """The chance that a place from 0 is looked at."""
    return (1.0 + np.maximum(place, 0)) ** -steep


def _dataset(
    lists: Lists, config: TrainConfig, under: LambdaMart | None, like: lightgbm.Dataset | None = None
) -> lightgbm.Dataset:
    kept = lists.of(np.flatnonzero(lists.sizes))
    weight = None
    if config.debias == "ips" and like is None:
        weight = np.where(kept.grades > 0, 1.0 / np.maximum(examination(kept.places), LEAST_PROPENSITY), 1.0)
    table = kept.table if config.debias == "feature" else kept.at_top().table
    return lightgbm.Dataset(
        table.astype(np.float32),
        label=kept.grades.astype(np.int32),
        group=kept.sizes,
        weight=weight,
        init_score=None if under is None else under.raw(kept.at_top().table),
        feature_name=list(NAMES),
        reference=like,
        params={"verbose": -1, "num_threads": 1, "min_data_in_bin": 3},
    )


def _parameters(config: TrainConfig) -> dict[str, Any]:
    return {
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [10],
        "label_gain": [2**grade - 1 for grade in range(BEST + 1)],
        "lambdarank_truncation_level": config.truncation,
        "lambdarank_norm": False,
        "learning_rate": config.rate,
        "num_leaves": config.leaves,
        "min_data_in_leaf": config.least,
        "feature_fraction": config.part,
        "bagging_fraction": config.part,
        "bagging_freq": 1,
        "bagging_by_query": True,
        "lambda_l2": config.ridge,
        "monotone_constraints": [feature.trend for feature in FEATURES],
        "seed": config.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbose": -1,
    }
