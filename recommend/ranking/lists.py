"""Lists that rankers learn from: candidates with their features, and what the listener did with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any

import numpy as np

from recommend.features import NAMES, TOP_PLACE

PLACE = NAMES.index("position")


@dataclass(frozen=True, eq=False)
class Lists:
    """g lists of n candidates in all, one list after another."""

    listeners: tuple[str, ...]
    """(g,) user ids."""
    sizes: np.ndarray
    """(g,) candidates of each."""
    rows: np.ndarray
    """(n,) catalogue rows."""
    table: np.ndarray
    """float32 (n, f): features, the column "position" as logged."""
    grades: np.ndarray
    """int8 (n,), 0 to BEST."""
    places: np.ndarray
    """int32 (n,): place from 0 where it is known that it was shown; -1: not known."""
    baseline: np.ndarray
    """float32 (n,): the additive scorer's logits."""
    worn: np.ndarray
    """float32 (n,): what every scorer takes off for what was heard, or shown and left."""
    histories: tuple[np.ndarray, ...]
    """(g,) liked rows before the list, oldest first."""
    relevant: tuple[frozenset[int], ...]
    """(g,) rows of grade GOOD or better, among the candidates or not."""

    def __len__(self) -> int:
        return len(self.listeners)

    @property
    def starts(self) -> np.ndarray:
        """(g + 1,) where each list starts, and the end of the last."""
        return np.concatenate(([0], np.cumsum(self.sizes)))

    @property
    def group(self) -> np.ndarray:
        """(n,) the list of each candidate."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def of(self, chosen: Sequence[int] | np.ndarray) -> Lists:
        """Only these lists, in the order given."""
        starts = self.starts
        spans = [np.arange(starts[one], starts[one + 1]) for one in chosen]
        return self._at(np.concatenate([np.zeros(0, dtype=np.int64), *spans]), [int(one) for one in chosen])

    def where(self, mask: np.ndarray) -> Lists:
        """Only the candidates of a mask (n,); lists stay, if need be with none."""
        sizes = np.bincount(self.group[mask], minlength=len(self))
        return replace(self._at(np.flatnonzero(mask), range(len(self))), sizes=sizes)

    def at_top(self) -> Lists:
        """The lists with every candidate on the place that it has at serving."""
        table = self.table.copy()
        table[:, PLACE] = TOP_PLACE
        return replace(self, table=table)

    def _at(self, at: np.ndarray, chosen: Iterable[int]) -> Lists:
        some = list(chosen)
        return Lists(
            listeners=tuple(self.listeners[one] for one in some),
            sizes=self.sizes[some],
            rows=self.rows[at],
            table=self.table[at],
            grades=self.grades[at],
            places=self.places[at],
            baseline=self.baseline[at],
            worn=self.worn[at],
            histories=tuple(self.histories[one] for one in some),
            relevant=tuple(self.relevant[one] for one in some),
        )


def joined(parts: Sequence[Lists]) -> Lists:
    """Several as one. ValueError for none."""
    if not parts:
        raise ValueError("no list: nobody liked anything after the cut")
    whole: dict[str, list[Any]] = {field.name: [getattr(part, field.name) for part in parts] for field in fields(Lists)}
    return Lists(**{name: _end_to_end(values) for name, values in whole.items()})


def _end_to_end(values: list[Any]) -> Any:
    return tuple(chain.from_iterable(values)) if isinstance(values[0], tuple) else np.concatenate(values)


def fingerprint(whole: Lists) -> str:
    """SHA-256 (hex) of the lists, their features and grades."""
    digest = hashlib.sha256("\n".join((*NAMES, *whole.listeners)).encode())
    for array in (whole.sizes, whole.rows, whole.table, whole.grades, whole.places):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
