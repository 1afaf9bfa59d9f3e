"""What is said of an item that meets a wish: a text and its values, as far as the item's record bears it out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from catalog.formats import format_word, formats_called
from catalog.items import Item, under
from catalog.spelling import contains, form, people_in, wrote_original
from catalog.taxonomy import Taxonomy
from recommend.amounts import count, duration
from recommend.effects import having, within
from recommend.pbox import Entry, Factor
from recommend.reading import Reading
from recommend.request import UiLanguage

OLD = 20
"""Years from which a work is told to be from its year to who wants older ones."""
FRESH = timedelta(days=731)
"""How long a work that came in is told to be new to who wants newer ones: 24 months."""


def granted(reading: Reading, entry: Entry, item: Item) -> tuple[str, dict[str, str]] | None:
    """The text for one helping entry and its values, or None where the record does not bear it out."""
    lang, words = reading.request.ui_language, reading.catalogue.words
    match entry.factor:
        case Factor.CATEGORY if own := _place_in(reading, entry.key, item):
            return "interest", {"category": _called(words.taxonomy, entry.key, own, item, lang)}
        case Factor.MOOD if entry.key in item.moods:
            return "mood", {"mood": words.moods.label(entry.key, lang)}
        case Factor.SCENE if entry.key in item.scenes:
            return "scene", {"scene": words.scenes.label(entry.key, lang)}
        case Factor.CATEGORY | Factor.MOOD | Factor.SCENE:
            return _of_word(reading, entry, entry.key, item)
        case Factor.ENTITY:
            kind, _, name = entry.key.partition(":")
            return _of_entity(reading, entry, (kind, name), item)
        case Factor.LENGTH if _fits(reading, item):
            key = "length_whole" if item.sitting_minutes == item.minutes else "length_episode"
            return key, {"length": duration(item.sitting_minutes, lang)}
        case _:
            return _of_quality(reading, entry, item)


def who(reading: Reading, line: str, meant: Callable[[str], bool]) -> str | None:
    """Who of a line is meant: all of it, else one of its people, by the form of any name that the catalogue knows."""
    names = reading.catalogue.people.names
    return next((one for one in people_in(line) if any(meant(form(name)) for name in names(one))), None)


def tag_holding(item: Item, word: str) -> str | None:
    """The tag of an item that holds a word, the first of them."""
    return next((tag for tag in item.tags if contains(form(tag), form(word))), None)


def _place_in(reading: Reading, path: str, item: Item) -> str | None:
    """The first of an item's categories that lies in a path, the main one before all others."""
    members = reading.catalogue.words.taxonomy.members(path)
    return next((own for own in item.categories if any(under(own, member) for member in members)), None)


def _called(taxonomy: Taxonomy, wished: str, own: str, item: Item, lang: UiLanguage) -> str:
    """The category that was wished for; where an item lies there only beside its main one, with which of it that is."""
    label, leaf = taxonomy.label(wished, lang), taxonomy.label(own, lang)
    if own == item.category or leaf == label:
        return label
    return f"{leaf}（{label}）" if lang == "zh" else f"{leaf} ({label})"


def _fits(reading: Reading, item: Item) -> bool:
    """Whether an item keeps every bound of length, not only the one that helped it."""
    bounds = reading.request.pbox.of(Factor.LENGTH)
    return all(within(np.array([item.sitting_minutes]), bound.key, bound.value).all() for bound in bounds)


def _of_entity(reading: Reading, entry: Entry, thing: tuple[str, str], item: Item) -> tuple[str, dict[str, str]] | None:
    kind, name = thing
    line = {"author": item.author, "narrator": item.narrator, "series": item.series}.get(kind)
    if line and having(entry, reading.catalogue)[reading.catalogue.row[item.id]]:
        if kind == "series":
            return "liked_series", {"name": line}
        person = who(reading, line, lambda known: known == form(name)) or line
        return "original_by" if person == wrote_original(line) else f"liked_{kind}", {"name": person}
    # A liking of a theme word moves more items than the word is true of.
    spoken_of = kind == "tag" and reading.catalogue.with_tag(name)[reading.catalogue.row[item.id]]
    return _of_word(reading, entry, name, item) if spoken_of else None


def _of_word(reading: Reading, entry: Entry, word: str, item: Item) -> tuple[str, dict[str, str]] | None:
    """A wish that is no vocabulary word: named by the item's own tag, else by the word that matched."""
    if not having(entry, reading.catalogue)[reading.catalogue.row[item.id]]:
        return None
    # A format is no theme: who wants podcasts does not like "podcast company".
    tag = None if formats_called(form(word)) else tag_holding(item, word)
    return ("liked_tag", {"tag": tag}) if tag else ("matches", {"word": format_word(word, reading.request.ui_language)})


def _of_quality(reading: Reading, entry: Entry, item: Item) -> tuple[str, dict[str, str]] | None:
    lang, year = reading.request.ui_language, reading.request.now.year
    wants = entry.value > 0.0
    match entry.factor:
        case Factor.STATUS if (item.status == "completed") == wants:
            return ("completed" if wants else "ongoing"), {}
        case Factor.ACCESS if (item.access == "paid") == wants:
            return ("paid" if wants else "free"), {}
        case Factor.RECENCY:
            return _of_newness(item, reading.request.now.date()) if wants else _of_age(item, year)
        case Factor.POPULARITY:
            return ("popular" if wants else "niche"), {"plays": count(item.plays, lang)}
        case Factor.QUALITY if item.ratings_count and item.rating:
            return "rated", {"rating": f"{item.rating:.1f}", "count": count(item.ratings_count, lang)}
        case _:
            return None


def _of_newness(item: Item, today: date) -> tuple[str, dict[str, str]] | None:
    return ("fresh", {"added": f"{item.added:%Y-%m}"}) if today - item.added <= FRESH else None


def _of_age(item: Item, now: int) -> tuple[str, dict[str, str]] | None:
    return ("classic", {"year": str(item.year)}) if item.year and 0 < item.year <= now - OLD else None
