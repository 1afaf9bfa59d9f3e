"""What someone never wants to see, and taking that back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from langchain.tools import ToolRuntime
from langchain_core.tools import tool

from catalog.spelling import form
from db.pbox import Change
from recommend.pbox import Entry, Factor
from tools.blocking import blocking_keys, blocks_named, category_left, sparing, taken
from tools.changing import box, clear, reached, say, scope_of, write
from tools.context import Done, Duration, Fact, TurnContext
from tools.items import find_item
from tools.linking import spoken
from tools.taste import Lasts
from tools.words import block_of

Blockable = Literal["category", "author", "narrator", "series", "tag", "item"]


@tool
def block_content(kind: Blockable, name: str, runtime: ToolRuntime[TurnContext], duration: Lasts = None) -> str:
    """Never show it: "no horror" (category), "nothing scary", "不要恐怖的" (tag), a person, a series, one item."""
    ctx, said = runtime.context, spoken(name)
    if kind == "item":
        lasts = {"duration": duration} if duration else {}
        item = find_item(ctx, "block_content", said, kind="item", **lasts)
        keys: tuple[str, ...] = (f"item:{item.id}",)
        said = item.title
    else:
        keys, undone = sparing(ctx, blocking_keys(ctx, kind, said), said)
        if undone:
            ctx.outcome.facts.append(Fact(kind="spared", values={"name": said, "wish": undone}))
        if not keys:
            ctx.outcome.done.append(Done(tool="block_content", text=say(ctx, "fact.spared", name=said, wish=undone)))
            return f"{said!r} was not blocked: here it is the same as the wish for {undone!r}"
        ctx.outcome.facts.extend(_extent(ctx, kind, said, keys) if not undone else ())
    changes = _unwished(ctx, keys, duration)
    changes += [
        Change(factor=Factor.BLOCK, key=key, op="set", value=1.0, hard=True, scope=scope_of(duration), said=said)
        for key in keys
    ]
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
    found = blocks_named(ctx, reached(ctx, "lasting"), keys, said)
    pbox = box(ctx)
    found = found or _disliked(pbox.of(Factor.CATEGORY) + pbox.of(Factor.ENTITY), keys, said)
    if not found:
        ctx.outcome.facts.append(Fact(kind="not_blocked", values={"name": said}))
        ctx.outcome.done.append(Done(tool="unblock_content", text=say(ctx, "fact.not_blocked", name=said)))
        return f"{said!r} is not blocked; nothing had to be changed"
    return write(ctx, "unblock_content", [clear(entry.factor, entry.key, entry.said) for entry in found])


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
    """Blocking a thing takes back a wish for that very thing, for as long; else the two could not both be met."""
    return [
        clear(entry.factor, entry.key, entry.said, duration)
        for entry in reached(ctx, duration).entries
        if entry.value > 0 and block_of(entry.factor, entry.key) in keys
    ]


def _disliked(entries: tuple[Entry, ...], keys: tuple[str, ...], said: str) -> list[Entry]:
    """Negative likings of the same thing or in the same words, where nothing is blocked."""
    same = [e for e in entries if e.key in keys or f"category:{e.key}" in keys or form(e.said) == form(said)]
    return [e for e in same if e.value < 0]
