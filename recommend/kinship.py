"""What two items have in common by their records: people, series, theme words, categories, moods."""

from __future__ import annotations

import numpy as np

from catalog.catalogue import Catalogue
from catalog.items import Item


def kin(catalogue: Catalogue, anchor: Item, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
    """What each of some rows shares with an item by its record, 0..1: people, series, categories and moods."""
    near = np.zeros_like(catalogue.quality[rows])
    for path in anchor.categories:
        top = path.partition("/")[0]
        for level, weight in ((top, 0.35), (branch(path), 0.65), (path, 1.0)):
            near = np.maximum(near, weight * catalogue.in_category(level)[rows])
    moods = np.zeros_like(catalogue.quality[rows])
    for slug in anchor.moods:
        moods += catalogue.with_mood(slug)[rows] / len(anchor.moods)
    people = np.zeros_like(catalogue.available[rows])
    for kind, name in _people(anchor):
        people = people | catalogue.holds(kind, name)[rows]
    return np.minimum(1.0, 0.7 * near + 0.3 * moods + 0.4 * people)


def kindred(catalogue: Catalogue, anchor: Item) -> np.ndarray:
    """The rows with which an item can share more than half: its top-level categories and its people (with repeats)."""
    found = [catalogue.rows_with("category", path.partition("/")[0]) for path in anchor.categories]
    found += [catalogue.rows_with(kind, name) for kind, name in _people(anchor)]
    return np.concatenate(found)


def _people(anchor: Item) -> list[tuple[str, str]]:
    return [(kind, name) for kind, name in (("author", anchor.author), ("series", anchor.series)) if name]


def branch(path: str) -> str:
    """A category path cut to its first two levels."""
    return "/".join(path.split("/")[:2])


def related(one: Item, other: Item) -> bool:
    """Whether two records share a person, a series, a theme word or a category two levels deep."""
    same_person = one.author is not None and one.author == other.author
    same_series = one.series is not None and one.series == other.series
    same_branch = {branch(path) for path in one.categories} & {branch(path) for path in other.categories}
    return same_person or same_series or bool(same_branch) or bool(set(one.tags) & set(other.tags))
