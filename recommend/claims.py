"""What may be said about why an item is on the list: claims, each held by evidence.

A claim comes from a PBox shift, a source, the listener's own history or the item's record, and is
checked against that record here; what cannot be checked is not claimed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np

from catalog.formats import format_word
from catalog.items import Item, under
from catalog.search import shelf
from catalog.spelling import contains, form, people_in
from recommend.amounts import count, duration
from recommend.effects import having, within
from recommend.kinship import branch, related
from recommend.pbox import Entry, Factor
from recommend.reading import SOFT_SCALE, Reading
from recommend.request import OWN_PAGE, Candidate

SURE_HIT = 0.25
"""Search score from which a hit without the words may be called close in meaning."""
TOLD_WEIGHT = 2.5
"""Less than any wish that an item meets: nearness to many words is the weaker reason."""
TOLD_NEAR = 0.55
"""Share of the best fit from which an item is called close to what was told: of 200 tellings seven in ten of the first
six items reach it, and what falls short is right half as often (.15 beside .38)."""
LEAST_SHARED = 2
"""So many listeners must have liked both before "also liked" is said."""
OLD = 20
"""Years from which a work is told to be from its year to who wants older ones."""
FRESH = timedelta(days=731)
"""How long a work that came in is told to be new to who wants newer ones: 24 months."""
MOST_LOOKED_AT = 20
LEAST_HABIT = 3
KNOWN = frozenset(factor.value for factor in Factor)
"""The factors that are a listener's wishes; effects of others (a campaign's) are told elsewhere."""
GLANCES = frozenset({"click"})
"""Event kinds too slight to justify another item."""


@dataclass(frozen=True)
class Claim:
    """One thing that may be said: a text of the group "reasons", its values, what holds it, and how much it matters."""

    text: str
    evidence: tuple[str, ...]
    weight: float
    values: dict[str, str] = field(default_factory=dict)
    wished: bool = False
    """Whether it answers something that the listener asked for."""


def claims(reading: Reading, candidate: Candidate) -> list[Claim]:
    """Everything that may be said about a candidate, weightiest first; never empty."""
    item = reading.catalogue.items[candidate.row]
    found = [
        *_of_slot(reading, candidate, item),
        *_of_intent(reading, candidate, item),
        *_of_wishes(reading, candidate, item),
        *_of_history(reading, candidate, item),
        *_of_record(reading, candidate, item),
    ]
    return sorted(found, key=lambda claim: -claim.weight)


def _of_slot(reading: Reading, candidate: Candidate, item: Item) -> Iterator[Claim]:
    if candidate.promotion:
        title = candidate.promotion.title(reading.request.ui_language)
        yield Claim("reasons.featured", (f"campaign:{candidate.promotion.campaign}",), 20.0, {"title": title})
    if candidate.slot == "explore" or reading.request.intent == "discover":
        top = item.category.partition("/")[0]
        if top not in reading.past.tops:
            label = reading.catalogue.words.taxonomy.label(top, reading.request.ui_language)
            yield Claim("reasons.novel", (f"source:novel:{top}",), 6.0, {"category": label})


def _of_intent(reading: Reading, candidate: Candidate, item: Item) -> Iterator[Claim]:
    request = reading.request
    if "query" in candidate.sources and request.query:
        found = _found_by(reading, item, request.query.strip())
        weak = found.text.endswith("_near") and candidate.sources["query"] < SURE_HIT
        yield replace(found, text="reasons.found_weak") if weak else found
    if candidate.sources.get("told", 0.0) >= TOLD_NEAR and request.told and request.intent != "search":
        yield Claim("reasons.told", ("source:told",), TOLD_WEIGHT)
    if "similar" in candidate.sources and request.anchor:
        yield from _beside(reading, reading.catalogue.item(request.anchor), item)
    if reading.models.trending[candidate.row] >= reading.models.hot:
        weight = 8.0 if request.intent == "trending" else 0.4
        yield Claim("reasons.trending", ("source:trending",), weight)


def _beside(reading: Reading, anchor: Item, item: Item) -> Iterator[Claim]:
    """What an item has in common with the one it should resemble."""
    text = "similar" if related(anchor, item) else "near"
    yield Claim(f"reasons.{text}", (f"source:similar:{anchor.id}",), 9.0, {"title": anchor.title})
    if item.author and item.author == anchor.author:
        yield Claim("reasons.same_author", (f"shared:author:{item.author}",), 8.0, {"author": item.author})
    if tag := next((tag for tag in item.tags if tag in anchor.tags), None):
        yield Claim("reasons.same_tag", (f"shared:tag:{tag}",), 7.0, {"tag": tag})
    if path := next((path for path in item.categories if path in anchor.categories), None):
        label = reading.catalogue.words.taxonomy.label(path, reading.request.ui_language)
        yield Claim("reasons.same_category", (f"shared:category:{path}",), 6.0, {"category": label})


def _found_by(reading: Reading, item: Item, query: str) -> Claim:
    said = form(query)
    if kind := _of_kind(reading, item, query):
        return kind
    for kind, text in (("title", item.title), ("title", item.title_alt), ("series", item.series)):
        if text and (contains(form(text), said) or contains(said, form(text))):
            return Claim(f"reasons.found_{kind}", (f"source:query:{kind}",), 8.0, {"name": text})
    for kind, line in (("author", item.author), ("narrator", item.narrator)):
        if line and (who := _who(reading, line, lambda name: contains(said, name))):
            text = "original_by" if _wrote_original(line, who) else f"found_{kind}"
            return Claim(f"reasons.{text}", (f"source:query:{kind}",), 8.0, {"name": who})
    if tag := _tag_holding(item, query):
        return Claim("reasons.about", (f"source:query:tag:{tag}",), 8.0, {"tag": tag})
    if contains(form(item.description), said):
        return Claim("reasons.found_text", ("source:query:description",), 8.0, {"query": query})
    return Claim("reasons.found_near", ("source:query:near",), 8.0, {"query": query})


def _of_kind(reading: Reading, item: Item, query: str) -> Claim | None:
    """What an item is, where a query names just that: a category of it, or its format. A title comes before it."""
    words, lang, said = reading.catalogue.words, reading.request.ui_language, form(query)
    named = shelf(query, reading.catalogue)
    if named is None or any(form(text) == said for text in (item.title, item.title_alt, item.series) if text):
        return None
    if path := named.path_of(item, words.taxonomy):
        label = words.taxonomy.label(path, lang)
        return Claim("reasons.found_category", (f"source:query:category:{path}",), 8.0, {"category": label})
    if item.format in named.formats:
        label = format_word(query, lang)
        return Claim("reasons.found_category", (f"source:query:format:{item.format}",), 8.0, {"category": label})
    return None


def _who(reading: Reading, line: str, meant: Callable[[str], bool]) -> str | None:
    """Who of a line is meant: all of it, else one of its people, by the form of any name that the catalogue knows."""
    names = reading.catalogue.people.names
    return next((who for who in people_in(line) if any(meant(form(name)) for name in names(who))), None)


def _wrote_original(line: str, who: str) -> bool:
    """Whether a line says that somebody wrote what a drama was made from: "原著 刘慈欣", "汤显祖 原著"."""
    return who != line and re.search(rf"原著\s*{re.escape(who)}|{re.escape(who)}\s*原著", line) is not None


def _of_wishes(reading: Reading, candidate: Candidate, item: Item) -> Iterator[Claim]:
    scale = SOFT_SCALE.get(reading.request.intent, 1.0)
    for effect in (e for e in candidate.effects if e.factor in KNOWN):
        entry = reading.request.pbox.entry(Factor(effect.factor), effect.key)
        if entry is None or effect.shift <= 0.0:
            continue
        said = _of_wish(reading, entry, item)
        if said is not None:
            text, values = said
            evidence = f"{effect.factor}:{effect.key}" if effect.key else effect.factor
            yield Claim(f"reasons.{text}", (evidence,), 1.0 + effect.shift / scale, values, wished=True)


def _of_wish(reading: Reading, entry: Entry, item: Item) -> tuple[str, dict[str, str]] | None:
    """The text for one helping entry and its values, or None where the record does not bear it out."""
    lang, words = reading.request.ui_language, reading.catalogue.words
    match entry.factor:
        case Factor.CATEGORY if _is_of(reading, entry.key, item):
            return "interest", {"category": words.taxonomy.label(entry.key, lang)}
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


def _is_of(reading: Reading, path: str, item: Item) -> bool:
    members = reading.catalogue.words.taxonomy.members(path)
    return any(under(own, member) for own in item.categories for member in members)


def _fits(reading: Reading, item: Item) -> bool:
    """Whether an item keeps every bound of length, not only the one that helped it."""
    bounds = reading.request.pbox.of(Factor.LENGTH)
    return all(within(np.array([item.sitting_minutes]), bound.key, bound.value).all() for bound in bounds)


def _of_entity(reading: Reading, entry: Entry, who: tuple[str, str], item: Item) -> tuple[str, dict[str, str]] | None:
    kind, name = who
    named = {"author": item.author, "narrator": item.narrator, "series": item.series}.get(kind)
    if named and having(entry, reading.catalogue)[reading.catalogue.row[item.id]]:
        if kind == "series":
            return "liked_series", {"name": named}
        person = _who(reading, named, lambda known: known == form(name)) or named
        return "original_by" if _wrote_original(named, person) else f"liked_{kind}", {"name": person}
    # A liking of a theme word moves more items than the word is true of.
    spoken_of = kind == "tag" and reading.catalogue.with_tag(name)[reading.catalogue.row[item.id]]
    return _of_word(reading, entry, name, item) if spoken_of else None


def _of_word(reading: Reading, entry: Entry, word: str, item: Item) -> tuple[str, dict[str, str]] | None:
    """A wish that is no vocabulary word: named by the item's own tag, else by the word that matched."""
    if not having(entry, reading.catalogue)[reading.catalogue.row[item.id]]:
        return None
    tag = _tag_holding(item, word)
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


def _of_history(reading: Reading, candidate: Candidate, item: Item) -> Iterator[Claim]:
    if candidate.slot == "explore" or reading.request.intent not in OWN_PAGE:
        return
    liked = list(reading.past.likings)[-MOST_LOOKED_AT:]
    if reading.past.heard[candidate.row]:
        yield Claim("reasons.again", (f"history:heard:{item.id}",), 1.0)
    if candidate.row in liked:
        return
    if branches := _habits(reading, item, liked):
        label = reading.catalogue.words.taxonomy.label(branches[0], reading.request.ui_language)
        yield Claim("reasons.habit", (f"history:habit:{branches[0]}",), 0.7, {"category": label})
    near = _nearest(reading, candidate.row, [row for row in liked if reading.past.kinds[row] not in GLANCES])
    if near is not None:
        yield _of_liked(reading, near)
    shared = {row: reading.models.liked_both(row, candidate.row) for row in liked if row != near}
    best = max(shared, key=lambda row: shared[row], default=None)
    if "collaborative" in candidate.sources and best is not None and shared[best] >= LEAST_SHARED:
        other = reading.catalogue.items[best]
        weight = 1.5 * candidate.sources["collaborative"]
        yield Claim("reasons.together", (f"source:collaborative:{other.id}",), weight, {"title": other.title})


def _habits(reading: Reading, item: Item, liked: list[int]) -> list[str]:
    """The item's categories, two levels deep, of which several liked items are."""
    heard = Counter(path for row in liked for path in {branch(p) for p in reading.catalogue.items[row].categories})
    return [path for path in dict.fromkeys(map(branch, item.categories)) if heard[path] >= LEAST_HABIT]


def _of_liked(reading: Reading, row: int) -> Claim:
    other, kind = reading.catalogue.items[row], reading.past.kinds[row]
    evidence = (f"source:similar:{other.id}", f"history:{kind}:{other.id}")
    return Claim(f"reasons.history_{kind}", evidence, 0.9, {"title": other.title})


def _nearest(reading: Reading, row: int, liked: list[int]) -> int | None:
    """The liked row most like `row`, of those that the record shows to be related."""
    items, vectors = reading.catalogue.items, reading.catalogue.vectors
    kindred = [other for other in liked if related(items[other], items[row])]
    if not kindred:
        return None
    return kindred[int(np.argmax(vectors[kindred] @ vectors[row]))]


def _of_record(reading: Reading, candidate: Candidate, item: Item) -> Iterator[Claim]:
    lang, row = reading.request.ui_language, candidate.row
    if item.rating >= 4.3 and item.ratings_count >= 50:
        values = {"rating": f"{item.rating:.1f}", "count": count(item.ratings_count, lang)}
        weight = 0.2 + 0.3 * float(reading.catalogue.quality[row])
        yield Claim("reasons.rated", ("attribute:rating",), weight, values)
    if item.plays and reading.catalogue.popularity[row] >= 0.7:
        weight = 0.1 + 0.4 * float(reading.catalogue.popularity[row])
        yield Claim("reasons.popular", ("attribute:plays",), weight, {"plays": count(item.plays, lang)})
    label = reading.catalogue.words.taxonomy.label(item.category, lang)
    values = {"category": label, "length": duration(item.sitting_minutes, lang)}
    yield Claim("reasons.plain", ("attribute:category", "attribute:minutes"), 0.0, values)


def _tag_holding(item: Item, word: str) -> str | None:
    return next((tag for tag in item.tags if contains(form(tag), form(word))), None)
