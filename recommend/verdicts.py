"""What the gate before service says, and its measure: figures side by side, and whether chance explains a loss."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import BaseModel

TOLERANCE = 0.05
"""Share of a ranking's NDCG that may be lost."""
SAMPLES, SEED = 1000, 0


class Figure(BaseModel, frozen=True, extra="forbid"):
    """NDCG of one model on the window."""

    before: float
    after: float
    low: float
    high: float
    """95 % interval of the difference after - before."""


class Verdict(BaseModel, frozen=True, extra="forbid"):
    """Whether something newly learnt may serve, and the figures behind it."""

    accepted: bool
    """Of a training: whether the new models may. The ranker has a verdict of its own."""
    reasons: tuple[str, ...] = ()
    listeners: int = 0
    """How many judged."""
    against: Literal["nothing", "serving", "refitted"] = "nothing"
    """Beside what: the serving models themselves, or models refitted on what they knew, less the window."""
    figures: dict[str, Figure] = {}
    """By model and depth: "graph@10"."""
    ranker: Verdict | None = None
    """Whether the new ranker may serve; None where none was to be learnt."""

    @property
    def changes(self) -> bool:
        """Whether anything new goes into service."""
        return self.accepted or (self.ranker is not None and self.ranker.accepted)

    def beside(self, ranker: Verdict | None) -> Verdict:
        """This verdict with the ranker's, and a line about it among the reasons."""
        if ranker is None:
            return self
        line = f"ranker {'accepted' if ranker.accepted else 'stays as it is'}: {'; '.join(ranker.reasons)}"
        return self.model_copy(update={"ranker": ranker, "reasons": (*self.reasons, line)})


def figure(before: np.ndarray, after: np.ndarray) -> Figure:
    """The means of two rankings over the same listeners (n,), with the interval of the paired difference."""
    drawn = np.random.default_rng(SEED).integers(0, len(before), (SAMPLES, len(before)))
    low, high = np.percentile((after - before)[drawn].mean(axis=1), [2.5, 97.5])
    return Figure(before=float(before.mean()), after=float(after.mean()), low=float(low), high=float(high))


def worse(name: str, found: Figure) -> str:
    """What to say where a ranking lost more than TOLERANCE and chance does not explain it, else ""."""
    if found.after >= (1.0 - TOLERANCE) * found.before or found.high >= 0.0:
        return ""
    interval = f"{found.low:+.4f} to {found.high:+.4f}"
    return f"{name}: NDCG fell from {found.before:.4f} to {found.after:.4f} ({interval})"
