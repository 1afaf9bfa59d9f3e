"""The catalogue in memory: an immutable snapshot of items, words and vectors, with columns and masks over the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from catalog import columns
from catalog.formats import formats_called
from catalog.items import AGE_ORDER, Format, Item, under
from catalog.kept import Kept
from catalog.nearest import Nearest, nearest
from catalog.people import People
from catalog.postings import Postings, union
from catalog.spelling import form, people_in
from catalog.taxonomy import parted
from catalog.vocabulary import Vocabulary, Words
from catalog.whitening import Whitening

KINDS = ("category", "author", "narrator", "series", "tag", "theme", "title", "item", "mood", "scene")
"""A theme is a tag in the wide sense of a liking: every alias of a category stands for the whole category too. A title
is any word that titles or series hold."""
KEPT_ROOM = 256 * 2**20
"""Bytes of masks, row lists and orders that are kept at the most."""


class Catalogue:
    """What recommending works on. Row numbers run along `items`; every array and mask has one value a row.

    Arrays are read-only and shared: copy before changing one. Safe to read from several threads.
    """

    def __init__(
        self,
        items: Sequence[Item],
        words: Words,
        vectors: np.ndarray,
        embed: Callable[[str], np.ndarray],
        index: Nearest | None = None,
    ) -> None:
        self.items = tuple(items)
        self.words = words
        self.vectors = _frozen(np.asarray(vectors, dtype=np.float32).view())
        """May lie on disk (a memory map): take the rows you need."""
        self.embed = embed
        """Text -> vector of the same space as `vectors`."""
        self.nearest = index or nearest(self.vectors)
        self.row = {item.id: row for row, item in enumerate(self.items)}
        self._fill_columns()
        self._fill_postings()
        self._kept = Kept(KEPT_ROOM)

    @classmethod
    def build(
        cls,
        items: Sequence[Item],
        words: Words,
        vectors: np.ndarray,
        embed: Callable[[str], np.ndarray],
        index: Nearest | None = None,
    ) -> Catalogue:
        """A catalogue from items and their L2-normalised vectors (n × d, in item order).

        index: what finds the nearest of these vectors, where it was made or loaded before.
        ValueError when the numbers of items and vectors differ or an id stands there twice.
        """
        if vectors.ndim != 2 or len(vectors) != len(items):
            raise ValueError(f"vectors of shape {vectors.shape} for {len(items)} items; give one row an item")
        built = cls(items, words, vectors, embed, index)
        if len(built.row) != len(items):
            raise ValueError(f"{len(items) - len(built.row)} item ids stand there twice; ids must be unique")
        return built

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def whitening(self) -> Whitening:
        """What is usual among the vectors, as a sample of them tells."""
        return Whitening.of(self.nearest.sample)

    def item(self, item_id: str) -> Item:
        """The item with this id. KeyError names an id that is not in the catalogue."""
        try:
            return self.items[self.row[item_id]]
        except KeyError:
            raise KeyError(f"no item {item_id!r} among the {len(self)} of the catalogue") from None

    def in_category(self, path: str) -> np.ndarray:
        """Items with a category at or below `path`; a word that is no path counts as a tag."""
        return self.holds("category", path)

    def in_format(self, kind: Format) -> np.ndarray:
        """Items that are of a format by their record."""
        return self.kept("format", kind, lambda: self._mask(self._formats.exactly(kind)))

    def with_mood(self, slug: str) -> np.ndarray:
        """Items of a mood (a slug, or any word for it)."""
        return self.holds("mood", slug)

    def with_scene(self, slug: str) -> np.ndarray:
        """Items for a listening scene (a slug, or any word for it)."""
        return self.holds("scene", slug)

    def with_tag(self, text: str) -> np.ndarray:
        """Items of a theme word: a tag that holds it, a mood or format called so, a category whose label says it.

        A category's other aliases do not count, as they may be one part of it: "aliens" is not all of Science Fiction.
        """
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

    def speaking(self, languages: Sequence[str]) -> np.ndarray:
        """Items whose audio is in one of these languages (ISO 639)."""
        mask = np.zeros(len(self), dtype=bool)
        for language in languages:
            if language in self._tongue:
                mask |= self.kept("language", language, lambda code=self._tongue[language]: self.tongues == code)
        return mask

    def holds(self, kind: str, key: str) -> np.ndarray:
        """Mask of the items that have something: the one door of blocks, penalties and likings.

        `kind` is one of KINDS (ValueError otherwise); an unknown key gives an empty mask.
        """
        return self.kept(f"mask {kind}", key, lambda: self._mask(self.rows_with(kind, key)))

    def rows_with(self, kind: str, key: str) -> np.ndarray:
        """The rows that `holds` marks, in their order: int32."""
        if kind not in KINDS:
            raise ValueError(f"no kind {kind!r}; use one of {list(KINDS)}")
        return self.kept(f"rows {kind}", key, lambda: self._rows(kind, key))

    def mood_place(self, slug: str) -> np.ndarray:
        """Where each item names a mood: 0 first; -1 not by this slug."""
        code = self._mood_codes.get(slug)
        if code is None:
            return self.kept("mood place", "", lambda: np.full(len(self), -1, dtype=np.int8))
        return self.kept("mood place", slug, lambda: _place_of(self._moods, code))

    def kept(self, what: str, key: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """An array that is worked out once for this snapshot, and again should KEPT_ROOM not have held it."""
        return self._kept.get((what, key), make)

    def pinned(self, what: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """An array that is worked out once for this snapshot and stays as long as it does, beside KEPT_ROOM."""
        return self._kept.pinned((what, ""), make)

    def _rows(self, kind: str, key: str) -> np.ndarray:
        if kind == "item":
            return np.array([self.row[key]] if key in self.row else [], dtype=np.int32)
        if kind == "category":
            return self._less(key) if parted(key)[0] in self._paths else self._tag_rows(key, self._labelled)
        if kind in self._terms:
            rows = self._term_rows(kind, key)
            return rows if len(rows) else self._tags.holding(key)
        if kind in ("tag", "theme"):
            return self._tag_rows(key, self._labelled if kind == "tag" else self._called)
        if kind == "title":
            return union([self._titles.holding(key), self._names["series"].holding(key)])
        return union([self._names[kind].exactly(name) for name in self.people.names(key)])

    def _less(self, path: str) -> np.ndarray:
        """The rows of a path without those of the parts that are taken out of it."""
        base, less = parted(path)
        rows = self._category_rows(base)
        return np.setdiff1d(rows, union([self._category_rows(part) for part in less])) if less else rows

    def _category_rows(self, path: str) -> np.ndarray:
        members = self.words.taxonomy.members(path)
        return self._leaves.where(lambda leaf: any(under(leaf, member) for member in members))

    def _term_rows(self, kind: str, word: str) -> np.ndarray:
        wanted = form(word)
        vocabulary: Vocabulary = self.words.moods if kind == "mood" else self.words.scenes
        slugs = [t.slug for t in vocabulary.terms if wanted in {form(w) for w in (t.slug, t.en, t.zh, *t.aliases)}]
        return union([self._terms[kind].exactly(slug) for slug in slugs])

    def _tag_rows(self, word: str, categories: Mapping[str, Sequence[str]]) -> np.ndarray:
        wanted = form(word)
        found = [self._tags.holding(word), self._term_rows("mood", word)]
        found += [self._formats.exactly(kind) for kind in formats_called(wanted)]
        found += [self._category_rows(path) for path in categories.get(wanted, ())]
        return union(found)

    def _mask(self, rows: np.ndarray) -> np.ndarray:
        mask = np.zeros(len(self), dtype=bool)
        mask[rows] = True
        return mask

    def _fill_columns(self) -> None:
        items = self.items
        self.languages = _frozen(np.array([item.language for item in items], dtype="U3"))
        self.tongues, self._tongue = columns.coded([item.language for item in items])
        self.ages = _frozen(np.array([AGE_ORDER.index(item.age) for item in items], dtype=np.int8))
        """Index into AGE_ORDER."""
        self.free = _frozen(np.array([item.access == "free" for item in items], dtype=bool))
        self.available = _frozen(np.array([item.available for item in items], dtype=bool))
        self.completed = _frozen(np.array([item.status == "completed" for item in items], dtype=bool))
        self.sitting_minutes = _frozen(np.array([item.sitting_minutes for item in items], dtype=np.float32))
        self.prices = _frozen(np.array([item.price for item in items], dtype=np.float32))
        self.dearest = float(self.prices.max(initial=0.0))
        """The highest price."""
        self._moods, self._mood_codes = columns.coded_lists([item.moods for item in items])
        self.popularity = _frozen(columns.popularity(items))
        self.quality = _frozen(columns.quality(items))
        self.recency = _frozen(columns.recency(items))

    def _fill_postings(self) -> None:
        self.people = People(self.words.people)
        self._formats, self._leaves = Postings(_as_is), Postings(_as_is)
        self._terms = {"mood": Postings(_as_is), "scene": Postings(_as_is)}
        self._tags, self._titles = Postings(), Postings()
        self._names = {"author": Postings(), "narrator": Postings(), "series": Postings()}
        for row, item in enumerate(self.items):
            self._file(row, item)
        for postings in (
            self._formats,
            self._leaves,
            self._tags,
            self._titles,
            *self._terms.values(),
            *self._names.values(),
        ):
            postings.seal()
        self._fill_paths()

    def _file(self, row: int, item: Item) -> None:
        self._formats.add(item.format, row)
        for path in item.categories:
            self._leaves.add(path, row)
        for slug in item.moods:
            self._terms["mood"].add(slug, row)
        for slug in item.scenes:
            self._terms["scene"].add(slug, row)
        for tag in item.tags:
            self._tags.add(tag, row)
        for title in item.titles:
            self._titles.add(title, row)
        for kind, name in (("author", item.author), ("narrator", item.narrator)):
            for person in people_in(name) if name else ():
                self._names[kind].add(person, row)
        if item.series:
            self._names["series"].add(item.series, row)

    def _fill_paths(self) -> None:
        self._paths = {"/".join(path.split("/")[:depth]) for path in self._leaves.names for depth in (1, 2, 3)}
        self._called: dict[str, list[str]] = {}
        self._labelled: dict[str, list[str]] = {}
        taxonomy = self.words.taxonomy
        for category in (*taxonomy.categories, *taxonomy.groups):
            self._paths.add(category.path)
            for word in map(form, (category.path, category.en, category.zh, *category.aliases)):
                self._called.setdefault(word, []).append(category.path)
                if taxonomy.says(category.path, word):
                    self._labelled.setdefault(word, []).append(category.path)


def _as_is(name: str) -> str:
    return name


def _place_of(codes: np.ndarray, code: int) -> np.ndarray:
    """The first place of a code in each list (codes: places × items), -1 for none."""
    first = np.full(codes.shape[1], -1, dtype=np.int8)
    for place in reversed(range(len(codes))):
        first[codes[place] == code] = place
    return first


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
