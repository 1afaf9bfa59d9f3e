"""Looking at what is remembered and taking it back."""

from __future__ import annotations

import re
from typing import Literal

from langchain.tools import ToolRuntime
from langchain_core.messages import AIMessage
from langchain_core.tools import tool

from db.pbox import Applied, Undone
from recommend.effects import TASTES
from recommend.pbox import Dimension, Factor
from recommend.request import UiLanguage
from tools.blocking import blocks_mood
from tools.changing import box, clear, plain, reached, say
from tools.context import Done, Fact, TurnContext
from tools.words import phrased_entries, taken_back

Resettable = Literal["interest", "avoidance", "mood", "form", "payment", "freshness", "exploration", "authority", "all"]
_TAKING_BACK = re.compile(
    r"\b(?:undo|revert|restore|cancel|scratch|scrap|remove|go back|back to|(?:take|put|turn|set)\b.{0,20}\bback|"
    r"never ?mind|forget)\b|[撤退收]回|撤销|取消|恢复|还原|回退|回到|改回|反悔|作废|不算|算了|当我没说",
    re.IGNORECASE,
)
"""Words that speak of undoing what was done, whenever it was."""


@tool
def undo_last_change(runtime: ToolRuntime[TurnContext]) -> str:
    """Take back the last change: "undo that", "go back", 撤销."""
    ctx = runtime.context
    corrected = _last_turn(ctx) if _corrects(runtime) else None
    undone = ctx.stores.pbox.undo(ctx.user_id, ctx.now, but=ctx.turn_id, only=corrected)
    if not any(undone) and corrected is not None:
        return "the last turn had changed nothing; go on with the new wish"
    if not any(undone):
        return _nothing(ctx, "undo_last_change", "nothing_to_undo")
    ctx.outcome.undone.extend(undone.changes)
    ctx.outcome.given_back.extend(undone.item_ids)
    ctx.outcome.refresh = True
    text = say(ctx, "step.undone", what=_taken_back(ctx, undone, ctx.lang))
    ctx.outcome.done.append(Done(tool="undo_last_change", text=text))
    return f"taken back: {_taken_back(ctx, undone, 'en')}"


@tool
def reset_preferences(dimension: Resettable, runtime: ToolRuntime[TurnContext]) -> str:
    """Forget one side of the taste ("forget my moods" is mood) or everything ("start over" is all)."""
    ctx = runtime.context
    which = dimension if dimension == "all" else Dimension(dimension)
    gone = [*ctx.stores.pbox.reset(ctx.user_id, which, ctx.turn_id, ctx.now), *_forgotten_beside(ctx, dimension)]
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


def _corrects(runtime: ToolRuntime[TurnContext]) -> bool:
    """Whether the undo only makes way for what was meant ("no, the other Mitchell") and nobody spoke of undoing."""
    answers = [m for m in runtime.state.get("messages", ()) if isinstance(m, AIMessage) and m.tool_calls]
    return bool(answers) and len(answers[-1].tool_calls) > 1 and not _TAKING_BACK.search(runtime.context.said)


def _last_turn(ctx: TurnContext) -> str:
    """The id of the turn before this one: the one that a correction is about; "" for none."""
    turns = ctx.stores.journal.turns(ctx.user_id, ctx.conversation_id, 1)
    return turns[-1].id if turns else ""


def _forgotten_beside(ctx: TurnContext, dimension: Resettable) -> tuple[Applied, ...]:
    """What a listener counts to a side of the taste though it is kept elsewhere.

    What they do not want is also what they want less of; their moods are also those that they never want.
    """
    pbox = reached(ctx, "lasting")
    match dimension:
        case "avoidance":
            found = [entry for entry in pbox.entries if entry.factor in TASTES and entry.value < 0]
        case "mood":
            found = [e for block in pbox.of(Factor.BLOCK) if blocks_mood(ctx, block) for e in pbox.of_one_wish(block)]
        case _:
            found = []
    changes = [clear(entry.factor, entry.key, entry.said) for entry in found]
    return ctx.stores.pbox.change(ctx.user_id, ctx.turn_id, changes, source=ctx.source, now=ctx.now) if changes else ()


def _taken_back(ctx: TurnContext, undone: Undone, lang: UiLanguage) -> str:
    return taken_back(undone.changes, undone.item_ids, ctx.engine.texts, ctx.engine.catalogue, lang)


def _nothing(ctx: TurnContext, tool_name: str, kind: str, **values: str) -> str:
    ctx.outcome.facts.append(Fact(kind=kind, values=values))
    text = say(ctx, f"fact.{kind}", **values)
    ctx.outcome.done.append(Done(tool=tool_name, text=text))
    return text
