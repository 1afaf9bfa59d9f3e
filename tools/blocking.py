"""What a block takes away, and which blocks are meant by a name."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from catalog.catalogue import Catalogue
from catalog.resolve import SURE, Kind
from catalog.resolve_words import is_filler, negated
from catalog.spelling import form
from catalog.taxonomy import parted
from recommend.pbox import Entry, Factor, PBox
from tools.context import Fact, TurnContext
from tools.linking import free, is_mood, link_entity, spelt
from tools.words import block_of

CLOSE = 0.8
"""Score from which a misspelt mood may take more with it when it is blocked."""
FEW_TITLES = 10
"""Up to so many titles that hold a blocked word go with it; a word of more titles is a common one."""
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
    elif len(catalogue.rows_with("title", said)) <= FEW_TITLES:  # not all that is spoken of is marked so
        keys.append(f"title:{said}")
    return _needed(catalogue, keys)


class Spared(NamedTuple):
    """What is left of a block beside the wishes of its turn."""

    keys: tuple[str, ...]
    facts: tuple[Fact, ...]


def sparing(ctx: TurnContext, keys: tuple[str, ...], said: str) -> Spared:
    """A block as it may be made beside what this turn wishes for.

    In "funny but not silly" both words are one mood here, so that nothing is left to block; "mystery but no other
    fiction" takes the rest; "Stephen King but no horror" may leave nothing, which is told. Who takes the very word back
    has thought better of it.
    """
    facts: list[Fact] = []
    for wish in ctx.outcome.changes:
        own = block_of(wish.factor, wish.key)
        wished = (wish.after or 0.0) > 0.0 and wish.source != "feedback" and form(wish.said) != form(said)
        if own is None or not wished or not keys:
            continue
        name = wish.said or wish.key
        left = [part for key in keys for part in _beside(ctx, key, own)]
        if left == list(keys):
            meant = _held(ctx.engine.catalogue, own)
            if meant.any() and not (meant & ~taken(ctx, keys)).any():
                facts.append(Fact(kind="nothing_left", values={"name": said, "wish": name}))
        elif any(alike(ctx, key, own) for key in keys):
            facts.append(Fact(kind="spared", values={"name": said, "wish": name}))
            left = [] if keys[0].startswith("tag:") and keys[0] not in left else left
        keys = tuple(left)
    return Spared(keys, tuple(facts))


def _beside(ctx: TurnContext, key: str, own: str) -> list[str]:
    """The keys that take what `key` takes, less a wish (the key of its block) that is the same or a part of it."""
    if alike(ctx, key, own):
        return []
    return [without(ctx, key, own) or key]


def alike(ctx: TurnContext, key: str, other: str) -> bool:
    """Whether two blocks take the same items, and any."""
    gone = _held(ctx.engine.catalogue, key)
    return bool(gone.any()) and np.array_equal(gone, _held(ctx.engine.catalogue, other))


def without(ctx: TurnContext, key: str, own: str) -> str | None:
    """The key of a blocked category less one in it; None where both are not categories, one in the other."""
    (kind, _, path), (other, _, part) = key.partition(":"), own.partition(":")
    if kind != "category" or other != "category":
        return None
    left = ctx.engine.catalogue.words.taxonomy.without(path, part)
    return None if left is None else f"category:{left}"


def takes_all(ctx: TurnContext, keys: tuple[str, ...], own: str) -> bool:
    """Whether a block leaves nothing of what it is a word for: of the same items, or of a category below a blocked one.

    A person whose works happen to lie in it may still be liked.
    """
    return any(alike(ctx, key, own) or without(ctx, key, own) is not None for key in keys)


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
    """The user's blocks that these keys or this word mean.

    With them goes what came from the same words, where it is these that are named or a theme that took categories
    along: "true crime is fine" leaves the rest of "no crime".
    """
    wanted, blocks = form(said), pbox.of(Factor.BLOCK)
    found = [entry for entry in blocks if whole(entry.key) in keys or wanted in _forms(ctx, entry)]
    firsts = {entry.name: pbox.of_one_wish(entry)[0] for entry in found}
    named = [e for e in found if form(e.said) == wanted or firsts[e.name] == e or firsts[e.name].key.startswith("tag:")]
    beside = {other.name for entry in named for other in pbox.of_one_wish(entry)}
    return found + [e for e in blocks if e not in found and e.name in beside]


def whole(key: str) -> str:
    """The key of a block without what is taken out of it: "category:fiction" of "category:fiction -mystery"."""
    return parted(key)[0] if key.startswith("category:") else key


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
