"""The reply of a turn, put together from what the turn did. It says nothing that the outcome does not hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from catalog.catalogue import Catalogue
from catalog.resolve import Match
from catalog.spelling import form, is_chinese
from db.changes import HALF_LIFE_DAYS
from db.pbox import Applied
from prompts.texts import Texts
from recommend.pbox import Factor
from recommend.request import Slate, UiLanguage
from tools.context import Engine, ListRequest, Outcome
from tools.words import either, phrased, taken_back, telling

Left = Callable[[], np.ndarray]
GLUE: dict[UiLanguage, str] = {"en": " ", "zh": ""}
SEMICOLON: dict[UiLanguage, str] = {"en": "; ", "zh": "；"}
LONGEST_NAME, CHINESE_WIDTH = 40.0, 2.5
"""Letters beyond which nobody takes the words for a title that might be here; a Chinese character counts for more."""
NAMING = ("item", "author", "narrator", "series", "category", "tag", "mood", "scene")
NAMES = frozenset({"author", "narrator", "series"})
SINGLE = NAMES | {"item"}
"""What a list answers only by holding some of it; something like it is not what was asked for."""


def compose(outcome: Outcome, lang: UiLanguage, texts: Texts, catalogue: Catalogue) -> str:
    """What was changed and for how long, what was found out, is missing, is asked. "" when nothing was done."""
    parts = []
    if gone := taken_back(outcome.undone, outcome.given_back, texts, catalogue, lang):
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
        name = _search_line(request.query, slate, engine, lang, left)
        said = {"query": request.query}
        if name == "found" and (n := _of_person(request.query, slate, engine, lang)) < len(slate.cards):
            return texts.say("replies.list.found_some", lang, n=n, **said)
        return texts.say(f"replies.list.{name}", lang, **said)
    if request.intent == "similar" and request.anchor in engine.catalogue.row:
        return texts.say("replies.list.similar", lang, title=engine.catalogue.item(str(request.anchor)).title)
    if request.intent == "trending" and request.category:
        label = engine.catalogue.words.taxonomy.label(request.category, lang)
        return texts.say("replies.list.trending_in", lang, what=label)
    return texts.say(f"replies.list.{request.intent}", lang)


def is_here(query: str, engine: Engine, lang: UiLanguage) -> bool:
    """Whether something in the catalogue is called so: a title, a person, a series, a category, a theme word."""
    return bool(engine.catalogue.with_tag(query).any()) or _called(query, engine, lang) is not None


def _called(query: str, engine: Engine, lang: UiLanguage) -> Match | None:
    match = engine.resolver.any_kind(query, NAMING, lang=lang)
    return match if match is not None and engine.resolver.is_called(match) else None


def _search_line(query: str, slate: Slate, engine: Engine, lang: UiLanguage, left: Left | None) -> str:
    """ "found"; "hidden" where it is here, and the settings leave nothing of it; "nearest".

    "told" is "nearest" for what is too long to be a name.
    """
    match = _called(query, engine, lang)
    if match is None and not engine.catalogue.with_tag(query).any():
        length = sum(CHINESE_WIDTH if is_chinese(char) else 1.0 for char in query)
        return "nearest" if length <= LONGEST_NAME else "told"
    if match is not None and match.kind in SINGLE and not _is_part(match):
        meant = engine.catalogue.holds(match.kind, match.key)
        if any(meant[engine.catalogue.row[item_id]] for item_id in slate.item_ids):
            return "found"
        return "hidden" if left is None or not (meant & left()).any() else "found"
    return "hidden" if "query" in slate.relaxed else "found"


def _of_person(query: str, slate: Slate, engine: Engine, lang: UiLanguage) -> int:
    """How many of a list are by the person, or of the series, whose name is looked for; all where it names neither."""
    match = _called(query, engine, lang)
    if match is None or match.kind not in NAMES:
        return len(slate.cards)
    meant = engine.catalogue.holds(match.kind, match.key)
    return sum(bool(meant[engine.catalogue.row[item_id]]) for item_id in slate.item_ids) or len(slate.cards)


def _is_part(match: Match) -> bool:
    """Whether a match was found by a part of its name: who asks for "space" is not told of Symphony Space."""
    name = form(match.key)
    return match.name != name and f" {match.name} " in f" {name} "


def _changed(outcome: Outcome, lang: UiLanguage, texts: Texts, catalogue: Catalogue) -> str:
    """The changes by how long they hold; a reset and what feedback taught have sentences of their own."""
    if any(fact.kind == "reset" for fact in outcome.facts):
        said = [change for change in outcome.changes if change.after is not None and change.source != "feedback"]
    else:
        said = [change for change in outcome.changes if change.source != "feedback"]
    groups: dict[str, list[Applied]] = {}
    for change in telling(said):
        groups.setdefault(_holds(change, outcome), []).append(change)
    return SEMICOLON[lang].join(
        texts.say(f"replies.holds.{span}", lang, what=phrased(changes, texts, catalogue, lang))
        for span, changes in groups.items()
    )


def _holds(change: Applied, outcome: Outcome) -> str:
    if change.after is None:
        return "gone"
    if change.scope == "session":
        return "session"
    if change.factor in (Factor.MOOD, Factor.SCENE) and change.id not in outcome.lasting:
        return "fading"
    return "slow" if change.factor in HALF_LIFE_DAYS else "lasting"
