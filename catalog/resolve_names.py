"""The names under which categories, moods, scenes, people and series may be asked for, with what settles a tie."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from catalog.catalogue import Catalogue
from catalog.resolve_lexicon import Name
from catalog.spelling import form, is_chinese, people_in
from catalog.taxonomy import Category
from catalog.vocabulary import Vocabulary

_PARTS = re.compile(r"\s*(?:&|,|/|\band\b)\s*")
_NATIVE = 1.0
"""A name as the items spell it goes before a name from the list of other names."""
_LABEL, _ALIAS, _PART = 0.9, 0.5, 0.3


def category_names(categories: Iterable[Category]) -> Iterator[Name]:
    """Labels, aliases and the halves of double labels; a label beats an alias, an alias half a label."""
    for category in categories:
        level = 0.02 * category.level
        for label in (category.en, category.zh):
            yield Name(category.path, label, _LABEL - level)
        for alias in category.aliases:
            yield Name(category.path, alias, _ALIAS + level)
        for place, part in enumerate(_halves(category)):
            yield Name(category.path, part, _PART - 0.1 * place - 0.5 * level)


def _halves(category: Category) -> list[str]:
    return [part for part in _PARTS.split(category.en) if part != category.en]


def term_names(vocabulary: Vocabulary) -> Iterator[Name]:
    """Slugs, labels and aliases of moods or scenes; the earlier term wins a tie."""
    for place, term in enumerate(vocabulary.terms):
        weight = 1 - place / 1000
        for text in (term.slug, term.en, term.zh, *term.aliases):
            yield Name(term.slug, text, weight)


def person_names(catalogue: Catalogue, kind: Literal["author", "narrator"]) -> Iterator[Name]:
    """People of the author or narrator lines under all their names; the more played wins a tie of surnames."""
    weights: dict[str, float] = {}
    for row, item in enumerate(catalogue.items):
        line = item.author if kind == "author" else item.narrator
        people = people_in(line) if line else ()
        for person in people:
            whole = 0.001 if len(people) > 1 and person == line else 0.0
            weights[person] = max(weights.get(person, 0.0), float(catalogue.popularity[row]) - whole)
    spelt = {form(person): person for person in reversed(weights)}
    for person, weight in weights.items():
        for name in catalogue.people.names(person):
            native = _NATIVE if name == person else 0.0
            key = spelt.get(form(person), person)
            yield Name(key, name, weight + native)


def surnames(names: Iterable[Name]) -> Iterator[Name]:
    """The last part of every name of one person: "Austen", "波洛"."""
    for name in names:
        last = _surname(name.text)
        if last and len(people_in(name.text)) == 1:
            yield name._replace(text=last)


def _surname(name: str) -> str | None:
    last = re.split(r"[·\s]", name.strip())[-1]
    return last if last != name and len(last) > (1 if is_chinese(last) else 3) else None


def series_names(catalogue: Catalogue) -> Iterator[Name]:
    """Series under their own names and the names of their parts in brackets; the more played wins a tie."""
    weights: dict[str, float] = {}
    for row, item in enumerate(catalogue.items):
        if item.series:
            weights[item.series] = max(weights.get(item.series, 0.0), float(catalogue.popularity[row]))
    for series, weight in weights.items():
        for name in catalogue.people.names(series):
            yield Name(series, name, weight if name == series else weight * 0.999)
        bare = re.sub(r"\s*[（(].*?[)）]|系列$|\s+series$", "", series)
        if bare and bare != series and (len(bare) > 1 or not is_chinese(bare)):
            yield Name(series, bare, weight * 0.9)
