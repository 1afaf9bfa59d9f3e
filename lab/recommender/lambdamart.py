"""LambdaMART by LightGBM: trees that learn the order of lists (Burges 2010; Ke et al., NeurIPS 2017).

One thread, seeded and deterministic. Features with a trend are held to it (monotone constraints). The position of an
exposure is a feature in training and one constant place at serving; lists may instead be weighted by inverse
propensity (Joachims et al., WSDM 2017). Stops when NDCG@10 on the validation lists has not risen for a while.
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
from onnx import TensorProto, helper

from lab.recommender.logged import BEST, PLACE, Lists, examination
from recommend.features import FEATURES, NAMES, TOP_PLACE
from recommend.rankers import CARD, TREES, Scale

TEXT = "lambdamart.txt"
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


def train(lessons: Lists, exam: Lists, config: TrainConfig) -> lightgbm.Booster:
    """The trees up to the best validation figure. ValueError where no lesson has a positive grade."""
    if not (lessons.grades > 0).any():
        raise ValueError("no candidate of the lessons was touched; there is nothing to learn")
    learn = _dataset(lessons, config)
    check = _dataset(exam, config, learn)
    return lightgbm.train(
        _parameters(config),
        learn,
        num_boost_round=config.trees,
        valid_sets=[check],
        callbacks=[lightgbm.early_stopping(config.patience, verbose=False)],
    )


def scores(booster: lightgbm.Booster, lists: Lists) -> np.ndarray:
    """The trees' scores of all candidates as at serving, the position being constant."""
    return np.asarray(booster.predict(at_top(lists).table, num_threads=1))


def at_top(lists: Lists) -> Lists:
    """The lists with every candidate on the place that it has at serving."""
    table = lists.table.copy()
    table[:, PLACE] = TOP_PLACE
    return Lists(**{**vars(lists), "table": table})


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


def save(folder: Path, booster: lightgbm.Booster, card: Mapping[str, Any]) -> None:
    """Write the trees as ONNX, as LightGBM's own text for whoever wants to look at them, and their card."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TEXT).write_text(booster.model_to_string(num_iteration=booster.best_iteration), encoding="utf-8")
    onnx.save(as_onnx(booster), folder / TREES)
    text = json.dumps({"model": "lambdamart", "features": list(NAMES), **card}, indent=1, sort_keys=True)
    (folder / CARD).write_text(text + "\n", encoding="utf-8")


def as_onnx(booster: lightgbm.Booster) -> onnx.ModelProto:
    """The trees up to the best as one TreeEnsembleRegressor: "features" (n, f) to "scores" (n, 1)."""
    nodes: dict[str, list[Any]] = {name: [] for name in _NODE_FIELDS}
    leaves: dict[str, list[Any]] = {name: [] for name in ("treeids", "nodeids", "weights")}
    for number, tree in enumerate(booster.dump_model(num_iteration=booster.best_iteration)["tree_info"]):
        _add(tree["tree_structure"], number, nodes, leaves)
    attributes = {f"nodes_{name}": values for name, values in nodes.items()}
    attributes |= {f"target_{name}": values for name, values in leaves.items()}
    attributes["target_ids"] = [0] * len(leaves["weights"])
    node = helper.make_node(
        "TreeEnsembleRegressor", ["features"], ["scores"], domain="ai.onnx.ml", n_targets=1, **attributes
    )
    graph = helper.make_graph(
        [node],
        "lambdamart",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, len(NAMES)])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 1])],
    )
    versions = [helper.make_opsetid("ai.onnx.ml", 3), helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=versions, ir_version=8)


_NODE_FIELDS = ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")


def _add(node: Mapping[str, Any], tree: int, nodes: dict[str, list[Any]], leaves: dict[str, list[Any]]) -> int:
    """Put a node and those below it into the lists; returns its number within its tree."""
    number = nodes["treeids"].count(tree)
    leaf = "split_feature" not in node
    value = 0.0 if leaf else _not_above(node["threshold"])
    feature, mode = (0, "LEAF") if leaf else (int(node["split_feature"]), "BRANCH_LEQ")
    for name, entry in zip(_NODE_FIELDS, (tree, number, feature, value, mode, 0, 0), strict=True):
        nodes[name].append(entry)
    if leaf:
        for name, entry in (("treeids", tree), ("nodeids", number), ("weights", float(node["leaf_value"]))):
            leaves[name].append(entry)
        return number
    place = len(nodes["treeids"]) - 1
    nodes["truenodeids"][place] = _add(node["left_child"], tree, nodes, leaves)
    nodes["falsenodeids"][place] = _add(node["right_child"], tree, nodes, leaves)
    return number


def _not_above(threshold: float) -> float:
    """The largest float32 that is not above: float32 features then go the same way as beside the threshold itself."""
    rounded = np.float32(threshold)
    return float(rounded if float(rounded) <= threshold else np.nextafter(rounded, np.float32(-np.inf)))


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


def _dataset(lists: Lists, config: TrainConfig, like: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
    kept = lists.of(np.flatnonzero(lists.sizes))
    weight = None
    if config.debias == "ips" and like is None:
        weight = np.where(kept.grades > 0, 1.0 / np.maximum(examination(kept.places), LEAST_PROPENSITY), 1.0)
    table = kept.table if config.debias == "feature" else at_top(kept).table
    return lightgbm.Dataset(
        table.astype(np.float32),
        label=kept.grades.astype(np.int32),
        group=kept.sizes,
        weight=weight,
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
