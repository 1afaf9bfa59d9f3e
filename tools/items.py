"""Which item "2", "last", "this" or a title means: the list on the screen first, then the catalogue."""

from __future__ import annotations

import re

from rapidfuzz import fuzz, process

from catalog.items import Item
from catalog.spelling import plain
from tools.context import Done, Missed, Option, ToolRetry, TurnContext

TITLE_SCORE = 80.0
"""Likeness (0..100) from which a spoken title is one of those shown."""
NEAREST = 3
LAST = frozenset({"last", "last one", "the last one", "最后一个", "最后"})
THIS = frozenset({"this", "this one", "it", "that", "that one", "这个", "那个", "它"})
_PLACE = re.compile(r"^(?:#|no\.?\s*|number\s*|第)?\s*(\d{1,2})(?:\.|st|nd|rd|th|个|部|本|条)?$")


def find_item(ctx: TurnContext, tool: str, reference: str) -> Item:
    """The item that a reference means. Where there is none, the user gets the nearest titles, the model a ToolRetry."""
    said = reference.strip()
    item = _by_place(ctx, said) or _by_title(ctx, said)
    if item is None:
        raise ToolRetry(missed(ctx, tool, said))
    ctx.outcome.about = item.id
    return item


def missed(ctx: TurnContext, tool: str, said: str) -> str:
    """Notes a reference that leads nowhere, with tappable titles. Returns what to tell the model."""
    near = nearest(ctx, said)
    ctx.outcome.missed.append(Missed(said=said, nearest=tuple(item.title for item in near)))
    ctx.outcome.options.extend(Option(text=item.title, calls=(call("item_details", item=item.title),)) for item in near)
    text = ctx.engine.texts.say("replies.step.missed", ctx.lang, said=said)
    ctx.outcome.done.append(Done(tool=tool, text=text, ok=False))
    if said.casefold() in THIS or _PLACE.match(said) or said.casefold() in LAST:
        places = f'"1" to "{len(ctx.shown)}"' if ctx.shown else "no place, for no list is shown"
        return f"there is no item {said!r}; allowed is {places}, or a title. Ask which one is meant."
    titles = ", ".join(repr(item.title) for item in near) or "nothing like it"
    return f"no item is called {said!r}; nearest: {titles}. Call again with one of these, or say that it is not here."


def nearest(ctx: TurnContext, said: str, most: int = NEAREST) -> list[Item]:
    """Items whose titles come nearest to a spoken one; those on the screen when it is a place that does not exist."""
    catalogue = ctx.engine.catalogue
    if said.casefold() in THIS | LAST or _PLACE.match(said):
        return [catalogue.item(item_id) for item_id in ctx.shown[:most] if item_id in catalogue.row]
    found = ctx.engine.resolver.candidates("item", said, most)
    return [catalogue.item(match.key) for match in found if match.key in catalogue.row]


def call(name: str, **args: object) -> dict[str, object]:
    """A tool call as options carry it."""
    return {"name": name, "args": args}


def _by_place(ctx: TurnContext, said: str) -> Item | None:
    word = said.casefold()
    if word in THIS:
        chosen = ctx.about or ctx.outcome.about or (ctx.shown[0] if len(ctx.shown) == 1 else None)
    elif word in LAST:
        chosen = ctx.shown[-1] if ctx.shown else None
    elif place := _PLACE.match(word):
        number = int(place.group(1))
        chosen = ctx.shown[number - 1] if 1 <= number <= len(ctx.shown) else None
    else:
        chosen = None
    return ctx.engine.catalogue.item(chosen) if chosen in ctx.engine.catalogue.row else None


def _by_title(ctx: TurnContext, said: str) -> Item | None:
    if not said or said.casefold() in THIS | LAST:
        return None
    catalogue = ctx.engine.catalogue
    shown = {
        (item_id, title): plain(title)
        for item_id in ctx.shown
        if item_id in catalogue.row
        for title in (catalogue.item(item_id).title, catalogue.item(item_id).title_alt)
        if title
    }
    best = process.extractOne(plain(said), shown, scorer=fuzz.WRatio, score_cutoff=TITLE_SCORE) if plain(said) else None
    if best:
        return catalogue.item(best[2][0])
    match = ctx.engine.resolver.resolve("item", said, lang=ctx.lang)
    return catalogue.item(match.key) if match and match.how in ("exact", "fuzzy") else None
