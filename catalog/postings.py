"""From a name to the rows that carry it, whatever its spelling."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import numpy as np

from catalog.spelling import contains, form

NONE = np.zeros(0, dtype=np.int32)
FEW = 1000
"""From so many rows on a mask puts them in order faster than sorting."""


class Postings:
    """Rows by the form of a name, as compact arrays. Filled in the order of the rows, sealed, then only read."""

    def __init__(self, spelled: Callable[[str], str] = form) -> None:
        """spelled: what of a name counts; two names of one form are the same."""
        self._form = spelled
        self._codes: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._pairs = (array("i"), array("i"))
        self._rows = NONE
        self._starts = np.zeros(1, dtype=np.int64)

    @property
    def names(self) -> tuple[str, ...]:
        """The forms of all names."""
        return tuple(self._codes)

    def add(self, name: str, row: int) -> None:
        """Note that `row` carries `name`."""
        code = self._seen.get(name)
        if code is None:
            code = self._codes.setdefault(self._form(name), len(self._codes))
            self._seen[name] = code
        codes, rows = self._pairs
        codes.append(code)
        rows.append(row)

    def seal(self) -> Postings:
        """Put the notes in order, once all are there."""
        codes, rows = (np.frombuffer(pairs, dtype=np.int32) if pairs else NONE for pairs in self._pairs)
        self._rows = rows[np.argsort(codes, kind="stable")]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(self._codes)))])
        self._pairs, self._seen = (array("i"), array("i")), {}
        return self

    def exactly(self, name: str) -> np.ndarray:
        """The rows of this name, spelling put aside, in their order; a row may stand there twice."""
        code = self._codes.get(self._form(name))
        return NONE if code is None else self._of(code)

    def where(self, wanted: Callable[[str], bool]) -> np.ndarray:
        """The rows of every name whose form is wanted, in their order, each once."""
        return union([self._of(code) for name, code in self._codes.items() if wanted(name)])

    def holding(self, word: str) -> np.ndarray:
        """The rows of every name that holds `word`: "dragon" is in "dragon eggs"."""
        part = self._form(word)
        return self.where(lambda name: part in name and contains(name, part))

    def _of(self, code: int) -> np.ndarray:
        return self._rows[self._starts[code] : self._starts[code + 1]]


def union(found: list[np.ndarray]) -> np.ndarray:
    """Rows in their order, each once: int32."""
    rows = np.concatenate(found) if found else NONE
    if len(rows) < FEW:
        return np.unique(rows)
    mask = np.zeros(int(rows.max()) + 1, dtype=bool)
    mask[rows] = True
    return np.flatnonzero(mask).astype(np.int32)
