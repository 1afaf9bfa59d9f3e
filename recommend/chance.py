"""Chance without a generator: noise of any row from the seed and the row alone.

A counter-based hash (the finaliser of SplitMix64, Steele et al. 2014): the same seed and row give the same
number whatever other rows are asked for, and only the rows asked for cost anything.
"""

from __future__ import annotations

import numpy as np

_GOLDEN = 0x9E3779B97F4A7C15
_STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_WORD = (1 << 64) - 1


def chance(seed: int, rows: np.ndarray) -> np.ndarray:
    """Standard Gumbel noise for each of `rows` (n of any integer type), as n float64."""
    start = np.array([(seed * 0xD1342543DE82EF95 + _GOLDEN) & _WORD], dtype=np.uint64)
    bits = _hashed(np.asarray(rows).astype(np.uint64) * np.uint64(_GOLDEN) + _hashed(start))
    uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return -np.log(-np.log(uniform))


def _hashed(bits: np.ndarray) -> np.ndarray:
    for shift, factor in _STEPS:
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return bits ^ (bits >> np.uint64(31))
