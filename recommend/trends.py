"""What is rising: how much an item is heard these days beside how much it usually is.

Heat is a sum of strengths that halves with age, of what each listener last did with an item. `recent` halves within a
week, `usual` within eight; an item's usual share of all heat says how much of the recent heat it would have if
nothing had changed, and rise = (recent - expected) / sqrt(expected + 1), as one compares counts of a Poisson process.
A classic that is always heard much does not trend; a book that doubled this week does.
"""

from __future__ import annotations

import numpy as np

from recommend.interactions import Touches

HALF_LIFE_DAYS = 7.0
USUAL_HALF_LIFE_DAYS = 56.0
LEAST_HEAT = 1.0
"""Below this recent heat (two plays today) nothing is trending, whatever its rise."""


RECENT_DAYS, LEAST_LISTENERS = 14.0, 3
"""Fewer listeners within so many days are no "many", however keen."""


def trending(touches: Touches) -> np.ndarray:
    """Per catalogue row, 0..1 (float32): the rise of its heat up to the last event, the highest rise being 1.

    While the log is shorter than one half-life nothing is usual yet, and the heat itself is the trend.
    """
    if not len(touches):
        return np.zeros(touches.items, dtype=np.float32)
    ages, said, rows = _latest(touches)
    recent = _heat(touches.items, rows, said, ages, HALF_LIFE_DAYS)
    usual = _heat(touches.items, rows, said, ages, USUAL_HALF_LIFE_DAYS)
    these_days = np.bincount(rows[(said > 0.0) & (ages <= RECENT_DAYS)], minlength=touches.items)
    if ages.max() < HALF_LIFE_DAYS:
        expected = np.zeros_like(recent)
    else:
        expected = usual * (recent.sum() / max(usual.sum(), 1e-9))
    rise = np.maximum(recent - expected, 0.0) / np.sqrt(expected + 1.0)
    rise[(recent < LEAST_HEAT) | (these_days < LEAST_LISTENERS)] = 0.0
    return (rise / max(float(rise.max(initial=0.0)), 1e-9)).astype(np.float32)


def _latest(touches: Touches) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Age in days, strength and row of what each listener last did with each item: one listener counts once."""
    pair = touches.users * touches.items + touches.rows
    order = np.lexsort((touches.days, pair))
    last = order[np.append(np.flatnonzero(np.diff(pair[order])), len(order) - 1)]
    return touches.days.max() - touches.days[last], np.maximum(touches.strengths[last], 0.0), touches.rows[last]


def _heat(items: int, rows: np.ndarray, said: np.ndarray, ages: np.ndarray, half_life: float) -> np.ndarray:
    return np.bincount(rows, weights=said * 2.0 ** (-ages / half_life), minlength=items)
