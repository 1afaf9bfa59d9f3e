"""From a spoken name to the thing in the catalogue: exact alias, then put in order, then nearly so, then by meaning.

Below the threshold nothing is found, and the caller keeps the words as they were said (a free tag) or asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel

from catalog.catalogue import Catalogue
from catalog.formats import formats_called
from catalog.items import under
from catalog.resolve_items import ItemFinder
from catalog.resolve_lexicon import Found, Lexicon
from catalog.resolve_meaning import Meanings
from catalog.resolve_names import category_names, person_names, series_names, surnames, term_names
from catalog.resolve_words import core, is_filler, variants
from catalog.spelling import form, is_chinese

Kind = Literal["category", "mood", "scene", "author", "narrator", "series", "tag", "item"]
How = Literal["exact", "fuzzy", "embedding", "free"]

SURE: tuple[How, ...] = ("exact", "fuzzy")
"""Found by its spelling, not by its meaning."""
THRESHOLD = 0.7
"""Least score of a match; calibrated on tests/data/names.jsonl."""
_OTHER: dict[Kind, Kind] = {"author": "narrator", "narrator": "author", "series": "item"}
"""Where a name is looked for that is no name of its own kind, but exactly one of another."""
_VARIANT_COST = 0.02
_DEEPER = 0.02
_MEANING_KINDS: tuple[Kind, ...] = ("category", "mood", "scene")
_PERSON_KINDS: tuple[Kind, ...] = ("author", "narrator", "series")


class Match(BaseModel, frozen=True, extra="forbid"):
    """A thing that a spoken name was linked to."""

    kind: Kind
    key: str
    """Path, slug, name or item id, as `Catalogue.holds(kind, key)` takes it; of a tag the word, whose theme is here."""
    label: str
    """For display, in the language that was asked for."""
    score: float
    """0 to 1; comparable within one kind."""
    how: How
    name: str = ""
    """The form of the name that it was found by; "" where it was found by meaning."""


class Resolver:
    """Links spoken names to a catalogue. Built once for a catalogue, then only read; safe in several threads."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        words = catalogue.words
        self._lexicons: dict[Kind, Lexicon] = {
            "category": Lexicon(category_names(words.taxonomy.categories), stems=True),
            "mood": Lexicon(term_names(words.moods), stems=True),
            "scene": Lexicon(term_names(words.scenes), stems=True),
            "author": Lexicon(person_names(catalogue, "author")),
            "narrator": Lexicon(person_names(catalogue, "narrator")),
            "series": Lexicon(series_names(catalogue)),
        }
        self._surnames: dict[Kind, Lexicon] = {
            "author": Lexicon(surnames(person_names(catalogue, "author"))),
            "narrator": Lexicon(surnames(person_names(catalogue, "narrator"))),
        }
        self._groups = Lexicon(category_names(words.taxonomy.groups), stems=True)
        self._items = ItemFinder(catalogue)
        self._meanings = Meanings(catalogue)

    def resolve(self, kind: Kind, said: str, *, lang: str = "en") -> Match | None:
        """The best match above the threshold, or None. `lang` is the language of the label and settles ties of titles.

        A writer asked for as a narrator, or a title as a series, is found as what it is: look at the match's `kind`.
        """
        found = self.candidates(kind, said, k=1, lang=lang)
        if found and found[0].score >= THRESHOLD:
            return found[0]
        other = _OTHER.get(kind)
        near = self.candidates(other, said, k=1, lang=lang) if other else []
        return near[0] if near and near[0].how == "exact" else None

    def candidates(self, kind: Kind, said: str, k: int = 5, *, lang: str = "en") -> list[Match]:
        """Up to `k` things that may be meant, best first, weak ones too: for "did you mean"."""
        if not form(said) or k < 1:
            return []
        if kind == "item":
            return [self._match(kind, found, lang) for found in self._items.find(said, lang)[:k]]
        if kind == "tag":
            return self._tags(said, lang)[:k]
        if kind == "category" and (tag := self._format_tag(said)):
            return [tag]
        found = _best(self._names(kind, said), k)
        matches = [self._match(kind, one, lang) for one in found]
        if kind in _MEANING_KINDS and (not found or found[0].score < THRESHOLD) and not is_filler(form(said)):
            near = [self._match(kind, one, lang, how="embedding") for one in self._meanings.near(kind, core(said), k)]
            matches = sorted([*matches, *near], key=lambda match: -match.score)[:k]
        return matches

    def any_kind(self, said: str, kinds: Sequence[Kind], *, lang: str = "en") -> Match | None:
        """The best match among several kinds; of equally good ones the kind that is named first."""
        found = [match for kind in kinds if (match := self.resolve(kind, said, lang=lang)) is not None]
        return max(found, key=lambda match: match.score, default=None)

    def is_called(self, match: Match) -> bool:
        """Whether a match is called so itself: no guess by meaning, and no alias that may be one part of a category."""
        if match.how not in SURE:
            return False
        if match.kind == "category":
            return self._catalogue.words.taxonomy.says(match.key, match.name)
        return match.kind != "tag" or bool(self._catalogue.with_tag(match.key).any())

    def _names(self, kind: Kind, said: str) -> Iterable[Found]:
        lexicon, surname = self._lexicons[kind], self._surnames.get(kind)
        forms = variants(said)
        hits = _exact(lexicon, forms) or (_exact(surname, forms) if surname else [])
        if kind == "category" and not hits:  # "fan fiction" is no wish for all fiction: a group is named alone
            hits = _exact(self._groups, forms)
        if hits or is_filler(forms[0]):
            return hits
        found: list[Found] = []
        if surname:
            found += surname.fuzzy(forms[0])
        held = lexicon.held(forms[0])
        for text in forms:
            if kind in _PERSON_KINDS or not is_chinese(text):
                found += lexicon.fuzzy(text)
            if kind in _PERSON_KINDS or len(text.split()) > 1:
                held += lexicon.holding(text)
        return found + (_deepest(held) if kind == "category" else held)

    def _format_tag(self, said: str) -> Match | None:
        """A word for a format ("podcasts") that is no category is a tag."""
        for text in variants(said):
            if self._lexicons["category"].exact(text):
                return None
            if formats_called(text):
                return _tag(text, said)
        return None

    def _tags(self, said: str, lang: str) -> list[Match]:
        for text in variants(said):
            if not is_filler(text) and len(self._catalogue.rows_with("theme", text)):
                return [_tag(text, said)]
        return []

    def _match(self, kind: Kind, found: Found, lang: str, how: How | None = None) -> Match:
        label = self._label(kind, found.key, lang)
        score = round(min(max(found.score, 0.0), 1.0), 4)
        return Match(
            kind=kind, key=found.key, label=label, score=score,
            how=how or ("exact" if found.exact else "fuzzy"), name=found.name,
        )  # fmt: skip

    def _label(self, kind: Kind, key: str, lang: str) -> str:
        words = self._catalogue.words
        if kind == "category":
            return words.taxonomy.label(key, lang)
        if kind in ("mood", "scene"):
            return (words.moods if kind == "mood" else words.scenes).label(key, lang)
        return self._catalogue.item(key).title if kind == "item" else key


def _tag(text: str, said: str) -> Match:
    return Match(kind="tag", key=text, label=said.strip(), score=0.95, how="exact", name=text)


def _exact(lexicon: Lexicon, forms: Sequence[str]) -> list[Found]:
    for step, text in enumerate(forms):
        hits = lexicon.exact(text)
        if hits:
            return [one._replace(score=one.score - _VARIANT_COST * min(step, 5)) for one in hits]
    return []


def _deepest(found: list[Found]) -> list[Found]:
    """Of a category and one below it the lower is meant: "locked-room mystery" names both."""
    scores = {one.key: one.score for one in sorted(found, key=lambda one: one.score)}
    raised = []
    for one in sorted(found, key=lambda one: one.key.count("/")):
        above = [scores[key] for key in scores if key != one.key and under(one.key, key)]
        scores[one.key] = max(scores[one.key], *(score + _DEEPER for score in above), one.score)
        raised.append(one._replace(score=scores[one.key]))
    return raised


def _best(found: Iterable[Found], k: int) -> list[Found]:
    """One entry a key, its best; by score, then by weight."""
    best: dict[str, Found] = {}
    for one in found:
        held = best.get(one.key)
        if held is None or (one.score, one.weight) > (held.score, held.weight):
            best[one.key] = one
    return sorted(best.values(), key=lambda one: (-round(one.score, 3), -one.weight))[:k]
