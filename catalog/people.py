"""Which names are one person: the same author in two scripts."""

from __future__ import annotations

from catalog.spelling import form
from catalog.vocabulary import Vocabulary


class People:
    """Which names are one person. Built once from the people of the words."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._names: dict[str, tuple[str, ...]] = {}
        for term in vocabulary.terms:
            group = tuple(dict.fromkeys([term.slug, term.en, term.zh, *term.aliases]))
            for name in group:
                self._names.setdefault(form(name), group)

    def names(self, name: str) -> tuple[str, ...]:
        """The name itself, then the person's other names."""
        return (name, *self._names.get(form(name), ()))
