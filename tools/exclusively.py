"""Who wants "nothing but horror" or 只听播客 is told that a liking leans to it, and keeps nothing else out."""

from __future__ import annotations

import re

from tools.context import Fact, TurnContext

_LIMIT = r"(?:\d|free\b|paid\b|finished\b|completed\b|under\b|short\b|long\b|and\b|or\b|but\b|if\b|have\b|got\b|not\b)"
"""What an "only" that stands before it is said of, instead of the name that follows."""
_BEHIND = "(?: (?:stuff|things?|books?|stories|novels?|shows?|ones?|podcasts?|audiobooks?|courses?|dramas?))?"


def only_said(ctx: TurnContext, name: str) -> bool:
    """Whether the words of the turn want nothing else than what they call `name`: "podcasts only", 只听播客."""
    word = re.escape(name.strip())
    if not word:
        return False
    english = (
        rf"(?<!not )(?<!if )\b(?:only|nothing (?:but|except|other than|else than)|exclusively|solely)"
        rf"(?: (?!{_LIMIT})[\w'’]+){{0,4}} {word}(?!\w)"
        rf"|(?<!not )\bjust (?:the |plain )?{word}(?!\w)"
        rf"|(?<!\w){word}{_BEHIND},? (?:only|exclusively|and nothing else)\b"
    )
    chinese = (
        r"(?<![不一辰时])(?:(?:[只光]|单单|仅仅?|就只)(?:(?:想|爱|喜欢)?(?:要|听|看)|喜欢|推荐|来|放)|就要)(?!是)"
        rf"(?![^，。；！？]{{0,6}}(?:免费|完结))[^，。；！？]{{0,6}}?{word}"
    )
    return re.search(f"{english}|{chinese}", ctx.said, re.IGNORECASE) is not None


def only_leans(ctx: TurnContext, name: str) -> Fact | None:
    """What to tell of a wish for a format or a category that is to be the only one; None where nobody said "only"."""
    told = any(fact.kind == "only_leans" for fact in ctx.outcome.facts)
    return None if told or not only_said(ctx, name) else Fact(kind="only_leans", values={"name": name.strip()})
