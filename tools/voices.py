"""Wishes for a man's or a woman's voice, which no record tells."""

from __future__ import annotations

import re

from tools.changing import say
from tools.context import Done, Fact, TurnContext

FEW_MARKED = 5
"""So few items with a mark tell nothing about the voices of the others."""
_WHO = r"(?:an? |the )?(?:(?:fe)?male|(?:wo)?m[ae]n|lady|ladies|guys?)"
_WHO_ZH = "[男女](?:生|性|的|人)*"
_READING = "(?:narrated|read|told|voiced|hosted|performed|spoken|presented)"
_READS_ZH = "(?:来)?(?:念|读|讲|播|演播|播讲|朗读|配音)的?"
_SPOKEN_BY = rf"{_READING} by {_WHO}|{_WHO} (?:reading|narrating|reads|narrates)|{_WHO_ZH}{_READS_ZH}"
_VOICE = re.compile(
    r"(?:an? |the )?(?:(?:fe)?male|(?:wo)?m[ae]n(?:['’]?s?)?) (?:voices?|narrat\w+|readers?|hosts?|speakers?)|"
    rf"{_WHO_ZH}(?:声音?|主播|演播者?|播音|播讲|朗读|配音)的?|{_SPOKEN_BY}",
    re.IGNORECASE,
)
_SOMEBODY = re.compile(f"{_WHO}|{_WHO_ZH}", re.IGNORECASE)
_HEARD = re.compile(_SPOKEN_BY, re.IGNORECASE)


def is_unmarked_voice(ctx: TurnContext, said: str) -> bool:
    """Whether a name is no name but a kind of voice ("female narrators", 男声), and this catalogue hardly marks any."""
    name = said.strip()
    is_voice = _VOICE.fullmatch(name) is not None or _is_reader(ctx.said, name)
    return is_voice and len(ctx.engine.catalogue.rows_with("tag", name)) < FEW_MARKED


def _is_reader(words: str, name: str) -> bool:
    """Whether a bare "woman" or 女的 is who shall read: "read by a woman", 女的念的."""
    return _SOMEBODY.fullmatch(name) is not None and any(
        name.casefold() in found[0].casefold() for found in _HEARD.finditer(words)
    )


def unmarked_voice(ctx: TurnContext, tool: str) -> str:
    """Tells that no record says whose voice it is; nothing is changed."""
    ctx.outcome.facts.append(Fact(kind="no_voices"))
    ctx.outcome.done.append(Done(tool=tool, text=say(ctx, "fact.no_voices")))
    return "no record says whether a voice is a man's or a woman's; nothing was changed; say so"
