"""The one door through which tools write the PBox: in one transaction, noted in the turn's outcome."""

from __future__ import annotations

import re
from collections.abc import Sequence

from db.pbox import Applied, Change
from recommend.pbox import Entry, Factor, PBox, Scope
from tools.context import Done, Duration, TurnContext
from tools.words import phrased

FADING_DAYS = 3.0
"""Half-life of a mood or a scene that is just said: "something funny" is about these days, not about the person."""
LASTING_DAYS = 365.0
"""Half-life of a mood or scene that the user wants "from now on"."""
FADING = frozenset({Factor.MOOD, Factor.SCENE})
_FOR_NOW = re.compile(
    r"\b(?:tonight|(?<!from )(?<!starting )(?<!as of )today(?! (?:on|onwards?)\b)|for now|just (?:this once|now)|"
    r"this (?:time|once|evening|morning|afternoon))\b|"
    r"今[晚夜早]|(?<!从)(?<!打)今天(?!起|开始|以后|往后|又)|这次|这回|这一次|暂时|眼下|这会儿",
    re.IGNORECASE,
)


def scope_of(duration: Duration | None) -> Scope:
    """A wish lasts unless it was said to be for now; moods and scenes fade within days."""
    return duration or "lasting"


def said_duration(ctx: TurnContext) -> Duration | None:
    """How long a setting is to hold whose tool takes no duration: as long as the words of the turn say."""
    return "session" if _FOR_NOW.search(ctx.said) else None


def half_life(factor: Factor, duration: Duration | None) -> float | None:
    """Days after which a wish is half as strong; None leaves it to the store."""
    if factor not in FADING:
        return None
    return LASTING_DAYS if duration == "lasting" else FADING_DAYS


def write(ctx: TurnContext, tool: str, changes: Sequence[Change], *, lasting: bool = False) -> str:
    """Write changes of the turn's user, note what came of it, ask for a new list. Returns what to tell the model."""
    applied = ctx.stores.pbox.change(
        ctx.user_id, ctx.turn_id, changes, source=ctx.source, session_id=ctx.conversation_id, now=ctx.now
    )
    kept = tuple(change for change in applied if not (change.before is None and change.after is None))
    ctx.outcome.changes.extend(kept)
    if lasting:
        ctx.outcome.lasting.update(change.id for change in kept)
    ctx.outcome.refresh = True
    note(ctx, tool, kept)
    return plain(ctx, kept) or "nothing had to be changed"


def note(ctx: TurnContext, tool: str, changes: Sequence[Applied]) -> None:
    """Show a tool step that changed something, or found it changed already."""
    text = phrases(ctx, changes) or say(ctx, "step.nothing")
    ctx.outcome.done.append(Done(tool=tool, text=text, changes=tuple(changes)))


def phrases(ctx: TurnContext, changes: Sequence[Applied]) -> str:
    """The changes in the user's language, each phrase once."""
    return phrased(changes, ctx.engine.texts, ctx.engine.catalogue, ctx.lang)


def plain(ctx: TurnContext, changes: Sequence[Applied]) -> str:
    """The changes in English, for the model."""
    return phrased(changes, ctx.engine.texts, ctx.engine.catalogue, "en")


def say(ctx: TurnContext, name: str, /, **values: object) -> str:
    """A text of the group `replies` in the user's language."""
    return ctx.engine.texts.say(f"replies.{name}", ctx.lang, **values)


def box(ctx: TurnContext) -> PBox:
    """The user's parameters as they are now."""
    return ctx.stores.pbox.load(ctx.user_id, ctx.now, ctx.conversation_id)


def lasting_box(ctx: TurnContext) -> PBox:
    """The user's parameters without what is said for this conversation only."""
    return ctx.stores.pbox.load(ctx.user_id, ctx.now, session_id="")


def taken_back(entry: Entry) -> Change:
    """The change that takes an entry away: what was said for the session ends, and what lasts shows again."""
    op = "end" if entry.scope == "session" else "clear"
    return Change(factor=entry.factor, key=entry.key, op=op, said=entry.said, scope=entry.scope)


def blocked(key: str, said: str, scope: Scope = "lasting") -> Change:
    """The change that blocks what a key stands for, in the words that it was said with."""
    return Change(factor=Factor.BLOCK, key=key, op="set", value=1.0, hard=True, scope=scope, said=said)


def removed(entry: Entry) -> list[Change]:
    """What removing a row of the panel changes: a block for the session also gives the likings back that it hid."""
    hidden = []
    if entry.factor == Factor.BLOCK and entry.scope == "session":
        kind, _, name = entry.key.partition(":")
        hidden = [(Factor.CATEGORY, name)] if kind == "category" else [(Factor.ENTITY, entry.key)]
        hidden += [(Factor.MOOD, name)] if kind == "tag" else []
    given_back = [Change(factor=factor, key=key, op="end", scope="session") for factor, key in hidden]
    return [taken_back(entry), *given_back]


def reached(ctx: TurnContext, duration: Duration | None) -> PBox:
    """The parameters that a wish has to reckon with: for a lasting one also those that are hidden for the session."""
    now = box(ctx)
    if scope_of(duration) == "session":
        return now
    hidden = tuple(entry for entry in lasting_box(ctx).entries if entry not in now.entries)
    return now.model_copy(update={"entries": now.entries + hidden})


def clear(factor: Factor, key: str = "", said: str = "", duration: Duration | None = None) -> Change:
    """The change that takes a parameter away, for the session only where the wish is for the session."""
    return Change(factor=factor, key=key, op="clear", said=said, scope=scope_of(duration))
