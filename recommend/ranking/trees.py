"""LightGBM's trees as ONNX, which serves without LightGBM: the library takes more than a second to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np
import onnx
from onnx import TensorProto, helper

from recommend.features import NAMES

_NODE_FIELDS = ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")
_LEAF_FIELDS = ("treeids", "nodeids", "weights")


def as_onnx(booster: lightgbm.Booster) -> onnx.ModelProto:
    """The trees up to the best as one TreeEnsembleRegressor: "features" (n, f) to "scores" (n, 1)."""
    nodes: dict[str, list[Any]] = {name: [] for name in _NODE_FIELDS}
    leaves: dict[str, list[Any]] = {name: [] for name in _LEAF_FIELDS}
    for number, tree in enumerate(booster.dump_model(num_iteration=booster.best_iteration)["tree_info"]):
        _add(tree["tree_structure"], number, nodes, leaves)
    attributes = {f"nodes_{name}": values for name, values in nodes.items()}
    return _model({**attributes, **{f"target_{name}": values for name, values in leaves.items()}})


def added(one: onnx.ModelProto, other: onnx.ModelProto) -> onnx.ModelProto:
    """The sum of two of `as_onnx`'s models as one of them."""
    mine, theirs = _attributes(one), _attributes(other)
    count = max(mine["nodes_treeids"], default=-1) + 1
    for name in ("nodes_treeids", "target_treeids"):
        theirs[name] = [number + count for number in theirs[name]]
    return _model({name: [*values, *theirs[name]] for name, values in mine.items()})


def _model(attributes: Mapping[str, Any]) -> onnx.ModelProto:
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["scores"],
        domain="ai.onnx.ml",
        n_targets=1,
        target_ids=[0] * len(attributes["target_weights"]),
        **attributes,
    )
    graph = helper.make_graph(
        [node],
        "lambdamart",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, len(NAMES)])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 1])],
    )
    versions = [helper.make_opsetid("ai.onnx.ml", 3), helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=versions, ir_version=8)


def _attributes(model: onnx.ModelProto) -> dict[str, list[Any]]:
    node = model.graph.node[0]
    names = {f"nodes_{name}" for name in _NODE_FIELDS} | {f"target_{name}" for name in _LEAF_FIELDS}
    found = {one.name: list(helper.get_attribute_value(one)) for one in node.attribute if one.name in names}
    return {name: [_text(value) for value in values] for name, values in found.items()}


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _add(node: Mapping[str, Any], tree: int, nodes: dict[str, list[Any]], leaves: dict[str, list[Any]]) -> int:
    """Put a node and those below it into the lists; returns its number within its tree."""
    number = nodes["treeids"].count(tree)
    leaf = "split_feature" not in node
    value = 0.0 if leaf else _not_above(node["threshold"])
    feature, mode = (0, "LEAF") if leaf else (int(node["split_feature"]), "BRANCH_LEQ")
    for name, entry in zip(_NODE_FIELDS, (tree, number, feature, value, mode, 0, 0), strict=True):
        nodes[name].append(entry)
    if leaf:
        for name, entry in zip(_LEAF_FIELDS, (tree, number, float(node["leaf_value"])), strict=True):
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
