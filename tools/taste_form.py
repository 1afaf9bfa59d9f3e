"""What form it should have: finished or not, length, price, age of the work, variety, fame, language. All absolute."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from langchain.tools import ToolRuntime
from langchain_core.tools import tool
from pydantic import Field

from catalog.languages import codes_by_name
from db.pbox import Change
from recommend.pbox import Entry, Factor
from tools.changing import clear, reached, said_duration, scope_of, write
from tools.context import Fact, ToolRetry, TurnContext
from tools.lengths import between, called
from tools.taste import Lasts

Leaning = Annotated[float | None, Field(ge=-1, le=1)]
Share = Annotated[float | None, Field(ge=0, le=1)]
Minutes = Annotated[int | None, Field(ge=0, le=60_000)]

LANGUAGES = ("en", "zh")
_SOME = r"(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|fifteen|twenty|thirty|fifty|hundred)"
_YEAR = re.compile(
    r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)|\d0后?年代|\b(?:\d0s|(?:\w+ )?century)\b"
    r"|\b(?:last|past|(?:older|newer|less|more) than|within|under|over) (?:the (?:last|past) )?"
    rf"(?:{_SOME} years?|decade)\b"
    r"|(?:最?近|过去|这)[\d一二两三四五六七八九十百]+年",
    re.IGNORECASE,
)
_RATING = re.compile(
    r"\d(?:\.\d)?\s*分|(?<!\d)[1-5](?:\.\d)?\+?\s*(?:stars?\b|星)"
    r"|\b(?:above|over|least) [1-9](?:\.\d)?\b(?!\s*(?:h|min|ep|years?))"
    r"|\b(?:\d(?:\.\d)?|four|five|eight|nine)(?:\s*/\s*| out of )(?:5|10|five|ten)\b",
    re.IGNORECASE,
)


@tool
def set_completion_status(status: Literal["completed", "ongoing", "any"], runtime: ToolRuntime[TurnContext]) -> str:
    """Only finished series ("completed", 完结的), only those still updating ("ongoing"), or "any"."""
    ctx, value = runtime.context, {"completed": 1.0, "ongoing": -1.0, "any": 0.0}[status]
    return write(ctx, "set_completion_status", [_absolute(ctx, Factor.STATUS, value, hard=True, said=status)])


@tool
def set_length(
    runtime: ToolRuntime[TurnContext],
    length: Literal["short", "medium", "long", "any"] | None = None,
    min_minutes: Minutes = None,
    max_minutes: Minutes = None,
    duration: Lasts = None,
) -> str:
    """How long: a word ("something short") or bounds in minutes ("under 30 minutes" is max_minutes=30), not both."""
    ctx = runtime.context
    if min_minutes is not None or max_minutes is not None:
        changes = between(ctx, min_minutes, max_minutes, duration)
    elif length is None:
        raise ToolRetry('no length given; pass length ("short", "medium", "long", "any") or min_minutes / max_minutes')
    else:
        changes = called(ctx, length, duration)
    return write(ctx, "set_length", changes, lasting=duration == "lasting")


@tool
def set_payment(access: Literal["free", "paid", "any"], runtime: ToolRuntime[TurnContext]) -> str:
    """Free only ("free"), rather paid ("paid"), or no matter ("any": "I don't mind paying", 付费的也行)."""
    ctx, value = runtime.context, {"free": -1.0, "paid": 1.0, "any": 0.0}[access]
    changes = [_absolute(ctx, Factor.ACCESS, value, hard=access == "free", said=access)]
    if access == "any":
        changes.append(clear(Factor.PRICE_SENSITIVITY, duration=said_duration(ctx)))
    return write(ctx, "set_payment", changes)


@tool
def set_freshness(
    runtime: ToolRuntime[TurnContext],
    recency: Leaning = None,
    repeats: Literal["avoid", "allow"] | None = None,
) -> str:
    """New releases (recency 0.8) or classics (−0.8), 0 for no matter; "nothing I know already" is repeats=avoid."""
    ctx = runtime.context
    changes = [] if recency is None else [_absolute(ctx, Factor.RECENCY, recency)]
    if repeats is not None:
        # "You showed me that today" is no wish for today.
        changes.append(
            Change(factor=Factor.REPEATS, op="set", value=-1.0, hard=True, said=repeats)
            if repeats == "avoid"
            else clear(Factor.REPEATS)
        )
    if recency and _YEAR.search(ctx.said):
        ctx.outcome.facts.append(Fact(kind="no_years"))
    return write(ctx, "set_freshness", _some(changes, "recency or repeats"))


@tool
def set_exploration(runtime: ToolRuntime[TurnContext], novelty: Share = None, diversity: Share = None) -> str:
    """Lasting adventurousness (novelty 0.8; 0 sticks to what is known) and variety within a list (diversity)."""
    ctx = runtime.context
    changes = [] if novelty is None else [_share(ctx, Factor.NOVELTY, novelty)]
    changes += [] if diversity is None else [_share(ctx, Factor.DIVERSITY, diversity)]
    return write(ctx, "set_exploration", _some(changes, "novelty or diversity"))


@tool
def set_popularity(runtime: ToolRuntime[TurnContext], popularity: Leaning = None, quality: Share = None) -> str:
    """Hidden gems (popularity −0.8), bestsellers (0.8), 0 for no matter; "only highly rated" is quality 0.9."""
    ctx = runtime.context
    changes = [] if popularity is None else [_absolute(ctx, Factor.POPULARITY, popularity)]
    changes += [] if quality is None else [_absolute(ctx, Factor.QUALITY, quality)]
    if quality and _RATING.search(ctx.said):
        ctx.outcome.facts.append(Fact(kind="no_ratings"))
    return write(ctx, "set_popularity", _some(changes, "popularity or quality"))


@tool
def set_language(language: Literal["en", "zh", "any"], runtime: ToolRuntime[TurnContext]) -> str:
    """Language of the audio (not of this chat): English, Chinese, or any."""
    ctx, duration = runtime.context, said_duration(runtime.context)
    changes = [clear(Factor.LANGUAGE, other, duration=duration) for other in LANGUAGES if other != language]
    changes += [clear(wish.factor, wish.key, wish.said, duration) for wish in _languages_wished(ctx, language)]
    if language != "any":
        scope = scope_of(duration)
        changes.append(
            Change(factor=Factor.LANGUAGE, key=language, op="set", value=1.0, hard=True, said=language, scope=scope)
        )
    return write(ctx, "set_language", changes)


def _languages_wished(ctx: TurnContext, language: str) -> list[Entry]:
    """The wishes for languages that nothing but a word can ask for (日语), other than the one that is now set."""
    codes = codes_by_name()
    wishes = [e for e in reached(ctx, said_duration(ctx)).of(Factor.ENTITY) if e.value > 0]
    names = [(wish, *wish.key.split(":", 1)) for wish in wishes]
    return [
        wish
        for wish, kind, name in names
        if kind == "tag" and codes.get(name.removesuffix("的").lower(), language) != language
    ]


def _absolute(ctx: TurnContext, factor: Factor, value: float, *, hard: bool = False, said: str = "") -> Change:
    """Set a factor that has no key; a neutral value takes it away."""
    duration = said_duration(ctx)
    if not value:
        return clear(factor, duration=duration)
    return Change(factor=factor, op="set", value=value, hard=hard, said=said, scope=scope_of(duration))


def _share(ctx: TurnContext, factor: Factor, value: float) -> Change:
    """Set a share; here 0 is a wish of its own ("stick to what I know")."""
    return Change(factor=factor, op="set", value=value, scope=scope_of(said_duration(ctx)))


def _some(changes: list[Change], wanted: str) -> list[Change]:
    if not changes:
        raise ToolRetry(f"nothing given; pass {wanted}")
    return changes
