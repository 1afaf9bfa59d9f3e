"""Lists that someone asks for. A tool only notes the wish; the list is fetched when all tools have run."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from langchain.tools import ToolRuntime
from langchain_core.tools import tool

from catalog.formats import formats_called
from catalog.items import Format, Item
from catalog.resolve import SURE
from catalog.spelling import form, people_in, wrote_original
from tools.changing import say
from tools.context import Done, Fact, ListRequest, TurnContext
from tools.format_asked import format_said, topic_and_format
from tools.items import LAST, find_item, is_place, meant, places_said
from tools.linking import is_format, spoken, with_format
from tools.titles import title_in
from tools.voices import is_unmarked_voice, unmarked_voice

FEWEST, MOST = 1, 20

Kin = Literal["author", "narrator", "series"]


def _more_of(english: str, chinese: str) -> re.Pattern[str]:
    """How more of the same is asked for: "by the same author", "the author of the third", "这个作者别的书"."""
    return re.compile(
        rf"\b(?:same|this|that|its|(?:by|from|with|of|in) the) (?:{english})\b|(?<!\ba )\b(?:{english}) of\b"
        rf"|(?:同一?[个位]?|[这那][个位]?|该)的?(?:{chinese})|(?:{chinese})[^，。]{{0,3}}(?:别的|其[他它]|另外|还有|还写)",
        re.IGNORECASE,
    )


_KIN: tuple[tuple[Kin, re.Pattern[str]], ...] = (
    ("author", _more_of("author|writer|novelist", "作者|作家")),
    ("author", re.compile(r"\bby (?:him|her|them)\b|(?<!其)[他她](?:[还也]?写|的?(?:别的|其[他它]|另外|作品|书))")),
    ("narrator", _more_of("narrator|reader|host|presenter", "演播|主播|播讲|朗读者|主持人")),
    ("series", _more_of("series", "系列")),
)
_OTHERWISE = re.compile(
    r"(?:\b(?:not|no|without|except|than)\b|n't|不要|不是|不想|别(?!的)|除了)[^,.;，。；]{0,12}$"
    r"|(?:\blike |\bto |\b(?:read|narrated|performed|told) |[像似和跟])$",
    re.IGNORECASE,
)
"""What makes the opposite of it: "not by the same author", "like this series"."""


class _Trend(NamedTuple):
    """What a list of what is popular is of."""

    path: str | None = None
    label: str = ""
    format: Format | None = None


@tool
def recommend(runtime: ToolRuntime[TurnContext], count: int | None = None) -> str:
    """Recommend something, or more of it: "recommend me something", "more", "next", "show me five"."""
    ctx = runtime.context
    if count is not None and count in places_said(ctx.said) and count > len(ctx.shown) > 0:
        find_item(ctx, "item_details", str(count))  # "the tenth" of six is no wish for ten
    size = None if count is None else min(max(count, FEWEST), MOST)
    ctx.outcome.lists.append(ListRequest(intent="more" if ctx.shown else "home", size=size))
    return _noted(ctx, "recommend", say(ctx, "step.more" if ctx.shown else "step.home"))


@tool
def search_catalog(query: str, runtime: ToolRuntime[TurnContext]) -> str:
    """Look for a title, a person, a topic or a plot: "got Dracula?", "books about octopuses"."""
    ctx = runtime.context
    wanted = spoken(query)
    if is_unmarked_voice(ctx, wanted):
        return unmarked_voice(ctx, "search_catalog")
    wanted, kind = topic_and_format(ctx, wanted)
    ctx.outcome.lists.append(ListRequest(intent="search", query=wanted, format=kind))
    return _noted(ctx, "search_catalog", say(ctx, "step.search", query=wanted))


@tool
def find_similar(item: str, runtime: ToolRuntime[TurnContext]) -> str:
    """More like one item, by its place ("2", "last"), its title, or "this": "more like the second", "类似三体的"."""
    ctx = runtime.context
    kin = _kin_asked(ctx.said)
    said = "this" if kin and _unsaid(ctx, item) else spoken(item)
    anchor = find_item(ctx, "find_similar", said) if is_place(said) else meant(ctx, said)
    if anchor is None:
        # A person, or a title that is not here, still says what is wanted: the list of such words tells what it is.
        ctx.outcome.lists.append(ListRequest(intent="search", query=said))
        return _noted(ctx, "find_similar", say(ctx, "step.search", query=said))
    name = _kindred(ctx, kin, anchor) if kin else None
    if name:
        ctx.outcome.lists.append(ListRequest(intent="search", query=name, seen=frozenset({anchor.id})))
        return _noted(ctx, "find_similar", say(ctx, "step.search", query=name))
    ctx.outcome.lists.append(ListRequest(intent="similar", anchor=anchor.id))
    return _noted(ctx, "find_similar", say(ctx, "step.similar", title=title_in(anchor, ctx.lang)))


@tool
def get_trending(runtime: ToolRuntime[TurnContext], category: str | None = None) -> str:
    """What is popular now, in a category or over all: "what's hot", "top podcasts this week"."""
    ctx = runtime.context
    found = _trend(ctx, category.strip()) if category and category.strip() else _Trend(format=format_said(ctx))
    ctx.outcome.lists.append(ListRequest(intent="trending", category=found.path, format=found.format))
    text = say(ctx, "step.trending_in", what=found.label) if found.path else say(ctx, "step.trending")
    return _noted(ctx, "get_trending", text)


@tool
def discover_interests(runtime: ToolRuntime[TurnContext]) -> str:
    """Once, something outside the usual: "surprise me", "something completely different", "出圈一下"."""
    runtime.context.outcome.lists.append(ListRequest(intent="discover"))
    return _noted(runtime.context, "discover_interests", say(runtime.context, "step.discover"))


def _trend(ctx: TurnContext, said: str) -> _Trend:
    """The category, and the format, of "history podcasts", of "courses", of a category that is told to be none."""
    genre, kind = with_format(ctx, said)
    match = ctx.engine.resolver.resolve("category", genre, lang=ctx.lang)
    if match is None or match.how not in SURE:
        ctx.outcome.facts.append(Fact(kind="no_category", values={"said": said}))
        return _Trend(format=format_said(ctx))
    if is_format(ctx, match):
        return _Trend(genre if formats_called(form(genre)) else match.name, genre, formats_called(match.name)[0])
    formats = formats_called(form(kind))
    return _Trend(match.key, match.label, formats[0] if formats else None)


def _kin_asked(words: str) -> Kin | None:
    """Whether the words of a turn want more of the same author, narrator or series instead of something alike."""
    for kin, asked in _KIN:
        if any(not _OTHERWISE.search(words[: match.start()]) for match in asked.finditer(words)):
            return kin
    return None


def _unsaid(ctx: TurnContext, item: str) -> bool:
    """Whether a place stands for the item under discussion: nobody has named a place, and "the same author" is its."""
    word = item.strip().casefold()
    return ctx.about is not None and is_place(word) and word not in LAST and not places_said(ctx.said)


def _kindred(ctx: TurnContext, kin: Kin, item: Item) -> str | None:
    """The person or series to look for; None where nothing else is theirs here, which the reply then says."""
    kin, names = _names(kin, item)
    if not names:
        ctx.outcome.facts.append(Fact(kind="no_kin", values={"kin": kin, "title": title_in(item, ctx.lang)}))
        return None
    found = next((name for name in names if _has_others(ctx, kin, name, item)), None)
    if found is None:
        ctx.outcome.facts.append(Fact(kind="nothing_else", values={"kin": kin, "name": names[0]}))
    return found


def _names(kin: Kin, item: Item) -> tuple[Kin, tuple[str, ...]]:
    """The names of an item's series, or of its people: a podcast's host may be filed as either."""
    if kin == "series":
        return kin, (item.series,) if item.series else ()
    other: Kin = "narrator" if kin == "author" else "author"
    lines = {"author": item.author, "narrator": item.narrator}
    kin = kin if lines[kin] else other if lines[other] else kin
    line = lines[kin] or ""
    people = people_in(line) if line else ()
    # 猫耳FM（原著 巫哲）: who wrote the original is meant, not the studio that made a drama of it.
    original = wrote_original(line)
    return kin, people[people.index(original) :] if original else people


def _has_others(ctx: TurnContext, kin: Kin, name: str, item: Item) -> bool:
    catalogue = ctx.engine.catalogue
    kinds = ("series",) if kin == "series" else ("author", "narrator")
    return any(catalogue.items[row].id != item.id for kind in kinds for row in catalogue.rows_with(kind, name))


def _noted(ctx: TurnContext, name: str, text: str) -> str:
    ctx.outcome.done.append(Done(tool=name, text=text))
    return f"{text}: the list will be shown beside your reply"
