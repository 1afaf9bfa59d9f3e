"""What someone did with an item, which also teaches a little taste; and the question asked when a wish is too vague."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from langchain.tools import ToolRuntime
from langchain_core.tools import tool
from pydantic import Field

from catalog.items import Item
from catalog.spelling import people_in, wrote_original
from db.pbox import Change
from recommend.effects import SPOKEN
from recommend.pbox import Factor, PBox
from tools.changing import blocked, lasting_box, phrases, reached, say, taken_back, write
from tools.context import Done, Fact, ToolRetry, Topic, TurnContext
from tools.items import find_item
from tools.linking import spoken
from tools.options import options_for

Signal = Literal["like", "dislike", "skip", "play", "save", "finished", "rating"]

NUDGE = 0.15
"""How far one item that is liked moves its category and its author."""
GOOD, BAD = 4, 2
"""Stars from which, and up to which, a rating counts as liking or disliking."""
LOOKED_AT = 200
"""So many events back an item's last feedback is looked for."""
UNWANTED = frozenset({"dislike", "skip"})
DONE_WITH = UNWANTED | {"finished"}
"""Signals after which an item leaves the list."""
_AND = re.compile(r"&|\band\b")


@tool
def record_feedback(
    item: str,
    signal: Signal,
    runtime: ToolRuntime[TurnContext],
    rating: Annotated[int | None, Field(ge=1, le=5)] = None,
) -> str:
    """Feedback on an item: like, dislike, skip, play, save, finished (already heard), or rating with its stars."""
    ctx = runtime.context
    stars = rating if signal == "rating" else None
    if signal == "rating" and stars is None:
        raise ToolRetry("signal is rating but rating is missing; give 1 to 5 stars, or use like or dislike")
    given = {"signal": signal} | ({"rating": stars} if stars else {})
    found = find_item(ctx, "record_feedback", spoken(item), **given)
    if not ctx.stores.users.get(ctx.user_id).consent:
        return _without_consent(ctx, found, signal)
    direction = _direction(signal, stars)
    again = _said_before(ctx, found, signal)
    ctx.stores.events.log(ctx.user_id, found.id, signal, ctx.now, value=stars, turn_id=ctx.turn_id)
    if signal in DONE_WITH or (stars is not None and stars <= BAD):
        _gone(ctx, found)
    if direction > 0:
        _shown_again(ctx, found)
    learnt = "" if again else _learn(ctx, found, direction)
    values = {"title": found.title} | ({"stars": stars} if stars else {})
    ctx.outcome.facts.append(Fact(kind=f"feedback_{signal}", values=values))
    if learnt:
        ctx.outcome.facts.append(Fact(kind="learnt", values={"what": learnt}))
    ctx.outcome.done.append(Done(tool="record_feedback", text=say(ctx, f"step.{signal}", **values)))
    return f"{signal} of {found.title!r} recorded"


@tool
def ask_clarification(about: Topic, runtime: ToolRuntime[TurnContext]) -> str:
    """Ask back when a wish is too vague to act on and nothing on the screen resolves it."""
    ctx = runtime.context
    engine = ctx.engine
    ctx.outcome.asked = about
    ctx.outcome.options.extend(options_for(about, ctx.shown, engine.catalogue, engine.texts, ctx.lang))
    ctx.outcome.done.append(Done(tool="ask_clarification", text=say(ctx, "step.ask")))
    return f"the user is asked, with {len(ctx.outcome.options)} answers to tap: {say(ctx, f'ask.{about}')}"


def _gone(ctx: TurnContext, item: Item) -> None:
    ctx.outcome.refresh = True
    ctx.outcome.unwanted.append(item.id)


def _said_before(ctx: TurnContext, item: Item, signal: Signal) -> bool:
    """Whether the last like or dislike of an item is this one: said twice it teaches nothing more."""
    events = ctx.stores.events.history(ctx.user_id, LOOKED_AT).events
    given = [event.kind for event in events if event.item_id == item.id and event.kind in ("like", "dislike")]
    return given[-1:] == [signal]


def _shown_again(ctx: TurnContext, item: Item) -> None:
    """Who likes an item no longer wants it hidden."""
    block = reached(ctx, "lasting").entry(Factor.BLOCK, f"item:{item.id}")
    if block:
        write(ctx, "record_feedback", [taken_back(block)])


def _direction(signal: Signal, stars: int | None) -> int:
    if stars is not None:
        return 1 if stars >= GOOD else -1 if stars <= BAD else 0
    return {"like": 1, "dislike": -1}.get(signal, 0)


def nudge(pbox: PBox, factor: Factor, key: str, direction: int) -> list[Change]:
    """What feedback on an item teaches about one of its traits: a small step up or down.

    It never takes away what the listener has said: of a wish that it speaks against, NUDGE is left.
    """
    entry, step = pbox.entry(factor, key), NUDGE
    if entry and entry.source in SPOKEN and entry.value * direction < 0:
        step = min(NUDGE, round(abs(entry.value) - NUDGE, 6))
    return [Change(factor=factor, key=key, op="add", value=direction * step)] if step > 0 else []


def _learn(ctx: TurnContext, item: Item, direction: int) -> str:
    """Moves the item's category and author (or host) a little. Returns what was learnt, in words."""
    if direction == 0:
        return ""
    pbox = lasting_box(ctx)
    changes = nudge(pbox, Factor.CATEGORY, item.category, direction)
    kind, names = ("author", item.author) if item.author else ("narrator", item.narrator)
    if names:
        changes += nudge(pbox, Factor.ENTITY, f"{kind}:{_maker(names)}", direction)
    applied = ctx.stores.pbox.change(
        ctx.user_id, ctx.turn_id, changes, source="feedback", session_id=ctx.conversation_id, now=ctx.now
    )
    ctx.outcome.changes.extend(applied)
    return phrases(ctx, applied)


def _maker(names: str) -> str:
    """Whom a work by several people is credited to: who wrote the original (原著) of it, else who is named first."""
    whole, *people = people_in(names)
    if not people:
        return whole
    if original := wrote_original(names):
        return original
    first, last = people[0], people[-1]
    # "Jacob and Wilhelm Grimm": a first name says nothing without the surname that follows.
    shared = _AND.search(names) and first.isascii() and " " not in first and " " in last
    return whole if shared else first


def hidden(item: Item) -> Change:
    """What hides an unwanted item where no feedback may be kept: that is a wish, and no record of listening."""
    return blocked(f"item:{item.id}", item.title)


def _without_consent(ctx: TurnContext, item: Item, signal: Signal) -> str:
    """Nothing is kept; an item that is not wanted is still hidden."""
    if signal in UNWANTED:
        applied = ctx.stores.pbox.change(
            ctx.user_id, ctx.turn_id, [hidden(item)], source=ctx.source, session_id=ctx.conversation_id, now=ctx.now
        )
        ctx.outcome.changes.extend(applied)
        _gone(ctx, item)
    ctx.outcome.facts.append(Fact(kind="no_consent"))
    ctx.outcome.done.append(Done(tool="record_feedback", text=say(ctx, "fact.no_consent")))
    return "nothing was recorded, because the user has not agreed to it"
