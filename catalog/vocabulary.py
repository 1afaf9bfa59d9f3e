"""Closed lists of words (moods, scenes) and of people's other names: slug, two labels, what else is said."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from pydantic import BaseModel

from catalog.taxonomy import Taxonomy


class Term(BaseModel, frozen=True, extra="forbid"):
    """One word of a vocabulary."""

    slug: str
    en: str
    zh: str
    aliases: tuple[str, ...] = ()


class Vocabulary(BaseModel, frozen=True, extra="forbid"):
    """A list of terms, in the order of the file."""

    terms: tuple[Term, ...] = ()

    @cached_property
    def _by_slug(self) -> dict[str, Term]:
        return {term.slug: term for term in self.terms}

    def __contains__(self, slug: object) -> bool:
        return slug in self._by_slug

    def get(self, slug: str) -> Term:
        """The term with this slug. KeyError names the slug and the allowed ones."""
        try:
            return self._by_slug[slug]
        except KeyError:
            raise KeyError(f"no term {slug!r}; there are {sorted(self._by_slug)}") from None

    def label(self, slug: str, lang: str) -> str:
        """The term in "en" or "zh"; an unknown word is its own label."""
        term = self._by_slug.get(slug)
        if term is None:
            return slug
        return term.zh if lang == "zh" else term.en


class Words(BaseModel, frozen=True, extra="forbid"):
    """Everything that names things in a catalogue beside the items themselves."""

    taxonomy: Taxonomy
    moods: Vocabulary
    scenes: Vocabulary
    people: Vocabulary = Vocabulary()
    """Other names of authors and narrators: the slug is the name as the items spell it."""


def load_vocabulary(path: Path) -> Vocabulary:
    """Read a list file: `slug | English | 中文 | alias, alias` a line, # for comments.

    ValueError names the file, the line and what is wrong with it.
    """
    terms: list[Term] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) not in (3, 4) or not all(fields[:3]):
            raise ValueError(f"{path.name}:{number}: {line!r} must read: slug | English | 中文 | aliases")
        aliases = fields[3].split(",") if len(fields) == 4 else []
        words = tuple(alias.strip() for alias in aliases if alias.strip())
        terms.append(Term(slug=fields[0], en=fields[1], zh=fields[2], aliases=words))
    slugs = [term.slug for term in terms]
    twice = sorted({slug for slug in slugs if slugs.count(slug) > 1})
    if twice:
        raise ValueError(f"{path.name}: {twice} stand there twice; keep one line each")
    return Vocabulary(terms=tuple(terms))
