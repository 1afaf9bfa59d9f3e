"""What a block takes away, and which blocks are meant by a name."""

from __future__ import annotations

import numpy as np

from catalog.catalogue import Catalogue
from catalog.resolve import SURE, Kind
from catalog.resolve_words import is_filler, negated
from catalog.spelling import form
from recommend.pbox import Entry, Factor, PBox
from tools.context import TurnContext
from tools.linking import Link, free, is_mood, link_entity, spelt
from tools.words import block_of

CLOSE = 0.8
"""Score from which a misspelt mood may take more with it when it is blocked."""
MOSTLY = 0.7
"""Share of a category's items with a mood, from which blocking the mood blocks the category."""


def blocking_keys(ctx: TurnContext, kind: Kind, said: str) -> tuple[str, ...]:
    """What to block so that it is truly gone: a theme word takes with it the mood and the categories that mean it."""
    if kind not in ("category", "tag"):
        return (link_entity(ctx, kind, said).block,)
    resolver, catalogue = ctx.engine.resolver, ctx.engine.catalogue
    match = resolver.resolve("category", said, lang=ctx.lang)
    headed = [] if is_filler(form(said)) else [f"category:{path}" for path in catalogue.words.taxonomy.headed(said)]
    # A guess by meaning may be liked, but blocks what was never spoken of: "serial killers" is no word for Mystery.
    if kind == "category" and (link := spelt(ctx, said, match)):
        return _needed(catalogue, [link.block, *headed])
    keys = [free(said).block, *headed]
    if match and match.how == "exact" and resolver.is_called(match):
        keys.append(f"{match.kind}:{match.key}")
    match = resolver.resolve("mood", said, lang=ctx.lang)
    # What holds a mood's name behind a "not" is no slip of the keyboard: blocking 不好笑 leaves what is funny.
    slip = match and match.how in SURE and match.score >= CLOSE and not negated(said)
    if match and (slip or is_mood(match)):
        keys += [f"tag:{match.key}", *(f"category:{path}" for path in _mostly(catalogue, match.key))]
    if not taken(ctx, tuple(keys)).any():  # what nothing is marked with may still stand in titles
        keys.append(f"title:{said}")
    return _needed(catalogue, keys)


def sparing(ctx: TurnContext, keys: tuple[str, ...], said: str) -> tuple[tuple[str, ...], str]:
    """The keys that leave something of what this turn wishes for, and the wish that the others would undo, or "".

    In "funny but not silly" both words are one mood here, so that nothing is left to block. Who takes the very word
    back has thought better of it.
    """
    wishes = [change for change in ctx.outcome.changes if (change.after or 0.0) > 0.0 and change.source != "feedback"]
    meant = {
        wish.said or wish.key: _held(ctx.engine.catalogue, key)
        for wish in wishes
        if form(wish.said) != form(said) and (key := block_of(wish.factor, wish.key))
    }
    kept, undone = [], ""
    for key in keys:
        gone = _held(ctx.engine.catalogue, key)
        lost = next((name for name, rows in meant.items() if rows.any() and not (rows & ~gone).any()), "")
        undone = undone or lost
        kept += [] if lost else [key]
    return () if undone and keys[0].startswith("tag:") and keys[0] not in kept else tuple(kept), undone


def same_thing(ctx: TurnContext, block: Entry, link: Link) -> bool:
    """Whether a block takes just the items that a liking is for: a block of "silly" takes all that is funny."""
    key = block_of(link.factor, link.key)
    if key is None:
        return False
    gone = _held(ctx.engine.catalogue, block.key)
    return bool(gone.any()) and np.array_equal(gone, _held(ctx.engine.catalogue, key))


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
    beside = dict.fromkeys(other.name for entry in found for other in pbox.of_one_wish(entry))
    return found + [e for e in blocks if e not in found and e.name in beside]


def blocks_mood(ctx: TurnContext, block: Entry) -> bool:
    """Whether a block is of a mood: of its slug, or of a word that is called so."""
    kind, _, key = block.key.partition(":")
    moods = ctx.engine.catalogue.words.moods
    return kind == "tag" and (key in moods or is_mood(ctx.engine.resolver.resolve("mood", key, lang=ctx.lang)))


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
