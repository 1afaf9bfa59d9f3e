"""Lists: a wish for one goes through the pipeline, is written to the journal, and gets its sentence."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from zlib import crc32

import numpy as np

from catalog.items import AGE_ORDER
from catalog.spelling import form
from chat.llm.lexicon import KINDS
from chat.parts import Parts
from chat.policy import afresh
from db.journal import Journal
from db.pbox import Undone
from recommend.filters import wanted as left_by
from recommend.pbox import Entry, Factor
from recommend.request import OWN_PAGE, Listener, Request, Slate, UiLanguage
from recommend.wished import meets
from tools.changing import box
from tools.context import ListRequest, TurnContext
from tools.replies import GLUE, is_here, list_line
from tools.words import describe_entry, joined, name_of

NOTHING_UNDONE = Undone()
SIZE = 6
LARGEST = 20
RECENT_EVENTS = 200
SUBJECT = ("query", "told", "anchor", "category")
"""What of a request "more" goes on with, beside its intent."""
NO_SUBJECT = {"size", "again"}
"""What of a wish for a list does not say what it is of."""
LIMITS = frozenset(
    {Factor.LENGTH, Factor.STATUS, Factor.ACCESS, Factor.PRICE_SENSITIVITY, Factor.LANGUAGE, Factor.RECENCY,
     Factor.REPEATS, Factor.POPULARITY, Factor.QUALITY, Factor.BLOCK}
)  # fmt: skip
"""What narrows what was asked for; any other wish is a new question."""
PRIORITY = ("search", "similar", "trending", "discover", "more", "home")


class ListMaker:
    """Makes lists for users. There is no language model on this path."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def make(
        self, listener: Listener, conversation_id: str, wanted: ListRequest, now: datetime, seen: Sequence[str] = ()
    ) -> Slate:
        """The list for a wish, stamped with the version of the parameters it was made with, and remembered.

        seen: the items on the screen, which "more" leaves out.
        """
        stores, user_id = self._parts.stores, listener.user_id
        request = Request(
            listener=listener,
            pbox=stores.pbox.load(user_id, now, conversation_id),
            history=stores.events.history(user_id, RECENT_EVENTS),
            now=now,
            size=min(max(wanted.size or SIZE, 1), LARGEST),
            seed=crc32(f"{user_id} {int(now.timestamp()) // 3600}".encode()),
            **self._subject(wanted, user_id, conversation_id, seen),
        )
        slate = self._parts.engine.pipeline.recommend(request).model_copy(update={"slate_id": uuid.uuid4().hex})
        stores.journal.slate(user_id, slate, request, conversation_id=conversation_id)
        stores.events.impressions(slate, user_id, now)
        return slate

    def _subject(self, wanted: ListRequest, user_id: str, conversation_id: str, shown: Sequence[str]) -> dict[str, Any]:
        """What a list is of, as `Request` names it. More of a list is of the same, less all that was shown of it."""
        if wanted.again or wanted.intent not in ("more", "discover"):
            return wanted.model_dump(exclude=NO_SUBJECT)
        before = self._parts.stores.journal.request(user_id, conversation_id)
        if wanted.intent == "discover":
            surprised = before.get("seen", ()) if before.get("intent") == "discover" else ()
            return wanted.model_dump(exclude=NO_SUBJECT) | {"seen": frozenset((*surprised, *shown, *wanted.seen))}
        same = {name: before.get(name) for name in SUBJECT}
        intent = "more" if _own_page(before) else before["intent"]
        return same | {"intent": intent, "seen": frozenset((*before.get("seen", ()), *shown))}


def wanted_list(ctx: TurnContext, said: str) -> ListRequest | None:
    """The one list that a turn calls for: the most specific of those asked for; None leaves the screen as it is.

    said: the words of the turn. "Recommend something" over a search is no wish for more of that search.
    """
    asked = sorted(ctx.outcome.lists, key=lambda wish: PRIORITY.index(wish.intent))
    if not asked:
        return _refreshed(ctx) if ctx.outcome.refresh else None
    if asked[0].intent == "more" and afresh(said):
        before = ctx.stores.journal.request(ctx.user_id, ctx.conversation_id)
        return asked[0] if _own_page(before) else asked[0].model_copy(update={"intent": "home"})
    return asked[0]


def _refreshed(ctx: TurnContext) -> ListRequest:
    """A new list: of what is on the screen where that was only narrowed ("shorter", "not this one"), else a page."""
    factors = {change.factor for change in ctx.outcome.changes if change.source != "feedback"}
    if factors - LIMITS or _blocked_itself(ctx) or (factors and _came_to_nothing(ctx)):
        return ListRequest(intent="home")
    undone = Undone(tuple(ctx.outcome.undone), tuple(ctx.outcome.given_back))
    return same_again(ctx.stores.journal, ctx.user_id, ctx.conversation_id, ctx.outcome.unwanted, undone)


def _blocked_itself(ctx: TurnContext) -> bool:
    """Whether what the screen was searched for has just been blocked."""
    blocks = [change for change in ctx.outcome.changes if change.factor == Factor.BLOCK and change.after]
    if not blocks:
        return False
    query = form(str(ctx.stores.journal.request(ctx.user_id, ctx.conversation_id).get("query") or ""))
    return bool(query) and any(query in (form(block.said), form(block.key.partition(":")[2])) for block in blocks)


def _came_to_nothing(ctx: TurnContext) -> bool:
    """Whether the screen was searched for words that nothing here is called, and nothing came near them.

    Such words ("which of these are done") are no subject to go on with.
    """
    journal, where = ctx.stores.journal, (ctx.user_id, ctx.conversation_id)
    query, slate = journal.request(*where).get("query"), journal.shown(*where)
    weak = slate is not None and slate.intent == "search" and "query" in slate.relaxed
    return bool(query) and weak and not is_here(str(query), ctx.engine, ctx.lang)


def same_again(
    journal: Journal,
    user_id: str,
    conversation_id: str,
    unwanted: Collection[str] = (),
    undone: Undone = NOTHING_UNDONE,
) -> ListRequest:
    """The wish for the list on the screen anew, without items that are not wanted in it; their own page for most.

    Where what was undone brought that list, the one that it took the place of.
    """
    before = _standing(journal, user_id, conversation_id, undone)
    if _own_page(before):
        return ListRequest(intent="home", told=before.get("told"), size=before.get("size"), again=True)
    seen = frozenset((*before.get("seen", ()), *unwanted)).difference(undone.item_ids)
    same = {name: before.get(name) for name in (*SUBJECT, "size")}
    return ListRequest(intent=before["intent"], seen=seen, again=True, **same)


def _standing(journal: Journal, user_id: str, conversation_id: str, undone: Undone) -> Mapping[str, Any]:
    """The request to ask again: that of the screen, or what stood there before the turns that were undone."""
    now = journal.request(user_id, conversation_id)
    if not undone.changes:
        return now
    brought, earlier = journal.replaced(user_id, conversation_id, {change.turn_id for change in undone.changes})
    return earlier if brought and _asks_for(brought) == _asks_for(now) else now


def _asks_for(request: Mapping[str, Any]) -> dict[str, Any]:
    return {name: request.get(name) for name in ("intent", *SUBJECT)}


def list_language(journal: Journal, conversation_id: str, listener: Listener) -> UiLanguage:
    """The language of the talk: that of the list on the screen; the page's before there is one."""
    wanted = journal.request(listener.user_id, conversation_id)
    return wanted["listener"]["ui_language"] if wanted else listener.ui_language


def _own_page(request: Mapping[str, Any]) -> bool:
    """Whether a journalled request asks for nothing but what its listener likes."""
    return request.get("intent", "home") in OWN_PAGE


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
    """The rows that the listener's hard wishes and age mark leave (a mask)."""
    catalogue, stores = parts.engine.catalogue, parts.stores
    return left_by(box(ctx), catalogue) & (catalogue.ages <= AGE_ORDER.index(stores.users.get(ctx.user_id).age))


def _missing(parts: Parts, ctx: TurnContext, wanted: ListRequest, slate: Slate) -> str:
    """What the listener asked for and the list does not hold."""
    say, lang, count = parts.texts.say, ctx.lang, len(slate.cards)
    if "few" in slate.relaxed:
        return say("talk.last" if wanted.intent == "more" else "talk.few", lang, n=count)
    if "query" in slate.relaxed:
        return say("talk.near_only", lang)
    lost = [entry for entry in box(ctx).entries if entry.name in slate.relaxed]
    if lost:
        return _unmet(parts, ctx, lost)
    return say("talk.in_parts", lang) if "together" in slate.relaxed else ""


def _unmet(parts: Parts, ctx: TurnContext, lost: Sequence[Entry]) -> str:
    """Which wishes nothing here meets at all, and which no item of the list meets."""
    catalogue, left = parts.engine.catalogue, _left(parts, ctx)
    nowhere = [entry for entry in lost if not meets(entry, catalogue).any()]
    somewhere = [entry for entry in lost if entry not in nowhere]
    here = any((meets(entry, catalogue) & left).any() for entry in somewhere)
    groups = {"none_at_all": nowhere, "none_of" if here else "none_here": somewhere}
    return GLUE[ctx.lang].join(
        parts.texts.say(f"talk.{name}", ctx.lang, what=joined((_thing(parts, e, ctx.lang) for e in entries), ctx.lang))
        for name, entries in groups.items()
        if entries
    )


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
        return say("view.similar", lang, title=catalogue.item(wanted["anchor"]).title)
    names = {"trending": "trending", "discover": "new_for_you", "more": "more"}
    return say(f"view.{names.get(slate.intent, 'for_you')}", lang)
