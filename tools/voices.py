"""Wishes for a man's or a woman's voice, which no record tells."""

from __future__ import annotations

import re

from tools.changing import say
from tools.context import Done, Fact, TurnContext

FEW_MARKED = 5
"""So few items with a mark tell nothing about the voices of the others."""
_VOICE = re.compile(
    r"(?:an? |the )?(?:(?:fe)?male|(?:wo)?m[ae]n(?:['’]?s?)?) (?:voices?|narrat\w+|readers?|hosts?|speakers?)|"
    r"[男女](?:生|性|的|人)*(?:声音?|主播|演播者?|播音|播讲|朗读|配音)的?",
    re.IGNORECASE,
)


def is_unmarked_voice(ctx: TurnContext, said: str) -> bool:
    """Whether a name is no name but a kind of voice ("female narrators", 男声), and this catalogue hardly marks any."""
    marked = ctx.engine.catalogue.rows_with("tag", said.strip())
    return _VOICE.fullmatch(said.strip()) is not None and len(marked) < FEW_MARKED


def unmarked_voice(ctx: TurnContext, tool: str) -> str:
    """Tells that no record says whose voice it is; nothing is changed."""
    ctx.outcome.facts.append(Fact(kind="no_voices"))
    ctx.outcome.done.append(Done(tool=tool, text=say(ctx, "fact.no_voices")))
    return "no record says whether a voice is a man's or a woman's; nothing was changed; say so"
