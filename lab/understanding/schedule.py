"""Learning rates of runs that end by the clock: a short linear warm-up, then a cosine to the end."""

from __future__ import annotations

import math
import time

import torch

LONGEST_STEP = 10.0
"""Seconds that one step counts at most: a run that was held (Ctrl-Z, a closed laptop) goes on where it was."""


class TimedSchedule:
    """Sets the rates of an optimizer whose groups each carry their highest one as "base"."""

    def __init__(self, optimizer: torch.optim.Optimizer, minutes: float, warm_steps: int, least: float = 0.03) -> None:
        self._optimizer, self._seconds, self._warm, self._least = optimizer, minutes * 60, warm_steps, least
        self._last, self._steps = time.monotonic(), 0
        self.seconds = 0.0
        """Seconds that the run has trained."""

    @property
    def spent(self) -> float:
        """The share of the time that has gone."""
        return self.seconds / self._seconds

    def step(self) -> bool:
        """Sets the rates of the next step; False when the time is up."""
        now = time.monotonic()
        self.seconds, self._last = self.seconds + min(now - self._last, LONGEST_STEP), now
        self._steps += 1
        cosine = self._least + (1 - self._least) * 0.5 * (1 + math.cos(math.pi * min(self.spent, 1.0)))
        for group in self._optimizer.param_groups:
            group["lr"] = group["base"] * min(1.0, self._steps / self._warm) * cosine
        return self.spent < 1


def smoothed(mean: float | None, value: float, weight: float = 0.04) -> float:
    """The moving average of a loss, beginning with its first value."""
    return value if mean is None else (1 - weight) * mean + weight * value
