"""From a name to the rows that carry it, whatever its spelling."""

from __future__ import annotations

from catalog.spelling import contains, form


class Postings:
    """Rows by the form of a name. Filled once, then only read."""

    def __init__(self) -> None:
        self._rows: dict[str, list[int]] = {}

    def add(self, name: str, row: int) -> None:
        """Note that `row` carries `name`."""
        self._rows.setdefault(form(name), []).append(row)

    def exactly(self, name: str) -> set[int]:
        """The rows of this name, spelling put aside."""
        return set(self._rows.get(form(name), ()))

    def holding(self, word: str) -> set[int]:
        """The rows of every name that holds `word`: "dragon" is in "dragon eggs"."""
        wanted = form(word)
        names = [name for name in self._rows if wanted in name]
        return {row for name in names if contains(name, wanted) for row in self._rows[name]}
