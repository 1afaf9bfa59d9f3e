"""Exported ONNX models without what the exporter notes of the machine that they were made on."""

from __future__ import annotations

import onnx


def without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without the exporter's notes, which tell line by line of the machine that it was made on."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.ClearField("doc_string")
    return model
