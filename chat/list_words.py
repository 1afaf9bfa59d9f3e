"""What is said about a list: what it is, and honestly what it could not give; and the title over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from catalog.catalogue import Catalogue
from catalog.taxonomy import parted
from chat.lists import made_for_children
from chat.llm.lexicon import KINDS
from chat.parts import Parts
from recommend.filters import suited
from recommend.filters import wanted as left_by
from recommend.pbox import Entry, Factor
from recommend.request import OWN_PAGE, Slate, UiLanguage
from recommend.wished import meets
from tools.changing import box
from tools.context import ListRequest, TurnContext
from tools.replies import GLUE, is_here, list_line
from tools.titles import title_in
from tools.words import describe_entry, joined, name_of


def about_list(parts: Parts, ctx: TurnContext, wanted: ListRequest, slate: Slate) -> str:
    """What the list is, and honestly what it could not give. "" where the changes speak for themselves."""
    say, lang, count = parts.texts.say, ctx.lang, len(slate.cards)
    if not count and wanted.intent == "more":
        return say("talk.no_more", lang)
    if not count and wanted.query:
        here = is_here(wanted.query, parts.engine, lang)
        return say("talk.hidden" if here else "talk.not_found", lang, query=wanted.query)
    if not count:
        return say("talk.empty", lang)
    quiet = wanted.intent == "home" and (ctx.outcome.changes or ctx.outcome.undone or ctx.outcome.facts)
    sentence = "" if quiet else list_line(wanted, slate, parts.engine, lang, partial(_left, parts, ctx))
    missing = _missing(parts, ctx, wanted, slate) if wanted.intent in OWN_PAGE else ""
    return GLUE[lang].join(part for part in (sentence, missing) if part)


def _left(parts: Parts, ctx: TurnContext) -> np.ndarray:
    """The rows that the listener's hard wishes, age mark and small children leave (a mask)."""
    catalogue, stores = parts.engine.catalogue, parts.stores
    children = made_for_children(stores.journal.request(ctx.user_id, ctx.conversation_id))
    return left_by(box(ctx), catalogue) & suited(catalogue, stores.users.get(ctx.user_id).age, children=children)


def _missing(parts: Parts, ctx: TurnContext, wanted: ListRequest, slate: Slate) -> str:
    """What the listener asked for and the list does not hold."""
    say, lang, count = parts.texts.say, ctx.lang, len(slate.cards)
    if "few" in slate.relaxed:
        return say("talk.last" if wanted.intent == "more" else "talk.few", lang, n=count)
    if "query" in slate.relaxed:
        return say("talk.near_only", lang)
    new = {(change.factor, change.key) for change in ctx.outcome.changes}
    lost = [entry for entry in box(ctx).entries if entry.name in slate.relaxed and (entry.factor, entry.key) in new]
    if lost:
        return _unmet(parts, ctx, lost)
    return say("talk.in_parts", lang) if "together" in slate.relaxed else ""


def _unmet(parts: Parts, ctx: TurnContext, lost: Sequence[Entry]) -> str:
    """Which wishes nothing here meets at all, and which no item of the list meets."""
    catalogue, left = parts.engine.catalogue, _left(parts, ctx)
    nowhere = [entry for entry in lost if not meets(entry, catalogue).any()]
    somewhere = [entry for entry in lost if entry not in nowhere]
    here = any((meets(entry, catalogue) & left).any() for entry in somewhere)
    themes = [entry for entry in nowhere if _is_theme(entry, catalogue)]
    things = [entry for entry in nowhere if entry not in themes]
    groups = {"none_about": themes, "none_at_all": things, "none_of" if here else "none_here": somewhere}
    return GLUE[ctx.lang].join(
        parts.texts.say(f"talk.{name}", ctx.lang, what=joined((_thing(parts, e, ctx.lang) for e in entries), ctx.lang))
        for name, entries in groups.items()
        if entries
    )


def _is_theme(entry: Entry, catalogue: Catalogue) -> bool:
    """Whether a wish is for what something is about, by a word that is no name of a thing here."""
    if entry.factor == Factor.CATEGORY:
        return parted(entry.key)[0] not in catalogue.words.taxonomy
    return entry.factor == Factor.ENTITY and entry.key.partition(":")[0] not in (*KINDS, "item")


def _thing(parts: Parts, entry: Entry, lang: UiLanguage) -> str:
    """What a wish is for; the phrase of the parameter where it is for no thing ("up to 30 min")."""
    if entry.factor not in (Factor.CATEGORY, Factor.ENTITY, Factor.MOOD):
        return describe_entry(entry, parts.texts, parts.engine.catalogue, lang)
    name, kind = name_of(entry.factor, entry.key, entry.said, parts.engine.catalogue, lang), entry.key.partition(":")[0]
    of_name = entry.factor == Factor.ENTITY and kind in KINDS
    return parts.texts.say(f"talk.of_{kind}", lang, name=name) if of_name else name


def heading(parts: Parts, slate: Slate, wanted: Mapping[str, Any], lang: UiLanguage) -> str:
    """The title over a list. `wanted`: the journalled request that it answers."""
    say, catalogue = parts.texts.say, parts.engine.catalogue
    if slate.intent == "search" and wanted.get("query"):
        return say("view.found", lang, query=wanted["query"])
    if slate.intent == "similar" and wanted.get("anchor") in catalogue.row:
        return say("view.similar", lang, title=title_in(catalogue.item(wanted["anchor"]), lang))
    if slate.intent in OWN_PAGE and made_for_children(wanted):
        return say("view.for_children", lang)
    names = {"trending": "trending", "discover": "new_for_you", "more": "more"}
    return say(f"view.{names.get(slate.intent, 'for_you')}", lang)
