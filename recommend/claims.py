"""What may be said about why an item is on the list: claims, each held by evidence.

A claim comes from a PBox shift, a source, the listener's own history or the item's record, and is
checked against that record here; what cannot be checked is not claimed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from catalog.formats import format_word
from catalog.items import Item
from catalog.shelf import shelf
from catalog.spelling import contains, form, wrote_original
from recommend.amounts import count, duration
from recommend.granted import granted, tag_holding, who
from recommend.kinship import branch, related
from recommend.pbox import Factor
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
        if line and (person := who(reading, line, lambda name: contains(said, name))):
            text = "original_by" if person == wrote_original(line) else f"found_{kind}"
            return Claim(f"reasons.{text}", (f"source:query:{kind}",), 8.0, {"name": person})
    if tag := tag_holding(item, query):
        return Claim("reasons.about", (f"source:query:tag:{tag}",), 8.0, {"tag": tag})
    if contains(form(item.description), said):
        return Claim("reasons.found_text", ("source:query:description",), 8.0, {"query": query})
    if label := _label_saying(reading, item, query):
        return Claim("reasons.found_category", ("source:query:label",), 8.0, {"category": label})
    return Claim("reasons.found_near", ("source:query:near",), 8.0, {"query": query})


def _label_saying(reading: Reading, item: Item, query: str) -> str:
    """The label of an item's category that says the words: Space Opera of "space"; "" for none."""
    catalogue, taxonomy = reading.catalogue, reading.catalogue.words.taxonomy
    if not catalogue.with_tag(query)[catalogue.row[item.id]]:
        return ""
    path = next((path for path in item.categories if taxonomy.says(path, query)), "")
    return taxonomy.label(path, reading.request.ui_language) if path else ""


def _of_kind(reading: Reading, item: Item, query: str) -> Claim | None:
    """What an item is, where a query names just that: a category of it, or its format. A title comes before it."""
    words, lang, said = reading.catalogue.words, reading.request.ui_language, form(query)
    named = shelf(query, reading.catalogue)
    if named is None or said in map(form, item.names):
        return None
    if path := named.path_of(item, words.taxonomy):
        label = words.taxonomy.label(path, lang)
        return Claim("reasons.found_category", (f"source:query:category:{path}",), 8.0, {"category": label})
    if item.format in named.formats:
        label = format_word(query, lang)
        return Claim("reasons.found_category", (f"source:query:format:{item.format}",), 8.0, {"category": label})
    return None


def _of_wishes(reading: Reading, candidate: Candidate, item: Item) -> Iterator[Claim]:
    scale = SOFT_SCALE.get(reading.request.intent, 1.0)
    for effect in (e for e in candidate.effects if e.factor in KNOWN):
        entry = reading.request.pbox.entry(Factor(effect.factor), effect.key)
        if entry is None or effect.shift <= 0.0:
            continue
        said = granted(reading, entry, item)
        if said is not None:
            text, values = said
            evidence = f"{effect.factor}:{effect.key}" if effect.key else effect.factor
            yield Claim(f"reasons.{text}", (evidence,), 1.0 + effect.shift / scale, values, wished=True)


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
