"""The shelf that a query names: "mystery" and "podcasts" are kinds of thing, and all that is of the kind is meant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catalog.catalogue import Catalogue
from catalog.formats import formats_called
from catalog.items import Format, Item, under
from catalog.spelling import form
from catalog.taxonomy import Category, Taxonomy
from catalog.wishes import core


@dataclass(frozen=True)
class Shelf:
    """The kind of thing that a query is nothing but the name of."""

    paths: tuple[str, ...]
    """Categories, or groups of them; of "Radio Drama" the one below "Storytelling & Radio Drama" alone."""
    formats: tuple[Format, ...]

    def path_of(self, item: Item, taxonomy: Taxonomy) -> str | None:
        """By which of the paths an item stands here, None where it does by none."""
        members = ((path, member) for path in self.paths for member in taxonomy.members(path))
        return next((path for path, member in members if any(under(own, member) for own in item.categories)), None)

    def mask(self, catalogue: Catalogue) -> np.ndarray:
        """Which rows stand here."""
        held = [catalogue.in_category(path) for path in self.paths]
        held += [catalogue.in_format(kind) for kind in self.formats]
        return np.logical_or.reduce(held)


def shelf(query: str, catalogue: Catalogue) -> Shelf | None:
    """What kind of thing a query names, None for any other query ("a comedy of manners", "Dracula")."""
    wanted, taxonomy = form(core(query)), catalogue.words.taxonomy
    named = (*taxonomy.categories, *taxonomy.groups)
    marks = catalogue.kept("shelf", wanted, lambda: np.array([wanted in _kind_names(one) for one in named], dtype=bool))
    called = [named[place].path for place in np.flatnonzero(marks).tolist()]
    formats = tuple(formats_called(wanted))
    paths = tuple(path for path in called if not any(one != path and under(one, path) for one in called))
    return Shelf(paths, formats) if paths or formats else None


def _kind_names(entry: Category) -> set[str]:
    """What a category is called as a whole, in their form: its labels, each half of a root's double one, and aliases
    that it stands for or that its label says: 悬疑 of 悬疑推理."""
    labels = [form(entry.en), form(entry.zh)]
    halves = map(form, entry.en.split("&")) if entry.level == 1 else ()
    said = (form(alias) for alias in entry.aliases)
    return {*labels, *halves, *map(form, entry.whole), *(one for one in said if one in labels[1] and len(one) > 1)}
