"""Lessons for the cross-encoder from the demonstration catalogue: hand-written requests, and what its records say."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from catalog.catalogue import Catalogue
from catalog.gloss import Gloss
from catalog.index import item_text
from catalog.items import Item
from catalog.search import Search
from lab.recommender.crossencoder_lessons import HITS, Lessons, Wish
from recommend.kinship import kin

FORMS = ("whole", "undescribed", "untagged", "nameless")
VALID_SHARE = 6
"""One in so many of the hand-written training requests chooses the epoch."""
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s*")


class Demonstration:
    """Lessons from the demonstration catalogue."""

    def __init__(self, catalogue: Catalogue, lessons: Lessons, seed: int = 0) -> None:
        self.catalogue, self.search, self.lessons = catalogue, Search(catalogue), lessons
        self.gloss = Gloss.of(catalogue.words)
        self.dice = np.random.default_rng(seed)
        lessons.texts += [text for form in FORMS for text in self._texts(form)]

    def gather(self, written: Sequence[Wish]) -> None:
        """Everything."""
        for wish in tqdm(written, desc="requests"):
            self._written(wish)
        for row, item in enumerate(tqdm(self.catalogue.items, desc="items")):
            self._sentences(row, item)
            self._tags(row, item)
            self._phrases(item)
            self._like(row, item)
            self._author(item)

    def _texts(self, form: str) -> list[str]:
        changes = {
            "whole": {},
            "undescribed": {"description": ""},
            "untagged": {"tags": ()},
            "nameless": {"title": "-", "title_alt": None, "author": None},
        }[form]
        items = [item.model_copy(update=changes) for item in self.catalogue.items]
        return [item_text(item, self.catalogue.words, self.gloss) for item in items]

    def _row(self, row: int, form: str) -> int:
        return FORMS.index(form) * len(self.catalogue) + row

    def _written(self, wish: Wish) -> None:
        yes = [self.catalogue.row[item] for item in wish.relevant]
        part = "test" if wish.part == "test" else ("valid" if _hash(wish.id) % VALID_SHARE == 0 else "train")
        hits = self.search.query(wish.request, HITS)
        self.lessons.add("requests", self._english(wish.request), yes, [h.row for h in hits], part)
        self.lessons.hits[len(self.lessons.asked) - 1] = ([h.row for h in hits], [h.score for h in hits])

    def _sentences(self, row: int, item: Item) -> None:
        for sentence in _SENTENCE.split(item.description):
            if len(sentence) >= 12 and self._luck(0.7):
                yes = [self._row(row, "undescribed")]
                no = [self._row(h.row, "undescribed") for h in self.search.query(sentence, 24) if h.row != row]
                self.lessons.add("sentence", self._english(sentence), yes, no)

    def _tags(self, row: int, item: Item) -> None:
        if len(item.tags) >= 2:
            chosen = list(self.dice.permutation(np.array(item.tags)))[: int(self.dice.integers(1, 4))]
            asked = " ".join(map(str, chosen))
            yes = [r for r in np.flatnonzero(np.all([self.catalogue.with_tag(t) for t in chosen], axis=0))] or [row]
            form = "untagged" if self._luck(0.7) else "nameless"
            no = [self._row(h.row, form) for h in self.search.query(asked, 24) if h.row not in yes]
            self.lessons.add("tags", self._english(asked), [self._row(r, form) for r in yes], no)

    def _phrases(self, item: Item) -> None:
        if not item.moods or not self._luck(0.6):
            return
        mood, path = str(self.dice.choice(np.array(item.moods))), str(self.dice.choice(np.array(item.categories)))
        lang = "zh" if item.language == "zh" else "en"
        said = [self.catalogue.words.moods.label(mood, lang), self.catalogue.words.taxonomy.label(path, lang)]
        has, near = self.catalogue.with_mood(mood), self.catalogue.in_category(path)
        yes = self.dice.permutation(np.flatnonzero(has & near))
        half = self.dice.permutation(np.flatnonzero(has ^ near))
        self.lessons.add("phrase", self._english(" ".join(said)), yes, half[:24])

    def _like(self, row: int, item: Item) -> None:
        if not self._luck(0.6):
            return
        near = [h.row for h in self.search.similar(row, 60)]
        kinship = kin(self.catalogue, item, np.array(near))
        value = self.catalogue.vectors[near] @ self.catalogue.vectors[row] + kinship
        order = [near[at] for at in np.argsort(-value)]
        begin = str(self.dice.choice(np.array(["something like", "similar to", "in the vein of", "more like"])))
        yes = [r for r in order[:6] if r != row]
        self.lessons.add("like", f"{begin} {self._english(item.title)}", yes, order[20:])

    def _author(self, item: Item) -> None:
        if item.author and self._luck(0.25):
            yes = np.flatnonzero(self.catalogue.by_author(item.author))
            no = [h.row for h in self.search.query(item.author, 24) if h.row not in yes]
            self.lessons.add("author", self._english(item.author), yes, no)

    def _english(self, text: str) -> str:
        return self.gloss.in_english(text)

    def _luck(self, share: float) -> bool:
        return bool(self.dice.random() < share)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
