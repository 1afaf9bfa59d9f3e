"""Writes a PEFT LoRA adapter as the GGUF that llama.cpp loads beside its base model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import load_file

PREFIX = "base_model.model."
PARTS = {".lora_A.weight": ".lora_a", ".lora_B.weight": ".lora_b"}


class AdapterError(ValueError):
    """An adapter that llama.cpp cannot take; the text says why."""


def write_adapter(peft: Path, config: Any, out: Path) -> None:
    """From a folder of PEFT to one file.

    config: the base model's, of transformers. Raises AdapterError for an architecture or a layer that llama.cpp does
    not know.
    """
    arch = architecture(config.model_type)
    names = gguf.get_tensor_name_map(arch, config.num_hidden_layers)
    alpha = json.loads((peft / "adapter_config.json").read_text(encoding="utf-8"))["lora_alpha"]
    writer = gguf.GGUFWriter(out, gguf.MODEL_ARCH_NAMES[arch])
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(alpha))
    for name, tensor in sorted(load_file(peft / "adapter_model.safetensors").items()):
        part = next((part for part in PARTS if name.endswith(part)), None)
        if part is None:
            raise AdapterError(f"{name}: only LoRA matrices can be written, nothing that was trained whole")
        layer = name.removeprefix(PREFIX).removesuffix(part)
        known = names.get_name(f"{layer}.weight", try_suffixes=(".weight",))
        if known is None:
            raise AdapterError(f"{layer}: llama.cpp has no such layer in {gguf.MODEL_ARCH_NAMES[arch]}")
        values = tensor.astype(np.float32)
        if part == ".lora_B.weight" and arch == gguf.MODEL_ARCH.LLAMA:
            values = _for_interleaved_rope(layer, values, config)
        writer.add_tensor(known + PARTS[part], np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def architecture(model_type: str) -> gguf.MODEL_ARCH:
    """llama.cpp's architecture for a model type of transformers ("qwen2", "qwen3", "llama" …). Raises AdapterError."""
    for arch, name in gguf.MODEL_ARCH_NAMES.items():
        if name == model_type:
            return arch
    raise AdapterError(f"model type {model_type!r} has no architecture of that name in llama.cpp")


def _for_interleaved_rope(layer: str, values: np.ndarray, config: Any) -> np.ndarray:
    """llama.cpp turns neighbouring rows of a llama model's queries and keys, transformers turns halves."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(layer.rpartition(".")[2])
    if heads is None:
        return values
    rows, rank = values.shape
    return values.reshape(heads, 2, rows // heads // 2, rank).swapaxes(1, 2).reshape(rows, rank)
