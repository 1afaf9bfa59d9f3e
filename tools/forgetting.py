"""Forgetting one wish by name: "forget crime" takes the wish for crime away, and is no block of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from catalog.spelling import form
from recommend.effects import TASTES
from recommend.pbox import Entry
from tools.changing import reached
from tools.context import TurnContext
from tools.words import block_of, name_of

_FORGETTING = re.compile(
    r"\b(?:forget|never ?mind|drop|scrap|remove|delete|cancel)\b|忘掉|忘了|忘记|删掉|删了|删除|去掉|取消|不用管",
    re.IGNORECASE,
)
LEAST_NAME = 2
"""Letters of a name that is looked for among the words of a turn."""


def wishes_forgotten(ctx: TurnContext, keys: tuple[str, ...], said: str) -> list[Entry]:
    """The wishes that the words of the turn want forgotten, where a model heard a block or a dislike; mostly none.

    keys: of the block that was heard. said: its name.
    """
    if not _FORGETTING.search(ctx.said):
        return []
    wishes = [e for e in reached(ctx, "lasting").entries if e.value > 0 and e.factor in TASTES]
    return [e for e in wishes if block_of(e.factor, e.key) in keys or form(said) in _names(ctx, e)]


def named_in(ctx: TurnContext, entries: Iterable[Entry]) -> list[Entry]:
    """Those of some entries that the words of the turn name: "forget the romantic part" names one mood of two."""
    words = f" {form(ctx.said)} "
    return [e for e in entries if any(_is_said(name, words) for name in _names(ctx, e))]


def _is_said(name: str, words: str) -> bool:
    return len(name) >= LEAST_NAME and (f" {name} " in words if name.isascii() else name in words)


def _names(ctx: TurnContext, entry: Entry) -> set[str]:
    """What an entry may be called: the listener's word, its key, its label in both languages."""
    catalogue = ctx.engine.catalogue
    labels = (name_of(entry.factor, entry.key, "", catalogue, lang) for lang in ("en", "zh"))
    return {form(name) for name in (entry.said, entry.key.rpartition(":")[2], *labels)} - {""}
