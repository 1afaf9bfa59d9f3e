"""Forgetting one wish by name: "forget crime" takes the wish for crime away, and is no block of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from catalog.catalogue import Catalogue
from catalog.resolve import Kind
from catalog.spelling import form
from recommend.effects import TASTES
from recommend.pbox import Entry, Factor
from recommend.request import UiLanguage
from tools.changing import reached, say
from tools.context import Done, Engine, Fact, TurnContext
from tools.items import call
from tools.words import block_of, name_of

_VERBS = r"forget|never ?mind", "忘掉|忘了|忘记"
_LOOSER = r"forget|never ?mind|drop|scrap|remove|delete|cancel", "忘掉|忘了|忘记|删掉|删了|删除|去掉|取消|不用管"
"""Words that surely speak of what is remembered, and these with others: "drop the dragons" may be a block."""
_FOR_GOOD = re.compile(r"\b(?:for good|for ?ever|ever again|from my life)\b|以后|永远|再也|别再", re.I)
_WHOLE = re.compile(
    r"(?:(?:please|ok(?:ay)?|oh|just|actually|and|now),? )*(?:forget|never ?mind|drop|scrap|cancel)(?: about| that)*"
    r"(?: the| my| that)* (?P<en>[^,.;!?]{2,40}?)(?: (?:part|thing|bit|one|wish|preference)s?)?(?: please)?[.!]*|"
    r"(?:把|那?就)?(?:(?:忘掉|忘了|忘记|删掉|去掉|取消|不用管)(?P<zh>[^，。！？,]{1,12}?)|(?P<ba>[^，。！？,]{1,12}?)"
    r"(?:忘掉|忘了|删掉|去掉|取消))(?:这条|那条|的偏好)?[吧了]*[。！]*",
    re.I,
)
_KNOWN: tuple[Kind, ...] = ("category", "mood", "scene", "author", "narrator", "series")
_SIDES = frozenset(
    "language languages mood moods genre genres 语言 心情 类型 场景 作者 演播 系列 时长 价格 评分".split()
)
"""Sides of the taste that may be called like a category: these are for `reset_preferences`."""
_LESS = {
    Factor.CATEGORY: ("update_interest_weight", "category", "weight_increase"),
    Factor.ENTITY: ("update_entity_weight", "name", "weight_increase"),
    Factor.MOOD: ("update_mood_preference", "mood", "weight"),
    Factor.SCENE: ("update_scene_preference", "scene", "weight"),
}
LEAST_NAME = 2
"""Letters of a name that is looked for among the words of a turn."""


def wishes_forgotten(ctx: TurnContext, keys: tuple[str, ...], said: str) -> list[Entry]:
    """The wishes that the words of the turn want forgotten, where a model heard a block or a dislike; mostly none.

    keys: of the block that was heard. said: its name.
    """
    if not _is_forgotten(ctx.said, said, _LOOSER):
        return []
    wishes = [e for e in reached(ctx, "lasting").entries if e.value > 0 and e.factor in TASTES]
    return [e for e in wishes if block_of(e.factor, e.key) in keys or form(said) in _names(ctx.engine.catalogue, e)]


def _is_forgotten(words: str, name: str, verbs: tuple[str, str]) -> bool:
    """Whether a name is what a verb of forgetting is about: not in "don't forget: no horror", 别忘了."""
    if _FOR_GOOD.search(words):
        return False
    (english, chinese), said = verbs, re.escape(name.strip())
    before = r"(?<!n't )(?<!n’t )(?<!not )(?<!never )(?<!before i )"
    return any(
        re.search(pattern, words, re.I)
        for pattern in (
            rf"{before}\b(?:{english})\b(?: [\w'’-]+){{0,3}}? {said}(?!\w)",
            rf"(?<![别不])(?:{chinese})[^，。；！？,]{{0,4}}{said}|{said}[^，。；！？,]{{0,4}}(?:{chinese})",
        )
    )


def nothing_to_forget(ctx: TurnContext, said: str) -> bool:
    """Whether the words speak of forgetting a thing that nobody has wished for: no block is meant, and it is told."""
    if not _is_forgotten(ctx.said, said, _VERBS):
        return False
    ctx.outcome.facts.append(Fact(kind="nothing_set", values={"what": said}))
    ctx.outcome.done.append(Done(tool="block_content", text=say(ctx, "fact.nothing_set", what=said)))
    return True


def name_to_forget(words: str) -> str:
    """What a message wants forgotten that wants nothing else ("forget the history"); "" for any other message."""
    found = _WHOLE.fullmatch(words.strip())
    return next(group for group in found.groups() if group) if found else ""


def calls_to_forget(words: str, entries: Sequence[Entry], engine: Engine, lang: UiLanguage) -> list[dict[str, Any]]:
    """The calls for a message that only wants one thing forgotten (`name_to_forget`); none for any other message.

    A call that wants less of a thing takes the wish for it away where forgetting is spoken of (`wishes_forgotten`); one
    that blocks what nobody wished for tells so (`nothing_to_forget`).
    """
    said = name_to_forget(words)
    if not said:
        return []
    named = [entry for entry in entries if form(said) in _names(engine.catalogue, entry)]
    calls = [call(_LESS[e.factor][0], **_less(e, said)) for e in named if e.value > 0 and e.factor in _LESS]
    calls += [call("unblock_content", kind="tag", name=said)] if any(e.factor == Factor.BLOCK for e in named) else []
    if calls or not _is_forgotten(words, said, _VERBS) or said.casefold() in _SIDES:
        return calls
    known = engine.resolver.any_kind(said, _KNOWN, lang=lang)
    return [call("block_content", kind="tag", name=said)] if known and known.how == "exact" else []


def _less(entry: Entry, said: str) -> dict[str, Any]:
    _, name, weight = _LESS[entry.factor]
    kind = entry.key.partition(":")[0]
    return {name: said, weight: -0.3} | ({"kind": kind} if entry.factor == Factor.ENTITY else {})


def named_in(ctx: TurnContext, entries: Iterable[Entry]) -> list[Entry]:
    """Those of some entries that the words of the turn name: "forget the romantic part" names one mood of two."""
    words = f" {form(ctx.said)} "
    return [e for e in entries if any(_is_said(name, words) for name in _names(ctx.engine.catalogue, e))]


def _is_said(name: str, words: str) -> bool:
    return len(name) >= LEAST_NAME and (f" {name} " in words if name.isascii() else name in words)


def _names(catalogue: Catalogue, entry: Entry) -> set[str]:
    """What an entry may be called: the listener's word, its key, its labels and what else they are called."""
    labels = (name_of(entry.factor, entry.key, "", catalogue, lang) for lang in ("en", "zh"))
    names = (entry.said, entry.key.rpartition(":")[2], *labels, *_aliases(catalogue, entry))
    return {form(name) for name in names} - {""}


def _aliases(catalogue: Catalogue, entry: Entry) -> tuple[str, ...]:
    words = catalogue.words
    match entry.factor:
        case Factor.CATEGORY if entry.key in words.taxonomy:
            return words.taxonomy.get(entry.key).aliases
        case Factor.MOOD if entry.key in words.moods:
            return words.moods.get(entry.key).aliases
        case Factor.SCENE if entry.key in words.scenes:
            return words.scenes.get(entry.key).aliases
        case _:
            return ()
