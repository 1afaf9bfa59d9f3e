"""Looking at what is remembered and taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from langchain.tools import ToolRuntime
from langchain_core.tools import tool

from db.pbox import Undone
from recommend.pbox import Dimension, Factor
from recommend.request import UiLanguage
from tools.changing import box, plain, say
from tools.context import Done, Fact, TurnContext
from tools.words import as_made, joined, name_of, phrased, phrased_entries

Resettable = Literal["interest", "avoidance", "mood", "form", "payment", "freshness", "exploration", "authority", "all"]


@tool
def undo_last_change(runtime: ToolRuntime[TurnContext]) -> str:
    """Take back the last change: "undo that", "go back", 撤销."""
    ctx = runtime.context
    undone = ctx.stores.pbox.undo(ctx.user_id, ctx.now, but=ctx.turn_id)
    if not any(undone):
        return _nothing(ctx, "undo_last_change", "nothing_to_undo")
    ctx.outcome.undone.extend(undone.changes)
    ctx.outcome.given_back.extend(undone.item_ids)
    ctx.outcome.refresh = True
    if undone.item_ids:
        what = _feedback_on(ctx, undone.item_ids, ctx.lang)
        ctx.outcome.facts.append(Fact(kind="feedback_undone", values={"what": what}))
    text = say(ctx, "step.undone", what=_taken_back(ctx, undone, ctx.lang))
    ctx.outcome.done.append(Done(tool="undo_last_change", text=text))
    return f"taken back: {_taken_back(ctx, undone, 'en')}"


@tool
def reset_preferences(dimension: Resettable, runtime: ToolRuntime[TurnContext]) -> str:
    """Forget one side of the taste ("forget my moods" is mood) or everything ("start over" is all)."""
    ctx = runtime.context
    which = dimension if dimension == "all" else Dimension(dimension)
    gone = ctx.stores.pbox.reset(ctx.user_id, which, ctx.turn_id, ctx.now)
    what = say(ctx, f"dimension.{dimension}")
    if not gone:
        return _nothing(ctx, "reset_preferences", "nothing_set", what=what)
    ctx.outcome.changes.extend(gone)
    ctx.outcome.refresh = True
    ctx.outcome.facts.append(Fact(kind="reset", values={"what": what}))
    text = say(ctx, "fact.reset", what=what)
    ctx.outcome.done.append(Done(tool="reset_preferences", text=text, changes=tuple(gone)))
    return f"forgotten: {plain(ctx, gone)}"


@tool
def show_preferences(runtime: ToolRuntime[TurnContext]) -> str:
    """Tell what is remembered about the user: "what do you know about me?"."""
    ctx = runtime.context
    entries = box(ctx).entries
    if not entries:
        return _nothing(ctx, "show_preferences", "no_preferences")
    engine = ctx.engine
    own = phrased_entries(entries, engine.texts, engine.catalogue, ctx.lang)
    ctx.outcome.facts.append(Fact(kind="preferences", values={"what": own}))
    ctx.outcome.done.append(Done(tool="show_preferences", text=say(ctx, "step.preferences", n=len(entries))))
    return phrased_entries(entries, engine.texts, engine.catalogue, "en")


def _taken_back(ctx: TurnContext, undone: Undone, lang: UiLanguage) -> str:
    told = [phrased(as_made(undone.changes), ctx.engine.texts, ctx.engine.catalogue, lang)] if undone.changes else []
    told += [_feedback_on(ctx, undone.item_ids, lang)] if undone.item_ids else []
    return joined(told, lang)


def _feedback_on(ctx: TurnContext, item_ids: Sequence[str], lang: UiLanguage) -> str:
    names = (name_of(Factor.BLOCK, f"item:{item_id}", "", ctx.engine.catalogue, lang) for item_id in item_ids)
    return ctx.engine.texts.say("replies.feedback_on", lang, what=joined(names, lang))


def _nothing(ctx: TurnContext, tool_name: str, kind: str, **values: str) -> str:
    ctx.outcome.facts.append(Fact(kind=kind, values=values))
    text = say(ctx, f"fact.{kind}", **values)
    ctx.outcome.done.append(Done(tool=tool_name, text=text))
    return text
