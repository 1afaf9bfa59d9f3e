"""Who liked what, as columns and sparse rows: what every model of recall is fitted on.

Events become `Touches` (one column a field) and then `Interactions` (each listener's liked rows in order). Both are
built by sorting and summing whole columns, so that ten million events need no loop of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from catalog.catalogue import Catalogue
from recommend.request import Event

SKIP_SECONDS = 60.0
"""A dwell shorter than this says nothing good."""
LEAST_LIKED = 0.3
"""Summed strength above which a listener counts as liking an item, to learn from and to be served (`reading.Past`):
two clicks are not enough."""
FIRM = 0.5
"""From this strength on an event is the last word about its item: what was turned down last is no liking, whatever was
done with it before."""
REJECTED = -1.0
"""From this strength down the last word about an item keeps it away."""

STRENGTH = {"like": 1.0, "finished": 0.8, "save": 0.7, "play": 0.5, "click": 0.15, "skip": -0.3, "dislike": -1.0}


def strength(event: Event) -> float:
    """What one event says about liking its item, in [-1, 1]."""
    if event.kind == "rating":
        return ((event.value or 3.0) - 3.0) / 2.0
    if event.kind == "dwell":
        seconds = event.value or 0.0
        return min(0.6, seconds / 3600.0) if seconds >= SKIP_SECONDS else 0.0
    return STRENGTH.get(event.kind, 0.0)


@dataclass(frozen=True, eq=False)
class Touches:
    """Events that say something about liking, as columns of one length."""

    items: int
    """Number of rows of the catalogue."""
    users: np.ndarray
    """int64: listeners, numbered in the order of their ids."""
    rows: np.ndarray
    """int64: catalogue rows."""
    strengths: np.ndarray
    """float64 in [-1, 1], never 0."""
    days: np.ndarray
    """float64: when, in days since an arbitrary start."""

    def __len__(self) -> int:
        return len(self.users)

    @classmethod
    def of(cls, catalogue: Catalogue, events: Iterable[Event]) -> Touches:
        """The columns of `events`; items that the catalogue no longer has and events that say nothing are left out."""
        said = [
            (e.user_id, row, strength(e), e.at) for e in events if (row := catalogue.row.get(e.item_id)) is not None
        ]
        said = [line for line in said if line[2] != 0.0]
        _, users = np.unique(np.array([line[0] for line in said], dtype=np.str_), return_inverse=True)
        return cls(
            items=len(catalogue),
            users=users.astype(np.int64),
            rows=np.array([line[1] for line in said], dtype=np.int64),
            strengths=np.array([line[2] for line in said], dtype=np.float64),
            days=np.array([line[3].timestamp() / 86400.0 for line in said], dtype=np.float64),
        )


def _turned_down(strengths: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Which groups of strengths in time order, each beginning at one of `first`, end with a firm no."""
    places = np.where(np.abs(strengths) >= FIRM, np.arange(len(strengths)), -1)
    words = np.maximum.reduceat(places, first)
    return (words >= 0) & (strengths[words] <= -FIRM)


@dataclass(frozen=True, eq=False)
class Interactions:
    """What each listener liked, each item once. Listeners who liked nothing are left out."""

    items: int
    """Number of rows of the catalogue."""
    sequences: tuple[np.ndarray, ...]
    """Per listener: the liked rows (int32), the most recently touched last."""
    weights: tuple[np.ndarray, ...]
    """Per listener: how much each of them was liked (float32), in (0, 1]."""

    @classmethod
    def from_events(cls, catalogue: Catalogue, events: Iterable[Event]) -> Interactions:
        """From an event log in any order; events of unknown items are passed over."""
        return cls.from_touches(Touches.of(catalogue, events))

    @classmethod
    def from_touches(cls, touches: Touches) -> Interactions:
        """Strengths are summed per listener and item; sums of at most LEAST_LIKED are no liking, sums above 1 are 1.

        Nor is a liking what was turned down last.
        """
        if not len(touches):
            return cls(touches.items, (), ())
        pair = touches.users * touches.items + touches.rows
        order = np.lexsort((touches.days, pair))
        first = np.flatnonzero(np.diff(pair[order], prepend=-1))
        total = np.add.reduceat(touches.strengths[order], first)
        last = order[np.append(first[1:], len(order)) - 1]
        kept = (total > LEAST_LIKED) & ~_turned_down(touches.strengths[order], first)
        last, total = last[kept], np.minimum(total[kept], 1.0)
        by_time = np.lexsort((last, touches.days[last], touches.users[last]))
        last, total = last[by_time], total[by_time].astype(np.float32)
        cuts = np.flatnonzero(np.diff(touches.users[last])) + 1
        if not len(last):
            return cls(touches.items, (), ())
        rows = touches.rows[last].astype(np.int32)
        return cls(touches.items, tuple(np.split(rows, cuts)), tuple(np.split(total, cuts)))

    @classmethod
    def from_sequences(cls, items: int, sequences: Iterable[Sequence[int] | np.ndarray]) -> Interactions:
        """From liked rows in time order, all liked alike; of an item that comes twice the last place counts."""
        kept = [_last_places(np.asarray(rows, dtype=np.int32)) for rows in sequences]
        found = tuple(rows for rows in kept if len(rows))
        if found and not all(0 <= int(rows.min()) and int(rows.max()) < items for rows in found):
            raise ValueError(f"a sequence holds a row outside 0..{items - 1}")
        return cls(items, found, tuple(np.ones(len(rows), dtype=np.float32) for rows in found))

    @cached_property
    def matrix(self) -> sparse.csr_matrix:
        """Listeners x items: the weights, float32, columns sorted in each row."""
        shape = (len(self.sequences), self.items)
        if not self.sequences:
            return sparse.csr_matrix(shape, dtype=np.float32)
        ends = np.cumsum([0, *map(len, self.sequences)])
        built = sparse.csr_matrix((np.concatenate(self.weights), np.concatenate(self.sequences), ends), shape=shape)
        built.sort_indices()
        return built

    @cached_property
    def counts(self) -> np.ndarray:
        """Per item: how many listeners liked it (int64)."""
        return np.bincount(self.matrix.indices, minlength=self.items)

    @cached_property
    def heard(self) -> np.ndarray:
        """The rows that anyone liked, ascending (int32)."""
        return np.flatnonzero(self.counts).astype(np.int32)

    def ones(self) -> sparse.csr_matrix:
        """`matrix` with 1 for every liking."""
        plain = self.matrix
        return sparse.csr_matrix((np.ones_like(plain.data), plain.indices, plain.indptr), shape=plain.shape)


def _last_places(rows: np.ndarray) -> np.ndarray:
    if len(rows) < 2:
        return rows
    _, backwards = np.unique(rows[::-1], return_index=True)
    return rows if len(backwards) == len(rows) else rows[np.sort(len(rows) - 1 - backwards)]
