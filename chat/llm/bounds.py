"""What the words say of a length beyond doubt: how many minutes, and which way these bound it.

A small model now and then takes "less than three hours" for a least, and misreads "1 hour 30 minutes". The words say
both plainly, so they settle it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from chat.llm.durations import Duration, durations, numbers

LEAST, MOST = "min_minutes", "max_minutes"
_NO = (
    r"(?:\b(?:no|not|nothing?|nuthin[g']?|nuffin[g']?|none|nun|nowt|nada|never|without)\b|n['’]t\b)"
    r"(?:(?!\b(?:and|but|or|at|up)\b)[\w\s']){0,14}?"
)
_LONG = r"\b(?:over|above|beyond|longer than|more than|exceed\w*|past)"
_SHORT = r"\b(?:under|below|less than|fewer than|shorter than)"
_GAP = r"\s+(?:about\s+|around\s+|roughly\s+|say\s+|like\s+|an?\s+(?:good|full|solid)\s+)?"
_ZH_GAP = r"[要得有也就能听聽给給我大概约約是个個在\s]{0,4}"
_BEFORE = re.compile(
    "(?:"
    + "|".join(
        (
            rf"(?P<most>{_NO}{_LONG}{_GAP}|\b(?:at (?:the )?most|up to|within|maximum|max)(?: of)?{_GAP}"
            rf"|(?:[不别別勿莫]|唔好|唔)(?:要|能|许|許|得|可以?)?[超多]过?過?{_ZH_GAP}|(?:最多|至多|[顶頂]多){_ZH_GAP})",
            rf"(?P<least>{_NO}{_SHORT}{_GAP}|\b(?:at (?:the )?least|minimum|upwards)(?: of)?{_GAP}"
            rf"|(?:不少于|不短于|别短于|不低于|至少|最少){_ZH_GAP})",
            rf"(?P<shorter>{_SHORT}{_GAP}|(?:少于|短于|不到){_ZH_GAP})",
            rf"(?P<longer>{_LONG}{_GAP}|(?:超[过過]|多于|长于|大于){_ZH_GAP})",
        )
    )
    + ")$",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"(?P<most>的?(?:[以之]?[内內])(?!的?[^，。,.]{0,3}(?:[别別]|不|免|算了)))"
    r"|(?P<shorter>以下|\s+or (?:less|under|shorter)\b)"
    r"|(?P<longer>以上|往上|\s+or (?:more|over|longer)\b)",
    re.IGNORECASE,
)
_THAN = re.compile(r"比[^，。；！？,.;!?]{0,4}$")
_THAN_WAY = re.compile(r"(?:还|要|更)?(?:(?P<shorter>短)|(?P<longer>长))")
_FAR = 60
"""Characters before a duration in which the words that bound it begin."""
_WAY = {"most": MOST, "shorter": MOST, "least": LEAST, "longer": LEAST}
_BARE = frozenset({"shorter", "longer"})
_REFUSES = re.compile(
    r"\b(?:no|not|nor|nothing?|nuthin\w*|nuffin\w*|nobody|none|nun|nowt|nada|never|without|hate|ban|cut|cap|drop|skip|"
    r"away|cheat\w*|mood|too|if|is it|are they|breakfast|lunch|dinner)\b|n't|n’t|算了|要是|如果|我就|走神|"
    r"(?:不(?!到)|[别別勿莫没烦讨厌太嫌怕禁删滤筛挡困睡死卸懒稀瘾免])",
    re.IGNORECASE,
)
"""Words beside which "over an hour" may be what is not wanted."""
_OTHERS = re.compile(
    r"(?<!which )(?<!ones )(?<!that )\b(?:(?:is|are|was)(?!\s+(?:there|any)\b)|takes?|lasts?|it['’]s|bit|little|just"
    r"|slightly|well)\s+(?:\w+\s+){0,3}?$|\bfor\s+$"
    r"|(?:车程|路程|通勤|开车|路上|坐车|要开|飞)[^，。；！？,.;!?]{0,6}$",
    re.IGNORECASE,
)
"""Before a bound: it may tell how long something else takes ("my drive is a bit over 40 minutes")."""
_OTHER = re.compile(
    r"(?:['’]s|s|[\s-]long)?[\s-]+(?:of |on the |in the |at the |to |for |from |till |until )?\s*"
    r"(?:drive|driv\w+|commut\w*|flight|fly\w*|ride|trip|journey|walk\w*|run|shift|train|bus|plane|car|road|kill|spare)\b",
    re.IGNORECASE,
)
"""After a bound: the same."""
_RELATIVE = re.compile(
    r"\b(?:halv\w+|half(?= (?:of )?(?:that|it|as)\b)|(?<!and a )(?<!and )half(?=[.?!]?$)|twice|double|"
    r"triple|each way|return|back|both ways|ago|another|extra|(?:minutes?|mins|hours?) (?:more|longer|less|shorter))\b"
    r"|来回|往返|倍|减|減|一半|砍半|对半|乘|加起来",
    re.IGNORECASE,
)
"""Words with which another length may be meant than the one said."""


def settled(args: Mapping[str, Any], said: str) -> dict[str, Any]:
    """The arguments of `set_length`, with the number of minutes and the way of the bound that the words name.

    Only where they name one: two durations, or words of both ways, leave what was read.
    """
    found = durations(said)
    read = _counted(args, found, said)
    values: set[int] = {read[key] for key in (LEAST, MOST) if read.get(key) is not None}
    if len(values) != 1:
        return read
    value = values.pop()
    way = _way((duration for duration in found if duration.minutes in (None, value)), said)
    return _bound(read, way, value) if way else read


def _bound(args: Mapping[str, Any], way: str, value: int) -> dict[str, Any]:
    return {way: value, **{key: kept for key, kept in args.items() if key not in (LEAST, MOST)}}


def _counted(args: Mapping[str, Any], found: list[Duration], said: str) -> dict[str, Any]:
    """With the minutes of the one duration said, unless another number said may be meant."""
    read = {key: args[key] for key in (LEAST, MOST) if args.get(key) is not None}
    if len(found) != 1 or not read or _RELATIVE.search(said):
        return dict(args)
    only, minutes = found[0], found[0].minutes
    if minutes is None:
        return dict(args)
    if len(set(read.values())) == 2:
        return _bound(args, MOST, minutes) if set(read.values()) == set(only.parts) else dict(args)
    beside = said[: only.start] + " " + said[only.end :]
    if any(value in {number * worth for number in numbers(beside) for worth in (1, 60)} for value in read.values()):
        return dict(args)
    return {**args, **dict.fromkeys(read, minutes)}


def _way(found: Iterable[Duration], said: str) -> str | None:
    """The way in which the durations are bounded, where the words beside them name one way only."""
    named = {name for duration in found for name in _named(duration, said)}
    ways = {_WAY[name] for name in named}
    if len(ways) != 1 or (named <= _BARE and _REFUSES.search(said)):
        return None
    return ways.pop()


def _named(duration: Duration, said: str) -> set[str]:
    """What the words before and after a duration say of it: keys of `_WAY`."""
    before, after = (
        _BEFORE.search(said, max(0, duration.start - _FAR), duration.start),
        _AFTER.match(said, duration.end),
    )
    if before and (
        _OTHERS.search(said, max(0, before.start() - _FAR), before.start()) or _OTHER.match(said, duration.end)
    ):
        before = None
    if _THAN.search(said, max(0, duration.start - _FAR), duration.start):
        after = _THAN_WAY.match(said, duration.end)
    return {match.lastgroup or "" for match in (before, after) if match}
