"""Questions about items: every answer is read off the catalogue's record or the reason on the card, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from langchain.tools import ToolRuntime
from langchain_core.tools import tool
from pydantic import Field

from catalog.items import Item
from catalog.languages import language_name
from recommend.amounts import duration
from recommend.explain import retold
from recommend.reading import read
from recommend.request import Request
from tools.changing import say
from tools.context import Done, Fact, ToolRetry, TurnContext
from tools.items import find_item, is_place
from tools.linking import spoken
from tools.titles import title_in
from tools.words import joined, titled

EXPLAINED = 6


@tool
def item_details(item: str, runtime: ToolRuntime[TurnContext]) -> str:
    """What the catalogue knows about one item: "tell me more about 3", "who narrates it?"."""
    ctx = runtime.context
    found = find_item(ctx, "item_details", spoken(item))
    ctx.outcome.facts.append(Fact(kind="details", values=_record(ctx, found)))
    ctx.outcome.done.append(Done(tool="item_details", text=say(ctx, "step.details", title=title_in(found, ctx.lang))))
    return _for_model(ctx, found)


@tool
def compare_items(
    items: Annotated[list[str], Field(description="places or titles, two or more")], runtime: ToolRuntime[TurnContext]
) -> str:
    """Put two or more items side by side: "what's the difference between the first two?"."""
    ctx = runtime.context
    found = list({each.id: each for each in (find_item(ctx, "compare_items", spoken(item)) for item in items)}.values())
    if len(found) < 2:
        raise ToolRetry(f"comparing needs two different items, got {items}; name at least two by place or title")
    rows = [_record(ctx, each) for each in found]
    ctx.outcome.about, ctx.outcome.several = None, True
    ctx.outcome.facts.append(Fact(kind="compare", values={"rows": rows}))
    titles = titled((title_in(each, ctx.lang) for each in found), ctx.lang)
    ctx.outcome.done.append(Done(tool="compare_items", text=say(ctx, "step.compare", titles=titles)))
    return "\n".join(_for_model(ctx, each) for each in found)


@tool
def explain_recommendation(runtime: ToolRuntime[TurnContext], item: str | None = None) -> str:
    """Why an item is in the list ("why this one?"); without an item, why the whole list looks as it does."""
    ctx = runtime.context
    if item and item.strip():
        found = find_item(ctx, "explain_recommendation", item)
        # "Why this one?" beside a list that is like it means the list.
        ids: tuple[str, ...] = ctx.shown[:EXPLAINED] if is_place(item) and found.id not in ctx.shown else (found.id,)
    else:
        ids = ctx.shown[:EXPLAINED]
    catalogue, reasons = ctx.engine.catalogue, _reasons(ctx)
    known = [(title_in(catalogue.item(i), ctx.lang), reasons[i]) for i in ids if i in catalogue.row and reasons.get(i)]
    if not known:
        ctx.outcome.facts.append(Fact(kind="no_reason"))
        ctx.outcome.done.append(Done(tool="explain_recommendation", text=say(ctx, "step.explain")))
        return "no reason is recorded, because it is not in the list on the screen; say so"
    rows = [{"title": title, "reason": reason} for title, reason in known]
    ctx.outcome.facts.append(Fact(kind="reasons", values={"rows": rows}))
    ctx.outcome.done.append(Done(tool="explain_recommendation", text=say(ctx, "step.explain")))
    return "\n".join(f"{title}: {reason}" for title, reason in known)


def _reasons(ctx: TurnContext) -> Mapping[str, str]:
    """Item id -> the reason on its card, told anew where the talk has changed its language since."""
    asked = ctx.stores.journal.request(ctx.user_id, ctx.conversation_id)
    slate = ctx.stores.journal.shown(ctx.user_id, ctx.conversation_id)
    if slate is None or asked["listener"]["ui_language"] == ctx.lang:
        return ctx.reasons
    kept = {name: value for name, value in asked.items() if name in Request.model_fields}
    listener, history = asked["listener"] | {"ui_language": ctx.lang}, ctx.stores.events.history(ctx.user_id)
    request = Request.model_validate(kept | {"listener": listener, "history": history})
    catalogue, texts = ctx.engine.catalogue, ctx.engine.texts
    reading = read(request, catalogue, ctx.engine.pipeline.models)
    cards = [card for card in slate.cards if card.candidate.item_id in catalogue.row]
    return {card.candidate.item_id: retold(reading, card, texts) for card in cards}


def _record(ctx: TurnContext, item: Item) -> dict[str, Any]:
    """What a reply may say about an item, in the user's language."""
    words = ctx.engine.catalogue.words
    return {
        "title": title_in(item, ctx.lang),
        "author": item.author or "",
        "narrator": item.narrator or "",
        "format": say(ctx, f"format.{item.format}"),
        "category": words.taxonomy.label(item.category, ctx.lang),
        "moods": joined((words.moods.label(mood, ctx.lang).lower() for mood in item.moods), ctx.lang),
        "length": duration(item.sitting_minutes, ctx.lang),
        "episodes": item.episodes if item.episodic else 1,
        "status": say(ctx, f"status.{item.status}"),
        "language": language_name(item.language, ctx.lang),
        "year": item.year or 0,
        "price": item.price if item.access == "paid" else 0,
        "rating": f"{item.rating:.1f}" if item.ratings_count else "",
        "series": item.series or "",
        "description": item.description,
    }


def _for_model(ctx: TurnContext, item: Item) -> str:
    """The record as the model reads it: quoted text of the catalogue, no instruction."""
    known = {key: value for key, value in _record(ctx, item).items() if value}
    return "; ".join(f"{key}: {value}" for key, value in known.items())
