"""Names that a query can be, or can hold: titles, authors, series and narrators of a catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from catalog.items import Item
from catalog.lexical import spelled
from catalog.spelling import people_in
from catalog.vocabulary import Words

_ARTICLES = frozenset({"the", "a", "an"})
_ASIDE = re.compile(r"\s*[(（\[].*$|\s*[:：—].*$")
_LONGEST = 10
TITLE, MAIN_TITLE, AUTHOR, SERIES, NARRATOR = 1.0, 0.95, 0.9, 0.85, 0.8
"""Which kind of name comes first when a query is several names at once."""


class Names:
    """Rows by the words of a name, with the weight of the kind of name."""

    def __init__(self, items: Sequence[Item], words: Words) -> None:
        self._rows: dict[str, dict[int, float]] = {}
        others = {term.slug: (term.en, term.zh, *term.aliases) for term in words.people.terms}
        for row, item in enumerate(items):
            for name, weight in _names(item, others):
                rows = self._rows.setdefault(_key(spelled(name)), {})
                rows[row] = max(weight, rows.get(row, 0.0))
        self._rows.pop("", None)

    def exactly(self, text: str) -> dict[int, float]:
        """The rows that have this text as a name, with the weight of that name."""
        return self._rows.get(_key(spelled(text)), {})

    def within(self, text: str) -> dict[int, float]:
        """The rows with a name of two words or more somewhere in the text: weight × the share of the text it takes."""
        words = [word for word in spelled(text) if word not in _ARTICLES]
        found: dict[int, float] = {}
        for start in range(len(words)):
            for end in range(start + 2, min(start + _LONGEST, len(words)) + 1):
                for row, weight in self._rows.get(" ".join(words[start:end]), {}).items():
                    found[row] = max(found.get(row, 0.0), weight * (end - start) / len(words))
        return found


def _key(words: list[str]) -> str:
    """One spelling for "The Moonstone" and "moonstone"."""
    kept = [word for word in words if word not in _ARTICLES]
    return " ".join(kept or words)


def _names(item: Item, others: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, float]]:
    for title in (item.title, item.title_alt):
        if title:
            yield title, TITLE
            yield _ASIDE.sub("", title), MAIN_TITLE
    for line, weight in ((item.author, AUTHOR), (item.narrator, NARRATOR)):
        for person in people_in(line) if line else ():
            if len(spelled(person)) > 1 or person == line:
                yield person, weight
                yield from ((other, weight) for other in others.get(person, ()))
    if item.series:
        yield item.series, SERIES
