"""The reply of a turn, put together from what the turn did. It says nothing that the outcome does not hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from catalog.catalogue import Catalogue
from catalog.items import Item, named
from catalog.resolve import Match
from catalog.resolve_words import is_filler
from catalog.spelling import contains, form, is_chinese
from catalog.wishes import asks_only
from db.changes import HALF_LIFE_DAYS
from db.pbox import Applied
from prompts.texts import Texts
from recommend.pbox import Factor
from recommend.request import Slate, UiLanguage
from tools.context import Engine, ListRequest, Outcome
from tools.titles import title_in
from tools.words import either, phrased, telling, undone_in_words

Left = Callable[[], np.ndarray]
GLUE: dict[UiLanguage, str] = {"en": " ", "zh": ""}
SEMICOLON: dict[UiLanguage, str] = {"en": "; ", "zh": "；"}
LONGEST_NAME, CHINESE_WIDTH = 40.0, 2.5
"""Letters beyond which nobody takes the words for a title that might be here; a Chinese character counts for more."""
NAMING = ("item", "author", "narrator", "series", "category", "tag", "mood", "scene")
SINGLE = frozenset({"author", "narrator", "series", "item"})
"""What a list answers only by holding some of it; something like it is not what was asked for."""


def compose(outcome: Outcome, lang: UiLanguage, texts: Texts, catalogue: Catalogue) -> str:
    """What was changed and for how long, what was found out, is missing, is asked. "" when nothing was done."""
    parts = []
    if gone := undone_in_words(outcome.undone, outcome.given_back, texts, catalogue, lang):
        parts.append(texts.say("replies.undone", lang, what=gone))
    if changed := _changed(outcome, lang, texts, catalogue):
        parts.append(texts.say("replies.done", lang, what=changed))
    parts += [texts.say(f"replies.fact.{fact.kind}", lang, **fact.values) for fact in outcome.facts]
    for missed in outcome.missed:
        name = "replies.missed" if missed.nearest else "replies.missed_all"
        values = {"nearest": either(missed.nearest, lang)} if missed.nearest else {}
        parts.append(texts.say(name, lang, said=missed.said, **values))
    if outcome.asked:
        parts.append(texts.say(f"replies.ask.{outcome.asked}", lang))
    return GLUE[lang].join(parts)


def list_line(request: ListRequest, slate: Slate, engine: Engine, lang: UiLanguage, left: Left | None = None) -> str:
    """One sentence about a list that was fetched: what it is, and honestly when what was asked for is not here.

    left: gives the mask of the rows that the settings leave, asked where a name is here and not in the list; without it
    they are taken to hide it.
    """
    texts = engine.texts
    if not slate.cards:
        return texts.say("replies.list.empty", lang)
    if request.intent == "search" and request.query:
        name, n = _search_line(request.query, slate, engine, lang, left)
        counted = {"n": n} if name == "found_some" else {}
        return texts.say(f"replies.list.{name}", lang, query=request.query, **counted)
    if request.intent == "similar" and request.anchor in engine.catalogue.row:
        anchor = engine.catalogue.item(str(request.anchor))
        return texts.say("replies.list.similar", lang, title=title_in(anchor, lang))
    if request.intent == "trending":
        return _trending_line(request, slate, engine, lang)
    return texts.say(f"replies.list.{request.intent}", lang)


def _trending_line(request: ListRequest, slate: Slate, engine: Engine, lang: UiLanguage) -> str:
    """What trends, and how much of the list does, where settings or a category leave too little of it."""
    n = sum("source:trending" in card.reason.evidence for card in slate.cards)
    if n < len(slate.cards):
        return engine.texts.say("replies.list.trending_some", lang, n=n)
    if request.category:
        label = engine.catalogue.words.taxonomy.label(request.category, lang)
        return engine.texts.say("replies.list.trending_in", lang, what=label)
    return engine.texts.say("replies.list.trending", lang)


def is_here(query: str, engine: Engine, lang: UiLanguage) -> bool:
    """Whether something in the catalogue is called so: a title or part of one, a person, a category, a theme word."""
    if engine.catalogue.with_tag(query).any() or _called(query, engine, lang) is not None:
        return True
    return bool(_titled(query, engine).any())


def _called(query: str, engine: Engine, lang: UiLanguage) -> Match | None:
    match = engine.resolver.any_kind(query, NAMING, lang=lang)
    return match if match is not None and engine.resolver.is_called(match) else None


def _search_line(query: str, slate: Slate, engine: Engine, lang: UiLanguage, left: Left | None) -> tuple[str, int]:
    """The name of the sentence about a search, and how many of the list are of what is looked for.

    "found" or "found_some"; else as `_not_found` says. "told" also where a name accounts for a part of the words only:
    of "Holmes and Poirot" nobody can tell by one name what is found.
    """
    match, catalogue = _called(query, engine, lang), engine.catalogue
    rows = [catalogue.row[item_id] for item_id in slate.item_ids]
    exact = match is not None and _is_one(match) and match.how == "exact"
    # Who asks for Dracula means no "Dracula's Guest".
    titled = np.array([(_is_named if exact else named)(catalogue.items[row], query) for row in rows])
    if match is not None and _says_more(query, match) and not titled.any():
        return "told", 0
    held = _meant(query, match, engine)[rows] | titled
    if match is not None and not (_is_part(match) and held.any()):  # "space" is no Symphony Space
        held |= catalogue.holds(match.kind, match.key)[rows]  # Christie is a part of a name, and found all the same
    n = int(held.sum())
    if not n:
        return _not_found(query, match, slate, engine, left), 0
    return ("found" if n == len(rows) else "found_some"), n


def _not_found(query: str, match: Match | None, slate: Slate, engine: Engine, left: Left | None) -> str:
    """Of a list that holds nothing of a query: "hidden" where it is here, and the settings leave nothing of it.

    "nearest" where nothing here is called so, "told" where that says nothing: it is too long to be a name, or here and
    not on the list.
    """

    def kept_out(meant: np.ndarray) -> bool:
        return bool(meant.any()) and (left is None or not (meant & left()).any())

    meant = _meant(query, match, engine)
    if match is not None and _is_one(match):
        meant = meant if match.how == "exact" else meant | _titled(query, engine)
        return "hidden" if kept_out(meant) else "told"
    if match is not None or meant.any():
        weak = "query" in slate.relaxed
        return "found" if not weak else "hidden" if kept_out(meant) else "told"
    titled = _titled(query, engine)
    if titled.any():
        return "hidden" if kept_out(titled) else "told"
    length = sum(CHINESE_WIDTH if is_chinese(char) else 1.0 for char in query)
    return "nearest" if length <= LONGEST_NAME else "told"


def _meant(query: str, match: Match | None, engine: Engine) -> np.ndarray:
    """The rows of what a query names, its titles aside (a mask)."""
    if match is None or (match.kind in SINGLE and _is_part(match)):
        return engine.catalogue.with_tag(query)
    own = engine.catalogue.holds(match.kind, match.key)
    return own if match.kind in SINGLE else own | engine.catalogue.with_tag(query)


def _titled(query: str, engine: Engine) -> np.ndarray:
    """The rows whose title or series holds a query (a mask)."""
    return engine.catalogue.holds("title", query)


def _is_named(item: Item, query: str) -> bool:
    return form(query) in {form(name) for name in (item.title, item.title_alt) if name}


def _says_more(query: str, match: Match) -> bool:
    """Whether a query says more than the name that it was matched by."""
    said = form(query)
    if match.how == "exact" or not contains(said, match.name):
        return False
    rest = said.replace(match.name, " ", 1).split()
    return not all(is_filler(word) or asks_only(word) for word in rest)


def _is_one(match: Match) -> bool:
    """Whether a match is one thing by its name, instead of a theme of many."""
    return match.kind in SINGLE and not _is_part(match)


def _is_part(match: Match) -> bool:
    """Whether a match was found by a part of its name: who asks for "space" is not told of Symphony Space."""
    name = form(match.key)
    return match.name != name and f" {match.name} " in f" {name} "


def _changed(outcome: Outcome, lang: UiLanguage, texts: Texts, catalogue: Catalogue) -> str:
    """The changes by how long they hold; a reset and what feedback taught have sentences of their own."""
    told = _told_as_reset(outcome)
    said = [change for change in outcome.changes if change.source != "feedback" and change.id not in told]
    groups: dict[str, list[Applied]] = {}
    for change in telling(said):
        groups.setdefault(_holds(change, outcome), []).append(change)
    return SEMICOLON[lang].join(
        texts.say(f"replies.holds.{span}", lang, what=phrased(changes, texts, catalogue, lang))
        for span, changes in groups.items()
    )


def _told_as_reset(outcome: Outcome) -> set[int]:
    """The ids of the changes that a sentence about a reset tells; one that only took back what was named has none."""
    if not any(fact.kind == "reset" for fact in outcome.facts):
        return set()
    return {change.id for done in outcome.done if done.tool == "reset_preferences" for change in done.changes}


def _holds(change: Applied, outcome: Outcome) -> str:
    if change.scope == "session":
        return "session"
    if change.after is None:
        return "gone"
    if change.factor in (Factor.MOOD, Factor.SCENE) and change.id not in outcome.lasting:
        return "fading"
    return "slow" if change.factor in HALF_LIFE_DAYS else "lasting"
