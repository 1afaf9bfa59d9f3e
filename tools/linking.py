"""From a spoken name to what the catalogue calls it. What nothing answers to stays a free theme word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from catalog.formats import FORMAT_WORDS, formats_called
from catalog.items import under
from catalog.resolve import SURE, Kind, Match
from catalog.resolve_words import is_filler, negated
from catalog.spelling import form, is_chinese
from recommend.pbox import Factor
from tools.context import ToolRetry, TurnContext

NEXT_KINDS: tuple[Kind, ...] = ("mood", "author", "narrator", "series", "tag")
"""Where a category name is looked for when no category answers to it."""

LONGEST = 120
"""Characters of a name that are read."""
_YEARS = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_AGE = re.compile(
    rf"(?:(?:an?|my|our|the) )?{_YEARS}(?: (?:and|or|to) {_YEARS})?[ -](?:years?|yrs?)[ -]olds?"
    r"(?: (?:kid|child|girl|boy)s?)?"
    r"|[\d一二两三四五六七八九十]{1,3}(?:[到至~-][\d一二两三四五六七八九十]{1,3})?\s*岁半?的?"
    r"(?:女儿|儿子|孩子|小孩|小朋友|宝宝|娃)?的?",
    re.IGNORECASE,
)


class Link(NamedTuple):
    """Where a name leads: the factor and key of a liking, and the key of a block ("" where it cannot be blocked)."""

    factor: Factor
    key: str
    block: str = ""


def spoken(name: str) -> str:
    """A name without outer spaces, cut at a sensible length. Raises ToolRetry for an empty one."""
    said = name.strip()[:LONGEST].strip()
    if not said:
        raise ToolRetry("the name is empty; copy it from what the user said")
    return said


def link_category(ctx: TurnContext, said: str) -> Link:
    """A category; else a mood, person, series or tag that is called so; else what the words come near to in meaning."""
    match = ctx.engine.resolver.resolve("category", said, lang=ctx.lang)
    return spelt(ctx, said, match) or (_category(match.key) if match else free(said))


def with_format(ctx: TurnContext, said: str) -> tuple[str, str]:
    """A genre and the format that stands behind it: "crime" and "podcasts"; "" where the whole is a name, or none.

    Link the genre as a category and the format by `free`: "romance radio drama" is no wish for all Radio Drama.
    """
    resolver = ctx.engine.resolver
    if formats_called(form(said)):
        return said, ""
    whole = resolver.resolve("category", said, lang=ctx.lang)
    for genre, kind in cuts(said):
        if not formats_called(form(kind)):
            continue
        if whole and whole.how in SURE and whole.name == form(said):
            own = _own_category(ctx, kind)
            return said, "" if own and under(whole.key, own) else kind
        match = resolver.resolve("category", genre, lang=ctx.lang)
        if match and match.how in SURE and match.kind == "category":
            return genre, kind
    return said, ""


def cuts(said: str) -> Iterator[tuple[str, str]]:
    """Every way to part a name in two, the longest ending first; English words stay whole."""
    for at in range(1, len(said)):
        if said[at] == " " or is_chinese(said[at - 1 : at + 1]):
            front, back = said[:at].strip(" 的"), said[at:].strip()
            if front and back:
                yield front, back


def is_format(ctx: TurnContext, match: Match) -> bool:
    """Whether a match is a format, or a category that is only called after one: "courses" of Languages & Courses."""
    named = match.how == "exact" and formats_called(match.name)
    return bool(named) and (match.kind == "tag" or _own_category(ctx, match.name) != match.key)


def says_nothing(ctx: TurnContext, said: str) -> bool:
    """Whether a name is no theme but filler ("stories", 书) or an age (三岁, "5 year olds").

    Fiction and podcasts are filler behind another word, and by themselves what the catalogue calls so.
    """
    if _AGE.fullmatch(said.strip()):
        return True
    return is_filler(form(said)) and ctx.engine.resolver.resolve("category", said, lang=ctx.lang) is None


def link_entity(ctx: TurnContext, kind: Kind, said: str) -> Link:
    """A person, series or theme word; the resolver knows a person who has the other role here."""
    if kind == "tag":
        return free(_tag_word(ctx, said))
    match = ctx.engine.resolver.resolve(kind, said, lang=ctx.lang)
    return _entity(match.kind, match.key) if match else _entity(kind, said)


def link_term(ctx: TurnContext, kind: Kind, said: str) -> str:
    """The slug of a mood or scene, or the word itself."""
    match = ctx.engine.resolver.resolve(kind, said, lang=ctx.lang)
    return match.key if match else said


def link_moods(ctx: TurnContext, said: str) -> tuple[str, ...]:
    """The slugs that a mood's words stand for: "slow atmospheric" is two; what nothing answers to stays one word."""
    resolver = ctx.engine.resolver
    whole = resolver.resolve("mood", said, lang=ctx.lang)
    if whole and is_mood(whole):
        return (whole.key,)
    parts = [resolver.resolve("mood", word, lang=ctx.lang) for word in said.split()]
    found = dict.fromkeys(match.key for match in parts if match and match.how in SURE)
    least = 2 if whole else 1
    return tuple(found) if len(found) >= least else (whole.key if whole else said,)


def turned(ctx: TurnContext, said: str, weight: float) -> tuple[str, float]:
    """A mood that is said by what it is not (不吓人) is that mood, unwanted; any other stays as it is.

    What is a name by itself stays too (不费脑 is "relaxing"), and what is no mood's name behind the "not".
    """
    resolver, rest = ctx.engine.resolver, negated(said)
    if not rest or is_mood(resolver.resolve("mood", said, lang=ctx.lang)):
        return said, weight
    if not is_mood(resolver.resolve("mood", rest, lang=ctx.lang)):
        return said, weight
    tail = said[-len(rest) :]
    return (tail if form(tail) == rest else rest), -abs(weight)


def is_mood(match: Match | None) -> bool:
    """Whether a match is a mood called so, not one that some of the words are like."""
    return match is not None and match.how == "exact"


def spelt(ctx: TurnContext, said: str, match: Match | None) -> Link | None:
    """What is spelt so: a category (`match`: the one found for the words), else a mood, person, series or tag."""
    if match and match.how in SURE:
        if is_format(ctx, match):
            return free(match.name)
        return free(match.key) if match.kind == "tag" else _category(match.key)
    other = ctx.engine.resolver.any_kind(said, NEXT_KINDS, lang=ctx.lang)
    if other is None or other.how != "exact":
        return None
    if other.kind == "mood":
        return Link(Factor.MOOD, other.key, f"tag:{said}")
    return free(other.key) if other.kind == "tag" else _entity(other.kind, other.key)


def _own_category(ctx: TurnContext, kind: str) -> str | None:
    """The path of the category whose label a format stands in first (Radio Drama, Crosstalk & Skits); mostly None."""
    match = ctx.engine.resolver.resolve("category", kind, lang=ctx.lang)
    if match is None or match.kind != "category" or match.how not in SURE:
        return None
    taxonomy = ctx.engine.catalogue.words.taxonomy
    labels = [form(taxonomy.label(match.key, lang)) for lang in ("en", "zh")]
    words = [form(word) for name in formats_called(form(kind)) for word in FORMAT_WORDS[name]]
    return match.key if any(label.startswith(word) for label in labels for word in words) else None


def _tag_word(ctx: TurnContext, said: str) -> str:
    if len(ctx.engine.catalogue.rows_with("theme", said)):
        return said
    match = ctx.engine.resolver.resolve("tag", said, lang=ctx.lang)
    return match.key if match and match.how in SURE else said


def _category(path: str) -> Link:
    return Link(Factor.CATEGORY, path, f"category:{path}")


def free(word: str) -> Link:
    """A theme word. All names of a format ("podcasts", 播客) lead to one word, so that liking and blocking meet."""
    formats = formats_called(form(word))
    return _entity("tag", FORMAT_WORDS[formats[0]][0] if formats else word)


def _entity(kind: str, name: str) -> Link:
    return Link(Factor.ENTITY, f"{kind}:{name}", f"{kind}:{name}")
