"""From a spoken name to what the catalogue calls it. What nothing answers to stays a free theme word."""

from __future__ import annotations

from typing import NamedTuple

from catalog.catalogue import Catalogue
from catalog.resolve import Kind
from catalog.spelling import form
from recommend.pbox import Entry, Factor, PBox
from tools.context import ToolRetry, TurnContext

SURE = ("exact", "fuzzy")
NEXT_KINDS: tuple[Kind, ...] = ("mood", "author", "narrator", "series", "tag")
"""Where a category name is looked for when no category answers to it."""

LONGEST = 120
"""Characters of a name that are read."""
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
    """A category; else a mood, person, series or tag that is called so; else a free theme word."""
    resolver = ctx.engine.resolver
    match = resolver.resolve("category", said, lang=ctx.lang)
    other = None if match and match.how in SURE else resolver.any_kind(said, NEXT_KINDS, lang=ctx.lang)
    if other is None or other.how not in SURE:
        return Link(Factor.CATEGORY, match.key, f"category:{match.key}") if match else _free(said)
    if other.kind == "mood":
        return Link(Factor.MOOD, other.key, f"tag:{said}")
    return Link(Factor.ENTITY, f"{other.kind}:{other.key}", f"{other.kind}:{other.key}")


def link_entity(ctx: TurnContext, kind: Kind, said: str) -> Link:
    """A person, series or theme word; a person who has the other role here counts as that one."""
    if kind == "tag":
        return _free(_tag_word(ctx, said))
    match = ctx.engine.resolver.resolve(kind, said, lang=ctx.lang)
    if match is None and kind in ("author", "narrator"):
        match = ctx.engine.resolver.resolve("narrator" if kind == "author" else "author", said, lang=ctx.lang)
    key = f"{match.kind}:{match.key}" if match else f"{kind}:{said}"
    return Link(Factor.ENTITY, key, key)


def link_term(ctx: TurnContext, kind: Kind, said: str) -> str:
    """The slug of a mood or scene, or the word itself."""
    match = ctx.engine.resolver.resolve(kind, said, lang=ctx.lang)
    return match.key if match else said


def blocking_keys(ctx: TurnContext, kind: Kind, said: str) -> tuple[str, ...]:
    """What to block so that it is truly gone. A theme word that also names a category takes the category with it."""
    if kind == "category":
        return (link_category(ctx, said).block,)
    if kind != "tag":
        return (link_entity(ctx, kind, said).block,)
    keys = [f"tag:{said}"]
    resolver = ctx.engine.resolver
    if (match := resolver.resolve("category", said, lang=ctx.lang)) and match.how in SURE:
        keys.append(f"category:{match.key}")
    if (match := resolver.resolve("mood", said, lang=ctx.lang)) and match.how in SURE:
        keys += [f"tag:{match.key}"] if match.how == "fuzzy" else []
        keys += [f"category:{path}" for path in _mostly(ctx.engine.catalogue, match.key)]
    return tuple(dict.fromkeys(keys))


def blocks_named(ctx: TurnContext, pbox: PBox, keys: tuple[str, ...], said: str) -> list[Entry]:
    """The user's blocks that these keys or this word mean."""
    wanted = form(said)
    return [e for e in pbox.of(Factor.BLOCK) if e.key in keys or wanted in _forms(ctx, e)]


def _forms(ctx: TurnContext, entry: Entry) -> set[str]:
    kind, _, key = entry.key.partition(":")
    words = {entry.said, key}
    if kind == "category":
        words |= {ctx.engine.catalogue.words.taxonomy.label(key, lang) for lang in ("en", "zh")}
    if kind == "item" and key in ctx.engine.catalogue.row:
        words.add(ctx.engine.catalogue.item(key).title)
    return {form(word) for word in words if word}


def _mostly(catalogue: Catalogue, mood: str) -> list[str]:
    """The top categories that mostly feel so: "nothing scary" is to end horror, whatever each item is marked with."""
    feels = catalogue.with_mood(mood)
    roots = [(root.path, catalogue.in_category(root.path)) for root in catalogue.words.taxonomy.children(None)]
    return [path for path, rows in roots if rows.any() and (feels & rows).sum() >= MOSTLY * rows.sum()]


def _tag_word(ctx: TurnContext, said: str) -> str:
    if ctx.engine.catalogue.with_tag(said).any():
        return said
    match = ctx.engine.resolver.resolve("tag", said, lang=ctx.lang)
    return match.key if match and match.how in SURE else said


def _free(word: str) -> Link:
    return Link(Factor.ENTITY, f"tag:{word}", f"tag:{word}")
