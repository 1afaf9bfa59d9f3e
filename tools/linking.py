"""From a spoken name to what the catalogue calls it. What nothing answers to stays a free theme word."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from catalog.catalogue import Catalogue
from catalog.formats import FORMAT_WORDS, formats_called
from catalog.resolve import SURE, Kind, Match
from catalog.resolve_words import negated
from catalog.spelling import form
from recommend.pbox import Entry, Factor, PBox
from tools.context import ToolRetry, TurnContext

NEXT_KINDS: tuple[Kind, ...] = ("mood", "author", "narrator", "series", "tag")
"""Where a category name is looked for when no category answers to it."""

LONGEST = 120
"""Characters of a name that are read."""
CLOSE = 0.8
"""Score from which a misspelt mood may take more with it when it is blocked."""
MOSTLY = 0.7
"""Share of a category's items with a mood, from which blocking the mood blocks the category."""


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
    return _spelt(ctx, said, match) or (_category(match.key) if match else _free(said))


def link_entity(ctx: TurnContext, kind: Kind, said: str) -> Link:
    """A person, series or theme word; the resolver knows a person who has the other role here."""
    if kind == "tag":
        return _free(_tag_word(ctx, said))
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
    if whole and _is_mood(whole):
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
    if not rest or _is_mood(resolver.resolve("mood", said, lang=ctx.lang)):
        return said, weight
    if not _is_mood(resolver.resolve("mood", rest, lang=ctx.lang)):
        return said, weight
    tail = said[-len(rest) :]
    return (tail if form(tail) == rest else rest), -abs(weight)


def _is_mood(match: Match | None) -> bool:
    """Whether a match is a mood called so, not one that some of the words are like."""
    return match is not None and match.how == "exact"


def blocking_keys(ctx: TurnContext, kind: Kind, said: str) -> tuple[str, ...]:
    """What to block so that it is truly gone: a theme word takes with it the mood and the categories that mean it."""
    if kind not in ("category", "tag"):
        return (link_entity(ctx, kind, said).block,)
    resolver, catalogue = ctx.engine.resolver, ctx.engine.catalogue
    match = resolver.resolve("category", said, lang=ctx.lang)
    # A guess by meaning may be liked, but blocks what was never spoken of: "serial killers" is no word for Mystery.
    if kind == "category" and (link := _spelt(ctx, said, match)):
        return (link.block,)
    keys = [_free(said).block]
    if match and match.how == "exact" and resolver.is_called(match):
        keys.append(f"{match.kind}:{match.key}")
    match = resolver.resolve("mood", said, lang=ctx.lang)
    # What holds a mood's name behind a "not" is no slip of the keyboard: blocking 不好笑 leaves what is funny.
    slip = match and match.how in SURE and match.score >= CLOSE and not negated(said)
    if match and (slip or _is_mood(match)):
        keys += [f"tag:{match.key}", *(f"category:{path}" for path in _mostly(catalogue, match.key))]
    return _needed(catalogue, keys)


def taken(ctx: TurnContext, keys: tuple[str, ...]) -> np.ndarray:
    """The rows that these blocks take away (a mask)."""
    return np.any([_held(ctx.engine.catalogue, key) for key in keys], axis=0)


def category_left(ctx: TurnContext, said: str, gone: np.ndarray) -> str:
    """The label of the category that a blocked word is an alias of, where some of it is left: Sport after "no golf"."""
    match = ctx.engine.resolver.resolve("category", said, lang=ctx.lang)
    if match is None or match.kind != "category" or match.how != "exact":
        return ""
    return match.label if (ctx.engine.catalogue.in_category(match.key) & ~gone).any() else ""


def blocks_named(ctx: TurnContext, pbox: PBox, keys: tuple[str, ...], said: str) -> list[Entry]:
    """The user's blocks that these keys or this word mean, with those that came from the same words."""
    wanted, blocks = form(said), pbox.of(Factor.BLOCK)
    found = [entry for entry in blocks if entry.key in keys or wanted in _forms(ctx, entry)]
    origins = {(entry.turn_id, entry.said) for entry in found if entry.said}
    return found + [e for e in blocks if e not in found and (e.turn_id, e.said) in origins]


def _spelt(ctx: TurnContext, said: str, match: Match | None) -> Link | None:
    """What is spelt so: a category (`match`: the one found for the words), else a mood, person, series or tag."""
    if match and match.how in SURE:
        return _free(match.key) if match.kind == "tag" else _category(match.key)
    other = ctx.engine.resolver.any_kind(said, NEXT_KINDS, lang=ctx.lang)
    if other is None or other.how != "exact":
        return None
    if other.kind == "mood":
        return Link(Factor.MOOD, other.key, f"tag:{said}")
    return _free(other.key) if other.kind == "tag" else _entity(other.kind, other.key)


def _forms(ctx: TurnContext, entry: Entry) -> set[str]:
    kind, _, key = entry.key.partition(":")
    words = {entry.said, key}
    if kind == "category":
        words |= {ctx.engine.catalogue.words.taxonomy.label(key, lang) for lang in ("en", "zh")}
    if kind == "item" and key in ctx.engine.catalogue.row:
        words.add(ctx.engine.catalogue.item(key).title)
    return {form(word) for word in words if word}


def _needed(catalogue: Catalogue, keys: list[str]) -> tuple[str, ...]:
    """The first key, and those after it that take away something more."""
    kept = keys[:1]
    gone = _held(catalogue, keys[0])
    for key in keys[1:]:
        more = _held(catalogue, key)
        if (more & ~gone).any():
            kept.append(key)
            gone = gone | more
    return tuple(kept)


def _held(catalogue: Catalogue, key: str) -> np.ndarray:
    kind, _, name = key.partition(":")
    return catalogue.holds(kind, name)


def _mostly(catalogue: Catalogue, mood: str) -> list[str]:
    """The top categories that mostly feel so: "nothing scary" is to end horror, whatever each item is marked with."""
    feels = catalogue.with_mood(mood)
    roots = [(root.path, catalogue.in_category(root.path)) for root in catalogue.words.taxonomy.children(None)]
    return [path for path, rows in roots if rows.any() and (feels & rows).sum() >= MOSTLY * rows.sum()]


def _tag_word(ctx: TurnContext, said: str) -> str:
    if len(ctx.engine.catalogue.rows_with("theme", said)):
        return said
    match = ctx.engine.resolver.resolve("tag", said, lang=ctx.lang)
    return match.key if match and match.how in SURE else said


def _category(path: str) -> Link:
    return Link(Factor.CATEGORY, path, f"category:{path}")


def _free(word: str) -> Link:
    """A theme word. All names of a format ("podcasts", 播客) lead to one word, so that liking and blocking meet."""
    formats = formats_called(form(word))
    return _entity("tag", FORMAT_WORDS[formats[0]][0] if formats else word)


def _entity(kind: str, name: str) -> Link:
    return Link(Factor.ENTITY, f"{kind}:{name}", f"{kind}:{name}")
