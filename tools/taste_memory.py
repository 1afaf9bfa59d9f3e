"""Looking at what is remembered and taking it back."""

from __future__ import annotations

from typing import Literal

from langchain.tools import ToolRuntime
from langchain_core.tools import tool

from recommend.pbox import Dimension
from tools.changing import box, phrases, plain, say
from tools.context import Done, Fact, TurnContext
from tools.words import as_made, phrased_entries

Resettable = Literal["interest", "avoidance", "mood", "form", "payment", "freshness", "exploration", "authority", "all"]


@tool
def undo_last_change(runtime: ToolRuntime[TurnContext]) -> str:
    """Take back the last change: "undo that", "go back", 撤销."""
    ctx = runtime.context
    undone = ctx.stores.pbox.undo(ctx.user_id, ctx.now)
    if not undone:
        return _nothing(ctx, "undo_last_change", "nothing_to_undo")
    ctx.outcome.undone.extend(undone)
    ctx.outcome.refresh = True
    text = say(ctx, "step.undone", what=phrases(ctx, as_made(undone)))
    ctx.outcome.done.append(Done(tool="undo_last_change", text=text, changes=tuple(undone)))
    return f"taken back: {plain(ctx, as_made(undone))}"


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


def _nothing(ctx: TurnContext, tool_name: str, kind: str, **values: str) -> str:
    ctx.outcome.facts.append(Fact(kind=kind, values=values))
    text = say(ctx, f"fact.{kind}", **values)
    ctx.outcome.done.append(Done(tool=tool_name, text=text))
    return text
