"""The catalogue in memory: an immutable snapshot of items, words and vectors, with columns and masks over the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from catalog import columns
from catalog.formats import formats_called
from catalog.items import AGE_ORDER, Item, under
from catalog.people import People
from catalog.postings import Postings
from catalog.spelling import form, people_in
from catalog.vocabulary import Vocabulary, Words

KINDS = ("category", "author", "narrator", "series", "tag", "item", "mood", "scene")
_MOST_MASKS = 1024


class Catalogue:
    """What recommending works on. Row numbers run along `items`; every array and mask has one value a row.

    Arrays are read-only and shared: copy before changing one. Safe to read from several threads.
    """

    def __init__(
        self, items: Sequence[Item], words: Words, vectors: np.ndarray, embed: Callable[[str], np.ndarray]
    ) -> None:
        self.items = tuple(items)
        self.words = words
        self.vectors = _frozen(np.asarray(vectors, dtype=np.float32).view())
        self.embed = embed
        """Text -> vector of the same space as `vectors`."""
        self.row = {item.id: row for row, item in enumerate(self.items)}
        self._fill_columns()
        self._fill_postings()
        self._masks: dict[tuple[str, str], np.ndarray] = {}

    @classmethod
    def build(
        cls, items: Sequence[Item], words: Words, vectors: np.ndarray, embed: Callable[[str], np.ndarray]
    ) -> Catalogue:
        """A catalogue from items and their L2-normalised vectors (n × d, in item order).

        ValueError when the numbers of items and vectors differ or an id stands there twice.
        """
        if vectors.ndim != 2 or len(vectors) != len(items):
            raise ValueError(f"vectors of shape {vectors.shape} for {len(items)} items; give one row an item")
        built = cls(items, words, vectors, embed)
        if len(built.row) != len(items):
            raise ValueError(f"{len(items) - len(built.row)} item ids stand there twice; ids must be unique")
        return built

    def __len__(self) -> int:
        return len(self.items)

    def item(self, item_id: str) -> Item:
        """The item with this id. KeyError names an id that is not in the catalogue."""
        try:
            return self.items[self.row[item_id]]
        except KeyError:
            raise KeyError(f"no item {item_id!r} among the {len(self)} of the catalogue") from None

    def in_category(self, path: str) -> np.ndarray:
        """Items with a category at or below `path`; a word that is no path counts as a tag."""
        return self.holds("category", path)

    def with_mood(self, slug: str) -> np.ndarray:
        """Items of a mood (a slug, or any word for it)."""
        return self.holds("mood", slug)

    def with_scene(self, slug: str) -> np.ndarray:
        """Items for a listening scene (a slug, or any word for it)."""
        return self.holds("scene", slug)

    def with_tag(self, text: str) -> np.ndarray:
        """Items about a theme word: a tag that holds it, or a mood, category or format that is called so."""
        return self.holds("tag", text)

    def by_author(self, name: str) -> np.ndarray:
        """Items by an author, alone or with others."""
        return self.holds("author", name)

    def by_narrator(self, name: str) -> np.ndarray:
        """Items read, performed or hosted by a person."""
        return self.holds("narrator", name)

    def in_series(self, name: str) -> np.ndarray:
        """Items of a series."""
        return self.holds("series", name)

    def holds(self, kind: str, key: str) -> np.ndarray:
        """Mask of the items that have something: the one door of blocks, penalties and interests.

        `kind` is one of KINDS (ValueError otherwise); an unknown key gives an empty mask.
        """
        if kind not in KINDS:
            raise ValueError(f"no kind {kind!r}; use one of {list(KINDS)}")
        mask = self._masks.get((kind, key))
        if mask is None:
            if len(self._masks) >= _MOST_MASKS:
                self._masks = {}
            mask = self._mask(self._rows(kind, key))
            self._masks[kind, key] = mask
        return mask

    def _rows(self, kind: str, key: str) -> Iterable[int]:
        if kind == "item":
            return [self.row[key]] if key in self.row else []
        if kind == "category":
            return self._category_rows(key) if key in self._paths else self._tag_rows(key)
        if kind == "mood":
            return self._term_rows("mood", self.words.moods, key) or self._tags.holding(key)
        if kind == "scene":
            return self._term_rows("scene", self.words.scenes, key) or self._tags.holding(key)
        if kind == "tag":
            return self._tag_rows(key)
        return {row for name in self.people.names(key) for row in self._names[kind].exactly(name)}

    def _category_rows(self, path: str) -> set[int]:
        return {row for leaf, rows in self._leaves.items() if under(leaf, path) for row in rows}

    def _term_rows(self, kind: str, vocabulary: Vocabulary, word: str) -> set[int]:
        wanted = form(word)
        slugs = [t.slug for t in vocabulary.terms if wanted in {form(w) for w in (t.slug, t.en, t.zh, *t.aliases)}]
        return {row for slug in slugs for row in self._terms[kind].get(slug, [])}

    def _tag_rows(self, word: str) -> set[int]:
        rows = self._tags.holding(word) | self._term_rows("mood", self.words.moods, word)
        wanted = form(word)
        rows |= {row for kind in formats_called(wanted) for row in self._formats.get(kind, [])}
        for path in self._called.get(wanted, ()):
            rows |= self._category_rows(path)
        return rows

    def _mask(self, rows: Iterable[int]) -> np.ndarray:
        mask = np.zeros(len(self), dtype=bool)
        mask[list(rows)] = True
        return _frozen(mask)

    def _fill_columns(self) -> None:
        items = self.items
        self.languages = _frozen(np.array([item.language for item in items], dtype="U3"))
        self.ages = _frozen(np.array([AGE_ORDER.index(item.age) for item in items], dtype=np.int8))
        """Index into AGE_ORDER."""
        self.free = _frozen(np.array([item.access == "free" for item in items], dtype=bool))
        self.available = _frozen(np.array([item.available for item in items], dtype=bool))
        self.completed = _frozen(np.array([item.status == "completed" for item in items], dtype=bool))
        self.sitting_minutes = _frozen(np.array([item.sitting_minutes for item in items], dtype=np.float32))
        self.prices = _frozen(np.array([item.price for item in items], dtype=np.float32))
        self.popularity = _frozen(columns.popularity(items))
        self.quality = _frozen(columns.quality(items))
        self.recency = _frozen(columns.recency(items))

    def _fill_postings(self) -> None:
        self.people = People(self.words.people)
        self._formats: dict[str, list[int]] = {}
        self._leaves: dict[str, list[int]] = {}
        self._terms: dict[str, dict[str, list[int]]] = {"mood": {}, "scene": {}}
        self._tags = Postings()
        self._names = {"author": Postings(), "narrator": Postings(), "series": Postings()}
        for row, item in enumerate(self.items):
            self._formats.setdefault(item.format, []).append(row)
            for filed, keys in (
                (self._leaves, item.categories),
                (self._terms["mood"], item.moods),
                (self._terms["scene"], item.scenes),
            ):
                for key in keys:
                    filed.setdefault(key, []).append(row)
            for tag in item.tags:
                self._tags.add(tag, row)
            self._fill_names(row, item)
        self._fill_paths()

    def _fill_names(self, row: int, item: Item) -> None:
        for kind, name in (("author", item.author), ("narrator", item.narrator)):
            for person in people_in(name) if name else ():
                self._names[kind].add(person, row)
        if item.series:
            self._names["series"].add(item.series, row)

    def _fill_paths(self) -> None:
        self._paths = {"/".join(path.split("/")[:depth]) for path in self._leaves for depth in (1, 2, 3)}
        self._called: dict[str, list[str]] = {}
        for category in self.words.taxonomy.categories:
            self._paths.add(category.path)
            for word in (category.path, category.en, category.zh, *category.aliases):
                self._called.setdefault(form(word), []).append(category.path)


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
