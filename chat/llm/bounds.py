"""Which way a length is bounded: "less than three hours" is a most, "longer than two" a least.

A small model copies the number rightly and now and then takes one way for the other. The words beside the number say
it without doubt, so they settle it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LEAST, MOST = "min_minutes", "max_minutes"
_UNIT = r"[^.,;!?，。；！？]{0,24}?(?:min|hour|hr|h\b|分钟|小时|钟头|个钟)"
_NO = r"(?:\bno|\bnot|\bnothing|\bnone|\bnever|n't|\bwithout)\b[\w\s']{0,14}?"
_LONG = r"\b(?:over|above|beyond|longer than|more than|exceed\w*|past)\b"
_SHORT = r"\b(?:under|below|less than|fewer than|shorter than)\b"
_SAID = re.compile(
    "|".join(
        (
            rf"(?P<most>{_NO}{_LONG}{_UNIT}|\b(?:at most|up to|within|no longer than|maximum|max)\b{_UNIT}"
            rf"|(?:不|别|勿|莫|不要|不能|不许|不得)超过{_UNIT}|(?:最多|至多|顶多){_UNIT}|(?:分钟|小时|钟头|个钟)(?:以内|之内|内))",
            rf"(?P<least>{_NO}{_SHORT}{_UNIT}|\b(?:at least|minimum|upwards of)\b{_UNIT}"
            rf"|(?:不少于|不短于|别短于|不低于|至少|最少){_UNIT})",
            rf"(?P<shorter>{_SHORT}{_UNIT}|(?:少于|短于|不到){_UNIT}|比{_UNIT}(?:还|要|更)?短|(?:分钟|小时|钟头|个钟)以下)",
            rf"(?P<longer>{_LONG}{_UNIT}|(?:超过|多于|长于|大于){_UNIT}|比{_UNIT}(?:还|要|更)?长|(?:分钟|小时|钟头|个钟)(?:以上|往上))",
        )
    ),
    re.IGNORECASE,
)
_WAY = {"most": MOST, "shorter": MOST, "least": LEAST, "longer": LEAST}
_BARE = frozenset({"shorter", "longer"})
_REFUSES = re.compile(
    r"\b(?:no|not|nor|nothing?|nobody|none|nowt|never|without|hate|ban|cut|cap|drop|skip|away|cheat\w*|mood|too|if|"
    r"is it|are they|breakfast|lunch|dinner)\b|n't|n’t|[不别勿莫没烦讨厌太嫌怕禁删滤筛挡困睡死卸懒稀瘾]",
    re.IGNORECASE,
)
"""Words beside which "over an hour" may be what is not wanted."""


def settled(args: Mapping[str, Any], said: str) -> dict[str, Any]:
    """The arguments of `set_length`; one bound goes the way that the words name, where they name one way only."""
    found = {match.lastgroup or "" for match in _SAID.finditer(said)}
    ways = {_WAY[name] for name in found}
    values = {args[key] for key in (LEAST, MOST) if args.get(key) is not None}
    if len(ways) != 1 or len(values) != 1 or (found <= _BARE and _REFUSES.search(said)):
        return dict(args)
    rest = {key: value for key, value in args.items() if key not in (LEAST, MOST)}
    return {ways.pop(): values.pop(), **rest}
