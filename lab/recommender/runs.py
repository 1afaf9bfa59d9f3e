"""What a training run keeps in its folder: the card run.json, a checkpoint to go on from, the best weights as .npz."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

CHECKPOINT = "checkpoint.pt"
CARD = "run.json"


def save_weights(run: Path, model: nn.Module, config: Mapping[str, Any], extra: Mapping[str, np.ndarray]) -> None:
    """Writes RUN/weights.npz whole or not at all: the weights, the config and plain arrays beside them."""
    arrays = {f"w.{name}": tensor.cpu().numpy() for name, tensor in model.state_dict().items()}
    fresh = run / "weights.new.npz"
    np.savez(fresh, config=np.array(json.dumps(dict(config))), **extra, **arrays)  # type: ignore[arg-type]
    fresh.replace(run / "weights.npz")


def load_weights(run: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any], dict[str, np.ndarray]]:
    """The state, the config and the other arrays that `save_weights` wrote."""
    with np.load(run / "weights.npz", allow_pickle=False) as saved:
        state = {name[2:]: torch.from_numpy(saved[name]) for name in saved.files if name.startswith("w.")}
        extra = {name: saved[name] for name in saved.files if name != "config" and not name.startswith("w.")}
        return state, json.loads(str(saved["config"])), extra


def write_checkpoint(
    run: Path, told: dict[str, Any], course: list[dict[str, float]], model: nn.Module, adam: torch.optim.Optimizer
) -> None:
    """Replaces RUN/checkpoint.pt in one step."""
    state = {"told": told, "course": course, "model": model.state_dict(), "adam": adam.state_dict()}
    fresh = run / "checkpoint.new"
    torch.save(state, fresh)
    fresh.replace(run / CHECKPOINT)


def resume(run: Path, told: dict[str, Any], model: nn.Module, adam: torch.optim.Optimizer) -> list[dict[str, float]]:
    """Loads the checkpoint, if there is one, and returns the course so far. ValueError where it is another run's."""
    path = run / CHECKPOINT
    if not path.exists():
        return []
    saved = torch.load(path, weights_only=True, map_location=next(model.parameters()).device)
    if saved["told"] != told:
        raise ValueError(f"{path} is of another config or other data; choose another folder or remove it")
    model.load_state_dict(saved["model"])
    adam.load_state_dict(saved["adam"])
    return saved["course"]


def finish(run: Path, card: dict[str, Any], device: str) -> None:
    """Writes the card; a run whose card says `finished` needs its checkpoint no more."""
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    text = json.dumps(card | {"device": name, "torch": torch.__version__}, indent=1)
    (run / CARD).write_text(text + "\n", encoding="utf-8")
    if card["finished"]:
        (run / CHECKPOINT).unlink(missing_ok=True)


def stale(course: list[dict[str, float]], figure: str) -> int:
    """Epochs since the one that was best by this figure."""
    if not course:
        return 0
    return len(course) - 1 - int(np.argmax([epoch[figure] for epoch in course]))
