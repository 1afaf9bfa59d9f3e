"""Lists: which one a turn calls for, how it is made, and how it is asked for again."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from catalog.spelling import form
from chat.parts import Parts
from chat.policy import afresh
from db.journal import Journal
from db.pbox import Undone
from recommend.filters import for_children
from recommend.pbox import Factor
from recommend.request import OWN_PAGE, Listener, Request, Slate, UiLanguage
from tools.context import Fact, ListRequest, TurnContext
from tools.replies import is_here

NOTHING_UNDONE = Undone()
SIZE = 6
LARGEST = 20
RECENT_EVENTS = 200
SUBJECT = ("query", "told", "anchor", "category", "format")
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
        if wanted.intent == "more" and not slate.cards:  # what is on the screen stays, to be spoken of
            return slate
        stores.journal.slate(user_id, slate, request, conversation_id=conversation_id)
        stores.events.impressions(slate, user_id, now)
        return slate

    def _subject(self, wanted: ListRequest, user_id: str, conversation_id: str, shown: Sequence[str]) -> dict[str, Any]:
        """What a list is of, as `Request` names it, and for whom: that stays as it was until words say otherwise."""
        before = self._parts.stores.journal.request(user_id, conversation_id)
        children = before.get("children") if wanted.children is None else wanted.children
        return self._of(wanted, before, shown) | {"children": children}

    def _of(self, wanted: ListRequest, before: Mapping[str, Any], shown: Sequence[str]) -> dict[str, Any]:
        """More of a list is of the same, less all that was shown of it."""
        if wanted.again or wanted.intent not in ("more", "discover"):
            return wanted.model_dump(exclude=NO_SUBJECT)
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


def heard_by(ctx: TurnContext, wanted: ListRequest | None, said: str) -> ListRequest | None:
    """The list with who will hear it, where the words say so, and a fact for the reply where that is news.

    Words that say nothing else ("it's for my son, he's 5") bring the list on the screen anew.
    """
    children, journal = for_children(said), ctx.stores.journal
    before = made_for_children(journal.request(ctx.user_id, ctx.conversation_id))
    if children is not None and wanted is None and children != before and _did_nothing(ctx):
        ctx.outcome.asked, ctx.outcome.options = None, []
        ctx.outcome.done = [made for made in ctx.outcome.done if made.tool != "ask_clarification"]
        wanted = same_again(journal, ctx.user_id, ctx.conversation_id)
    if children is None or wanted is None:
        return wanted
    if children != before:
        ctx.outcome.facts.append(Fact(kind="for_children" if children else "for_grown_ups"))
    return wanted.model_copy(update={"children": children})


def _did_nothing(ctx: TurnContext) -> bool:
    """Whether a turn did at most ask back: a question about an item ("is it for kids?") has its facts."""
    return not (ctx.outcome.changes or ctx.outcome.facts or ctx.outcome.about or ctx.outcome.undone)


def made_for_children(request: Mapping[str, Any]) -> bool:
    """Whether a journalled request was for small children; those of old say it by their words alone."""
    said = f"{request.get('query') or ''} {request.get('told') or ''}"
    return bool(for_children(said) if request.get("children") is None else request["children"])


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
    children = made_for_children(before)
    if before.get("intent", "home") == "home":
        told, size = before.get("told"), before.get("size")
        return ListRequest(intent="home", told=told, size=size, children=children, again=True)
    seen = frozenset((*before.get("seen", ()), *unwanted)).difference(undone.item_ids)
    same = {name: before.get(name) for name in (*SUBJECT, "size")}
    return ListRequest(intent=before["intent"], seen=seen, children=children, again=True, **same)


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
