"""The contract of everything that is compared: it learns from a trial, then ranks items for one history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from recommend.arrays import best

Ranker = Callable[[np.ndarray, int], np.ndarray]
"""Liked rows, oldest first, and a count -> at most so many rows, best first, none of them liked already."""


@dataclass(frozen=True)
class Contender:
    """One recommender of the comparison."""

    name: str
    side: Literal["peer", "helped", "attune", "whole"]
    """helped: a peer that is given what its library does not do by itself."""
    fit: Callable[..., Ranker]
    """Called with the trial and, by keyword, the settings."""
    settings: Mapping[str, Any] | None = None
    """What is used without tuning: the best of the grid on goodbooks' tuning users."""
    grid: tuple[Mapping[str, Any], ...] = ()
    """What tuning tries."""
    imports: tuple[str, ...] = ()
    """Loaded before time and memory are measured."""


def top(scores: np.ndarray, history: np.ndarray, count: int) -> np.ndarray:
    """The rows of the `count` highest scores outside the history, best first; equal ones by row. NaN is lowest."""
    barred = np.where(np.isnan(scores), -np.inf, scores)
    barred[history] = -np.inf
    chosen = best(barred, count)
    chosen = chosen[np.argsort(-barred[chosen], kind="stable")]
    return chosen[np.isfinite(barred[chosen])]


def by_scores(score: Callable[[np.ndarray], np.ndarray | None]) -> Ranker:
    """A ranker from a function that scores every row for a history; where it knows nothing the list is empty."""

    def rank(history: np.ndarray, count: int) -> np.ndarray:
        scores = score(history)
        return np.zeros(0, dtype=np.int64) if scores is None else top(scores, history, count)

    return rank
