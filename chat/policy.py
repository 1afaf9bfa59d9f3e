"""From a reading to what the conversation does: act, act and ask "did you mean", ask, or just chat.

A wrong change costs the listener an undo, a needless question costs a turn, and a dead end costs the listener:
so a sure reading acts, a half-sure one acts visibly, and an unsure one becomes a search with the listener's own
words, to which the conversation adds one question with tappable answers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from chat.llm.context import Context, clip
from chat.llm.understanding import Call, Parse
from chat.tongues import corrected

Mode = Literal["act", "confirm", "ask", "chat"]
Share = Annotated[float, Field(ge=0, le=1)]

QUERY_COST = 60.0
"""Longest search in the cost of `clip`: about 240 Latin letters or 60 Chinese characters."""

_READ_ONLY = frozenset(
    {
        "recommend",
        "search_catalog",
        "find_similar",
        "get_trending",
        "item_details",
        "compare_items",
        "explain_recommendation",
        "show_preferences",
        "discover_interests",
        "ask_clarification",
    }
)
_HELLOS = frozenset(
    "hi|hello|hey|hi there|hello there|hey there|good morning|good evening|你好|您好|嗨|哈喽|早|早上好|晚上好".split(
        "|"
    )
)
_THANKS = frozenset(
    "good night|goodnight|thanks|thank you|thx|ty|cheers|thanks a lot|thank you so much|many thanks|bye|goodbye|"
    "see you|cool thanks|great thanks|ok thanks|晚安|谢谢|谢谢你|谢啦|多谢|谢了|感谢|再见|拜拜|好的谢谢".split("|")
)
_THANKING = re.compile(r"\b(?:thanks|thank you|thx|cheers|goodnight|good night|bye)\b|谢|晚安|再见|拜拜", re.IGNORECASE)
_UNDO = frozenset("undo|undo that|undo it|undo last change|撤销|撤销一下|撤回|撤销刚才的".split("|"))
_UNDO_ALL = frozenset(
    "undo everything|undo all|undo it all|undo all of it|undo all changes|全部撤销|全撤销|全都撤销|都撤销|撤销全部|"
    "撤销所有|全部撤回|撤回全部|全部取消".split("|")
)
_MORE = frozenset(
    "more|next|more please|next please|show more|show me more|"
    "再来|再来点|再来一批|再来一些|换一批|下一批|更多|还有吗".split("|")
)
_AFRESH = re.compile(
    r"\b(?:recommend|suggest|whatever|anything|decide|choose|pick|dealer|what (?:should|shall|can) i\b)|"
    "推荐|随便|随意|随机|都行|都可以|无所谓|你[选定挑]|[帮替给]我[选挑]|[剧书]荒|听什么|听啥",
    re.IGNORECASE,
)
_FURTHER = re.compile(r"\b(?:more|next|another|others?|else)\b|再|还|换|更多|下一|别的|其他", re.IGNORECASE)
_NUMBER = re.compile(r"(?:no\.? ?|number |#|第)?(\d{1,2})(?:个|号)?", re.ASCII)
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


class Thresholds(BaseModel, frozen=True, extra="forbid"):
    """Where a calibrated confidence (the probability that the whole reading is right) changes what is done."""

    act: Share = 0.5
    """From here on the reading is more likely right than wrong, and a wrong one is one tap on undo away."""
    confirm: Share = 0.3
    """For each call of a reading (its n-th power for n calls): from here on about half of the calls are right, so they
    are made, while the reply doubts and offers undo."""
    look: Share = 0.1
    """A reading that only looks things up harms nobody: shown as "did you mean …" well below `confirm`."""

    @model_validator(mode="after")
    def _in_order(self) -> Thresholds:
        if not self.look <= self.confirm <= self.act:
            raise ValueError(f"look {self.look} <= confirm {self.confirm} <= act {self.act} must hold. Reorder them.")
        return self


class Decision(BaseModel, frozen=True, extra="forbid"):
    """What to call and how to speak about it.

    act: done. confirm: done, the reply says what was understood. ask: only searched, one question follows.
    chat: nothing to do, a short friendly reply.
    """

    calls: tuple[Call, ...]
    mode: Mode


def shortcut(utterance: str, context: Context) -> Decision | None:
    """The decision for a whole utterance that can mean only one thing ("undo", 再来, thanks, "2"), else None."""
    words = _bare(utterance)
    if words in _UNDO:
        return _act("undo_last_change")
    if words in _UNDO_ALL:
        return _act("reset_preferences", dimension="all")
    if context.asked:
        return None
    if words in _HELLOS or words in _THANKS:
        return Decision(calls=(), mode="chat")
    if words in _MORE:
        return _act("recommend")
    number = _NUMBER.fullmatch(unicodedata.normalize("NFKC", utterance).strip().lower())
    if number and 1 <= int(number[1]) <= len(context.shown):
        return _act("item_details", item=str(int(number[1])))
    return None


def courtesy(utterance: str) -> Literal["greeting", "thanks", "chat"]:
    """What words that wish for nothing are: a greeting, thanks or a farewell, or talk about something else."""
    words = _bare(utterance)
    if words in _HELLOS:
        return "greeting"
    return "thanks" if words in _THANKS or _THANKING.search(utterance[:60]) else "chat"


def afresh(utterance: str) -> bool:
    """Whether words that ask for a list leave the choice to us, instead of asking for more of what is shown."""
    return bool(_AFRESH.search(utterance)) and not _FURTHER.search(utterance)


def decide(parse: Parse, utterance: str, context: Context, thresholds: Thresholds | None = None) -> Decision:
    """What to do about `utterance` that was read as `parse`. Every decision leads to an answer."""
    exact = shortcut(utterance, context)
    if exact is not None:
        return exact
    limits, calls = thresholds or Thresholds(), corrected(parse.calls, utterance)
    if parse.confidence >= limits.act:
        return Decision(calls=calls, mode="act" if calls else "chat")
    floor = limits.look if _only_looks(calls) else limits.confirm ** len(calls)
    if calls and parse.confidence >= floor:
        return Decision(calls=calls, mode="confirm")
    return Decision(calls=search_for(utterance), mode="ask")


def _only_looks(calls: Sequence[Call]) -> bool:
    return all(call.name in _READ_ONLY for call in calls)


def search_for(utterance: str) -> tuple[Call, ...]:
    """A search with the listener's words; none where the utterance holds no letter or digit."""
    query = clip(utterance.encode("utf-8", "replace").decode("utf-8"), QUERY_COST)
    if not any(char.isalnum() for char in query):
        return ()
    return (Call(name="search_catalog", args={"query": query}),)


def _act(name: str, **args: str) -> Decision:
    return Decision(calls=(Call(name=name, args=dict(args)),), mode="act")


def _bare(utterance: str) -> str:
    """Lower case, one space, no marks around, so that "Undo that!" and "undo that" are the same."""
    text = unicodedata.normalize("NFKC", utterance[:60]).lower()
    words = " ".join(re.sub(r"[,，、。.!！]+", " ", text).split())
    return _EDGES.sub("", words) if len(utterance) <= 60 else ""
