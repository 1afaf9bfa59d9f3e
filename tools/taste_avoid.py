"""What someone never wants to see, and taking that back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from langchain.tools import ToolRuntime
from langchain_core.tools import tool

from catalog.spelling import form
from db.pbox import Change
from recommend.effects import TASTES
from recommend.pbox import Entry, PBox
from tools.blocking import blocking_keys, blocks_named, category_left, sparing, taken, takes_all
from tools.changing import blocked, box, clear, reached, said_duration, say, scope_of, taken_back, write
from tools.context import Done, Duration, Fact, TurnContext
from tools.forgetting import nothing_to_forget, wishes_forgotten
from tools.giving_way import excepted, narrowed, widened
from tools.items import find_item
from tools.linking import spoken
from tools.taste import Lasts
from tools.voices import is_unmarked_voice, unmarked_voice
from tools.words import block_of

Blockable = Literal["category", "author", "narrator", "series", "tag", "item"]


@tool
def block_content(kind: Blockable, name: str, runtime: ToolRuntime[TurnContext], duration: Lasts = None) -> str:
    """Never show it: "no horror" (category), "nothing scary", "不要恐怖的" (tag), a person, a series, one item."""
    ctx, said = runtime.context, spoken(name)
    if is_unmarked_voice(ctx, said):
        return unmarked_voice(ctx, "block_content")
    if kind == "item":
        lasts = {"duration": duration} if duration else {}
        item = find_item(ctx, "block_content", said, kind="item", **lasts)
        keys: tuple[str, ...] = (f"item:{item.id}",)
        said = item.title
    else:
        keys = blocking_keys(ctx, kind, said)
        if forgotten := wishes_forgotten(ctx, keys, said):
            return write(ctx, "block_content", list(map(taken_back, forgotten)))
        if nothing_to_forget(ctx, said):
            return f"nothing is remembered about {said!r}; nothing was blocked"
        if excepted(ctx, keys):
            return write(ctx, "block_content", narrowed(ctx, reached(ctx, duration), keys[0], duration))
        keys, facts = sparing(ctx, keys, said)
        ctx.outcome.facts.extend(facts or _extent(ctx, kind, said, keys))
        if not keys:
            text = say(ctx, "fact.spared", **facts[0].values)
            ctx.outcome.done.append(Done(tool="block_content", text=text))
            return f"{said!r} was not blocked: {text}"
    if kind != "item" and (wider := widened(reached(ctx, duration), keys, duration)):
        return write(ctx, "block_content", [*_unwished(ctx, keys, duration), *wider])
    changes = _unwished(ctx, keys, duration)
    changes += [blocked(key, said, scope_of(duration)) for key in keys]
    return write(ctx, "block_content", changes, lasting=duration == "lasting")


@tool
def unblock_content(kind: Blockable, name: str, runtime: ToolRuntime[TurnContext]) -> str:
    """Take a block back: "horror is fine again", "you can show Stephen King again"."""
    ctx, said = runtime.context, spoken(name)
    if kind == "item":
        item = find_item(ctx, "unblock_content", said, kind="item")
        keys: tuple[str, ...] = (f"item:{item.id}",)
    else:
        keys = blocking_keys(ctx, kind, said)
    duration = said_duration(ctx)
    held = reached(ctx, duration or "lasting")
    if found := blocks_named(ctx, held, keys, said) or _disliked(box(ctx), keys, said):
        for_now = [clear(entry.factor, entry.key, entry.said, duration) for entry in found]
        return write(ctx, "unblock_content", for_now if duration else list(map(taken_back, found)))
    changes = narrowed(ctx, held, keys[0], duration)
    if not changes:
        ctx.outcome.facts.append(Fact(kind="not_blocked", values={"name": said}))
        ctx.outcome.done.append(Done(tool="unblock_content", text=say(ctx, "fact.not_blocked", name=said)))
        return f"{said!r} is not blocked; nothing had to be changed"
    return write(ctx, "unblock_content", changes)


def _extent(ctx: TurnContext, kind: Blockable, said: str, keys: tuple[str, ...]) -> Iterator[Fact]:
    """What a listener would not expect of a block: that nothing is marked so, or that most of a category stays."""
    if kind not in ("category", "tag"):
        return
    gone = taken(ctx, keys)
    if not gone.any():
        yield Fact(kind="none_marked", values={"name": said})
    if category := category_left(ctx, said, gone):
        yield Fact(kind="category_left", values={"category": category})


def _unwished(ctx: TurnContext, keys: tuple[str, ...], duration: Duration | None) -> list[Change]:
    """Blocking a thing takes back an earlier wish for just that, for as long; else the two could not both be met."""
    wishes = [entry for entry in reached(ctx, duration).entries if entry.value > 0 and entry.factor in TASTES]
    return [
        clear(entry.factor, entry.key, entry.said, duration)
        for entry in wishes
        if (key := block_of(entry.factor, entry.key)) and (key in keys or takes_all(ctx, keys, key))
    ]


def _disliked(pbox: PBox, keys: tuple[str, ...], said: str) -> list[Entry]:
    """Negative likings of the same thing or in the same words, where nothing is blocked."""
    entries = [entry for entry in pbox.entries if entry.factor in TASTES and entry.value < 0]
    return [e for e in entries if block_of(e.factor, e.key) in keys or form(e.said) == form(said)]
