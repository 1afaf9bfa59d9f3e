"""Looking at what is remembered and taking it back."""

from __future__ import annotations

import re
from typing import Literal

from langchain.tools import ToolRuntime
from langchain_core.messages import AIMessage
from langchain_core.tools import tool

from db.pbox import Applied, Undone
from recommend.effects import TASTES
from recommend.pbox import DIMENSION, Dimension, Entry, Factor
from recommend.reading import HEARD
from recommend.request import UiLanguage
from tools.blocking import blocks_mood
from tools.changing import box, plain, reached, say, taken_back, write
from tools.context import Done, Fact, TurnContext
from tools.forgetting import named_in
from tools.titles import title_in
from tools.words import phrased_entries, titled, undone_in_words

Resettable = Literal["interest", "avoidance", "mood", "form", "payment", "freshness", "exploration", "authority", "all"]
MOST_TITLES = 5
"""So many of the latest titles are named of what somebody liked, saved, heard."""
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
    # What no turn did, as in the panel, is never what a correction is about.
    undone = Undone() if corrected == "" else ctx.stores.pbox.undo(ctx.user_id, ctx.now, ctx.turn_id, corrected)
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
    if named := _named(ctx, dimension):
        return write(ctx, "reset_preferences", list(map(taken_back, named)))
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
    pbox, listened = box(ctx), _listened(ctx)
    if ctx.stores.journal.request(ctx.user_id, ctx.conversation_id).get("children"):
        listened.insert(0, Fact(kind="known_children"))
    if not pbox.entries and not listened:
        return _nothing(ctx, "show_preferences", "no_preferences")
    engine = ctx.engine
    if pbox.entries:
        own = phrased_entries(pbox.entries, engine.texts, engine.catalogue, ctx.lang)
        ctx.outcome.facts.append(Fact(kind="preferences", values={"what": own}))
    ctx.outcome.facts.extend(listened)
    wishes = [entry for entry in pbox.entries if pbox.of_one_wish(entry)[0] == entry]
    ctx.outcome.done.append(Done(tool="show_preferences", text=say(ctx, "step.preferences", n=len(wishes))))
    return phrased_entries(pbox.entries, engine.texts, engine.catalogue, "en")


def _listened(ctx: TurnContext) -> list[Fact]:
    """What the listener did with items, by what they did last: liked, saved, heard."""
    last: dict[str, set[str]] = {}
    for event in ctx.stores.events.history(ctx.user_id).events:
        marks = last.setdefault(event.item_id, set())
        marks -= {"like", "dislike"} if event.kind in ("like", "dislike") else set()
        marks.add("heard" if event.kind in HEARD else event.kind)
    facts = []
    for kind in ("like", "save", "heard", "dislike"):
        ids = [item_id for item_id, marks in last.items() if kind in marks and item_id in ctx.engine.catalogue.row]
        if ids:
            titles = (title_in(ctx.engine.catalogue.item(item_id), ctx.lang) for item_id in ids[-MOST_TITLES:])
            more = len(ids) - MOST_TITLES
            facts.append(Fact(kind=f"known_{kind}", values={"titles": titled(titles, ctx.lang), "more": max(more, 0)}))
    return facts


def _named(ctx: TurnContext, dimension: Resettable) -> list[Entry]:
    """The parameters that the words of the turn name, where they name some of those that a reset would take away."""
    side = [entry for entry in reached(ctx, "lasting").entries if DIMENSION[entry.factor] == dimension]
    named = [entry for entry in named_in(ctx, side) if entry.factor in (*TASTES, Factor.BLOCK)]
    return named if len(named) < len(side) else []


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
    changes = list(map(taken_back, found))
    return ctx.stores.pbox.change(
        ctx.user_id, ctx.turn_id, changes, source=ctx.source, session_id=ctx.conversation_id, now=ctx.now
    )


def _taken_back(ctx: TurnContext, undone: Undone, lang: UiLanguage) -> str:
    return undone_in_words(undone.changes, undone.item_ids, ctx.engine.texts, ctx.engine.catalogue, lang)


def _nothing(ctx: TurnContext, tool_name: str, kind: str, **values: str) -> str:
    ctx.outcome.facts.append(Fact(kind=kind, values=values))
    text = say(ctx, f"fact.{kind}", **values)
    ctx.outcome.done.append(Done(tool=tool_name, text=text))
    return text
