"""Who is meant by a name: the single people of an author line, and one person's names in two scripts."""

from __future__ import annotations

import re
from functools import lru_cache

from catalog.spelling import form
from catalog.vocabulary import Vocabulary

_BETWEEN = re.compile(r"\s*(?:,|，|、|;|；|&|/|\band\b|\bwith\b|\bafter\b|\btranslated by\b|与)\s*")
_ASIDE = re.compile(r"\s*[（(]([^（()）]*)[)）]\s*")
_ORIGINAL = re.compile(r"^原著\s*")
_ROLE = re.compile(r"\s+(?:口述|记|编剧|创演|主演|原著|制作|主编|等|编)$")
_NOBODY = frozenset({"others", "company", "various", "anonymous", "佚名", "jr", "jr."})


@lru_cache(maxsize=65_536)
def people_in(names: str) -> tuple[str, ...]:
    """The whole line and the single people on it: "Al Murray and James Holland" gives three names."""
    originals = [_ORIGINAL.sub("", aside) for aside in _ASIDE.findall(names) if _ORIGINAL.match(aside)]
    bare = _ASIDE.sub(" ", names)
    parts = [_ROLE.sub("", part.strip()) for part in _BETWEEN.split(bare)]
    wanted = [part for part in (*parts, *originals) if part and part.casefold() not in _NOBODY]
    return tuple(dict.fromkeys([names, *wanted]))


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
