"""Which item a spoken title means: exact, its main part, a piece of it, or nearly so, in either language."""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.catalogue import Catalogue
from catalog.resolve_lexicon import Found, Lexicon, Name
from catalog.resolve_words import is_filler, split_format
from catalog.spelling import form

_SUBTITLE = re.compile(r"\s*[:：;；(（—·｜|!！?？]\s*|, or |; or | with (?=[A-Z])|之(?=[\u4e00-\u9fff]{3})")
_OWNER = re.compile(r"^[^'’]{3,40}['’]s\s+")
_POINTING = frozenset({"this", "that", "it", "last", "first", "one"})
_ENOUGH = 0.25
_LANGUAGE, _FORMAT = 0.004, 0.02


class ItemFinder:
    """Titles of a catalogue. Built once, then only read."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._whole = Lexicon(_names(catalogue, whole=True))
        self._parts = Lexicon(_names(catalogue, whole=False))

    def find(self, said: str, lang: str) -> list[Found]:
        """Items that may be meant, best first; between equals the language `lang`, the named format, then the plays."""
        bare, wanted = split_format(said)
        found = self._try(said, 1.0)
        if not found or found[0].score < 1.0:
            found += self._try(bare, 0.97)
        ranked: dict[str, Found] = {}
        for one in found:
            one = one._replace(score=one.score + self._bonus(one.key, lang, wanted))
            if one.key not in ranked or one.score > ranked[one.key].score:
                ranked[one.key] = one
        return sorted(ranked.values(), key=lambda one: (-round(one.score, 4), -one.weight))

    def _try(self, said: str, scale: float) -> list[Found]:
        text = form(said)
        if not text or text in _POINTING or (said.strip().isdigit() and len(said.strip()) < 3):
            return []
        exact = self._whole.exact(text)
        found = exact or [one._replace(score=one.score - 0.05) for one in self._parts.exact(text)]
        if not found and not is_filler(text):
            least = 0.72 + 0.2 * _ENOUGH
            found = [one for one in self._whole.holding(text) if one.score >= least]
            found = (
                [one._replace(score=one.score - 0.02) for one in found]
                + self._whole.fuzzy(text)
                + self._parts.fuzzy(text)
            )
        return sorted((one._replace(score=one.score * scale) for one in found), key=lambda one: -one.score)

    def _bonus(self, item_id: str, lang: str, wanted: str | None) -> float:
        item = self._catalogue.item(item_id)
        bonus = _LANGUAGE if item.language == lang else 0.0
        bonus += _LANGUAGE if item.available else 0.0
        return bonus + (_FORMAT if item.format == wanted else 0.0)


def _names(catalogue: Catalogue, *, whole: bool) -> Iterator[Name]:
    for row, item in enumerate(catalogue.items):
        weight = float(catalogue.popularity[row])
        for title in filter(None, (item.title, item.title_alt)):
            if whole:
                yield Name(item.id, title, weight)
            else:
                yield from (Name(item.id, part, weight) for part in _parts(title))
        if item.series and not whole:
            yield from (Name(item.id, name, weight - 1) for name in catalogue.people.names(item.series))


def _parts(title: str) -> list[str]:
    """The pieces under which a title is also known: before and after its colon, and without its owner."""
    pieces = [piece for piece in _SUBTITLE.split(title) if piece and len(form(piece)) > 1]
    main = pieces[:1] if len(pieces) > 1 else []
    named = [_OWNER.sub("", title)] if _OWNER.match(title) else []
    return [*main, *named]
