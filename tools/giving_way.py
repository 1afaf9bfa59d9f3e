"""What gives way to a new wish: blocks of it, the part of a wider block that it is, wishes whose place it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from catalog.formats import formats_called
from catalog.resolve import SURE
from catalog.spelling import form
from catalog.taxonomy import LESS, parted
from db.changes import LONGEST_KEY, Change
from recommend.effects import SPOKEN
from recommend.pbox import INTERESTS, Entry, Factor, PBox
from recommend.reading import SITTING
from tools.blocking import alike, blocks_named, taken, without
from tools.changing import blocked, box, clear, reached
from tools.context import Duration, Fact, TurnContext
from tools.linking import Link
from tools.words import block_of

_EXCEPT = re.compile(
    r"(?:嗯|哦|啊|那|不过|但是?)*[，, ]*(?:除了|除开|除去)(?!.*(?:都?不|别))|"
    r"(?:but |oh |well |ok(?:ay)?,? )*(?:except|apart from|other than|not counting)\b",
    re.IGNORECASE,
)
"""How a message begins that only makes an exception of what was said before."""
_INSTEAD = re.compile(r"\binstead\b|换成|改成|换点|换个", re.IGNORECASE)


def lifted(ctx: TurnContext, link: Link, said: str, how: tuple[float, Duration | None]) -> list[Change]:
    """Wanting a thing takes back an earlier block of that very thing, for as long; else the wish could not be met."""
    weight, duration = how
    if weight <= 0 or link.factor == Factor.SCENE:
        return []
    held = reached(ctx, duration)
    changes = [clear(Factor.BLOCK, entry.key, entry.said, duration) for entry in _in_the_way(ctx, held, link, said)]
    for own in _categories(ctx, link, said):
        changes += narrowed(ctx, held, own, duration)
    return changes


def _in_the_way(ctx: TurnContext, pbox: PBox, link: Link, said: str) -> list[Entry]:
    """The user's blocks of the very thing, or of just the items that it is for: a block of "silly" takes the funny.

    Where it is another word for them, that both are one here is told.
    """
    own = block_of(link.factor, link.key)
    keys = tuple(key for key in (link.block, f"tag:{link.key}") if key)
    found = blocks_named(ctx, pbox, keys, said)
    blocks = pbox.of(Factor.BLOCK)
    same = [e for e in blocks if own and e not in found and (alike(ctx, e.key, own) or _means(ctx, e, own))]
    for block in (*found, *same):
        if not _is_called(ctx, block, said):
            ctx.outcome.facts.append(Fact(kind="spared", values={"name": block.said or block.key, "wish": said}))
    return list(dict.fromkeys([*found, *(e for block in same for e in pbox.of_one_wish(block))]))


def _means(ctx: TurnContext, block: Entry, own: str) -> bool:
    """Whether a blocked theme word is what the category is called: "children" is Kids & Family."""
    kind, _, word = block.key.partition(":")
    match = ctx.engine.resolver.resolve("category", word, lang=ctx.lang) if kind == "tag" else None
    return match is not None and f"category:{match.key}" == own and ctx.engine.resolver.is_called(match)


def _is_called(ctx: TurnContext, block: Entry, said: str) -> bool:
    """Whether the words name what is blocked, or something of the same words, by a name of its own."""
    kind, _, key = block.key.partition(":")
    if form(said) in (form(block.said), form(key)) or form(block.said) in form(said):
        return True
    return kind == "category" and ctx.engine.catalogue.words.taxonomy.says(parted(key)[0], said)


def _categories(ctx: TurnContext, link: Link, said: str) -> Iterator[str]:
    """The keys of the blocks of what is wished for: of the thing, and of a category that a theme word names."""
    own = block_of(link.factor, link.key)
    if own is not None:
        yield own
    match = ctx.engine.resolver.resolve("category", said, lang=ctx.lang) if link.factor == Factor.ENTITY else None
    if match and match.kind == "category" and match.how in SURE:
        yield f"category:{match.key}"


def narrowed(ctx: TurnContext, pbox: PBox, own: str, duration: Duration | None) -> list[Change]:
    """What takes a category (`own`: the key of its block) out of the wider ones that are blocked.

    "No fiction", and now "more mystery": no fiction except mystery. A block of nothing more, or of too many
    exceptions to tell, goes.
    """
    changes: list[Change] = []
    for block in pbox.of(Factor.BLOCK):
        left = without(ctx, block.key, own)
        if left is None:
            continue
        keys = [e.key for e in pbox.of_one_wish(block) if e != block]
        if len(left) <= LONGEST_KEY and taken(ctx, (left,)).any():
            keys.append(left)
        changes += _made_to(block, keys, duration)
    return changes


def widened(pbox: PBox, keys: tuple[str, ...], duration: Duration | None) -> list[Change]:
    """What takes an exception of a block back that is blocked now: "no mystery", after no fiction but that."""
    changes: list[Change] = []
    for block in pbox.of(Factor.BLOCK):
        base, less = parted(block.key)
        left = [part for part in less if f"category:{part}" not in keys]
        if block.key.startswith("category:") and len(left) < len(less):
            changes += _made_to(block, [LESS.join([base, *left])], duration)
    return changes


def _made_to(block: Entry, keys: Sequence[str], duration: Duration | None) -> list[Change]:
    """What makes a block one of other keys, said in the same words, for as long."""
    scope = "session" if "session" in (duration, block.scope) else "lasting"
    gone = clear(Factor.BLOCK, block.key, block.said, duration)
    return [gone, *(blocked(key, block.said, scope) for key in keys)]


def excepted(ctx: TurnContext, keys: tuple[str, ...]) -> bool:
    """Whether a block that was heard is what an earlier one shall leave: 除了古代言情, after 不要言情."""
    if not _EXCEPT.match(ctx.said.strip()):
        return False
    blocks = reached(ctx, None).of(Factor.BLOCK)
    return any(block.turn_id != ctx.turn_id and without(ctx, block.key, keys[0]) for block in blocks)


def replaced(ctx: TurnContext, link: Link, how: tuple[float, Duration | None]) -> list[Change]:
    """What a wish "instead" takes the place of: of the wishes of this sitting those of its sort.

    A mood takes the place of moods, a format of formats; a genre, a person or a theme that of all three.
    """
    weight, duration = how
    blocks_something = any(change.factor == Factor.BLOCK and change.after for change in ctx.outcome.changes)
    if weight <= 0 or blocks_something or not _INSTEAD.search(ctx.said):
        return []
    mine = [e for e in box(ctx).entries if e.value > 0 and e.source in SPOKEN and e.turn_id != ctx.turn_id]
    recent = [e for e in mine if ctx.now - e.set_at < SITTING]
    return [clear(e.factor, e.key, e.said, duration) for e in recent if _sort(e.factor, e.key) == _sort(*link[:2])]


def _sort(factor: Factor, key: str) -> str:
    if factor not in INTERESTS:
        return factor.value
    return "format" if formats_called(form(key.partition(":")[2])) else "interest"
