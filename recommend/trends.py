"""What is rising: how much an item is heard these days beside how much it usually is.

Heat is a sum of strengths that halves with age. `recent` halves within a week, `usual` within eight; an item's usual
share of all heat says how much of the recent heat it would have if nothing had changed, and
rise = (recent - expected) / sqrt(expected + 1), as one compares counts of a Poisson process. A classic that is always
heard much does not trend; a book that doubled this week does.
"""

from __future__ import annotations

import numpy as np

from recommend.interactions import Touches

HALF_LIFE_DAYS = 7.0
USUAL_HALF_LIFE_DAYS = 56.0
LEAST_HEAT = 1.0
"""Below this recent heat (two plays today) nothing is trending, whatever its rise."""


def trending(touches: Touches) -> np.ndarray:
    """Per catalogue row, 0..1 (float32): the rise of its heat up to the last event, the highest rise being 1.

    While the log is shorter than one half-life nothing is usual yet, and the heat itself is the trend.
    """
    if not len(touches):
        return np.zeros(touches.items, dtype=np.float32)
    ages = touches.days.max() - touches.days
    said = np.maximum(touches.strengths, 0.0)
    recent = _heat(touches, said, ages, HALF_LIFE_DAYS)
    usual = _heat(touches, said, ages, USUAL_HALF_LIFE_DAYS)
    if ages.max() < HALF_LIFE_DAYS:
        expected = np.zeros_like(recent)
    else:
        expected = usual * (recent.sum() / max(usual.sum(), 1e-9))
    rise = np.maximum(recent - expected, 0.0) / np.sqrt(expected + 1.0)
    rise[recent < LEAST_HEAT] = 0.0
    return (rise / max(float(rise.max(initial=0.0)), 1e-9)).astype(np.float32)


def _heat(touches: Touches, said: np.ndarray, ages: np.ndarray, half_life: float) -> np.ndarray:
    return np.bincount(touches.rows, weights=said * 2.0 ** (-ages / half_life), minlength=touches.items)
