"""Which item "2", "last", "this" or a title means: the list on the screen first, then the catalogue."""

from __future__ import annotations

import re
from collections.abc import Sequence

from catalog.items import AGE_ORDER, Item
from catalog.resolve import SURE
from catalog.spelling import ONES, people_in, plain
from tools.context import Done, Fact, Missed, Option, ToolRetry, TurnContext
from tools.titles import PART, SAME, likeness

NEAREST = 3
LAST = frozenset({"last", "last one", "the last one", "最后", "最后一个"})
THIS = frozenset({"this", "this one", "it", "that", "that one", "这个", "那个", "它"})
ORDINALS = (
    ("first", "一"), ("second", "二"), ("third", "三"), ("fourth", "四"), ("fifth", "五"),
    ("sixth", "六"), ("seventh", "七"), ("eighth", "八"), ("ninth", "九"), ("tenth", "十"),
    ("eleventh", "十一"), ("twelfth", "十二"), ("thirteenth", "十三"), ("fourteenth", "十四"), ("fifteenth", "十五"),
    ("sixteenth", "十六"), ("seventeenth", "十七"), ("eighteenth", "十八"), ("nineteenth", "十九"),
    ("twentieth", "二十"),
)  # fmt: skip
"""A list is at most so long."""
_NUMBERS = {word: number for number, words in enumerate(ORDINALS, 1) for word in words}
_NUMBERS |= {word: number for number, word in enumerate([*ONES, "twenty"]) if number}
_ENGLISH, _CHINESE = r"\d{1,2}|[a-z]+", r"\d{1,2}|[一二三四五六七八九十]{1,3}"
_PLACE = re.compile(
    r"(?:#|number|n[or]\.?)?\s*(\d{1,2})\.?|(?:the )?(?:(\d{1,2})(?:st|nd|rd|th)|([a-z]+(?:st|nd|rd|th)))(?: one)?"
    r"|number ([a-z]+)"
)
_PLACE_ZH = re.compile(rf"第\s*({_CHINESE})[个部本条集]?")
_NO_PLACE = (
    r"(?!.(?:century|birthday|anniversary|grade|grader|season|episode|edition|time|form|former|formers|year|years|legion"
    r"|house|floor|day|night|month|minute|minutes|hour|hours|star|stars|age)\b)"
)
_SAID = (
    re.compile(rf"(?:#|\b(?:number|n[or]\.))\s*({_ENGLISH})\b"),
    re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)\b{_NO_PLACE}"),
    re.compile(rf"\b([a-z]+(?:st|nd|rd|th))\b{_NO_PLACE}"),
    re.compile(rf"(?<!倒数)(?<!到)第\s*({_CHINESE})\s*(?:[个本条首张款]|(?=$|[\s,.!?，。！？、和跟与讲说是呢吧]))"),
    re.compile(rf"(?<!月)(?<!\d)({_CHINESE})号(?!线)"),
    re.compile(r"\bcompare\b[^.;!?]*?\b(?:and|with|to|vs)\.?\s+(\d{1,2})(?=\s*(?:$|[,.;:!?]|(?:and|please)\b))"),
    re.compile(r"(?:比较|对比)[^，。；]*?(?:[和跟与、])\s*(\d{1,2})(?=\s*(?:$|[,.!?，。！？、和跟与哪有的比]))"),
)
"""How places are named for sure: a count, a century or an episode is no place."""
_CARDINAL = re.compile(
    rf"\b(?:about|like|love|play|save|skip|hide|compare|between|and|or|with|vs|why|explain)\.?\s+({_ENGLISH})"
    r"(?=\s*(?:$|[,.;:!?]|(?:and|or|with|vs|to|please|is)\b))"
)
_LAST_SAID = re.compile(r"\blast\b|最后|末")
_NAMED_BY = {"block_content": "name", "unblock_content": "name"}


def find_item(ctx: TurnContext, tool: str, reference: str, **rest: object) -> Item:
    """The item that a reference means. Where there is none, the user gets the nearest titles, the model a ToolRetry.

    `rest`: the call's other arguments, so that a tapped title does what was meant.
    """
    said = _as_said(ctx, reference.strip())
    item = meant(ctx, said)
    if item is None:
        raise ToolRetry(_missed(ctx, tool, said, rest))
    return item


def meant(ctx: TurnContext, reference: str) -> Item | None:
    """The item that a reference means, now under discussion; None where there is none."""
    said = reference.strip()
    item = _by_place(ctx, said) or _by_title(ctx, said)
    if item is not None:
        ctx.outcome.about = item.id
    return item


def is_place(said: str) -> bool:
    """Whether a reference points at the screen instead of naming a title."""
    word = said.strip().casefold()
    return word in THIS or word in LAST or _place(word) is not None


def places_said(words: str) -> tuple[int, ...]:
    """The places that the words of a turn name: "compare 1 and the ninth", "第九个讲什么"."""
    said = words.casefold()
    found = (_number(match[1]) for pattern in _SAID for match in pattern.finditer(said))
    return tuple(dict.fromkeys(number for number in found if number))


def call(name: str, /, **args: object) -> dict[str, object]:
    """A tool call as options carry it."""
    return {"name": name, "args": args}


def _missed(ctx: TurnContext, tool: str, said: str, rest: dict[str, object]) -> str:
    """Notes a reference that leads nowhere, with tappable titles. Returns what to tell the model."""
    near = _nearest(ctx, said)
    again = tool if tool != "compare_items" else "item_details"
    argument = _NAMED_BY.get(again, "item")
    ctx.outcome.options.extend(
        Option(text=item.title, calls=(call(again, **{argument: item.title}, **rest),)) for item in near
    )
    text = ctx.engine.texts.say("replies.step.missed", ctx.lang, said=said)
    ctx.outcome.done.append(Done(tool=tool, text=text, ok=False))
    if is_place(said):
        ctx.outcome.asked = "item"
        _note_how_many(ctx, said)
        places = f'"1" to "{len(ctx.shown)}"' if ctx.shown else "no place, for no list is shown"
        return f"there is no item {said!r}; allowed is {places}, or a title. Ask which one is meant."
    ctx.outcome.missed.append(Missed(said=said, nearest=tuple(item.title for item in near)))
    titles = ", ".join(repr(item.title) for item in near)
    advice = f"nearest: {titles}. Call again with one of these" if titles else "search for its topic instead"
    return f"no item is called {said!r}; {advice}, or say that it is not here."


def _note_how_many(ctx: TurnContext, said: str) -> None:
    """Tells who names a place beyond the list how long it is; once a turn."""
    fact = Fact(kind="only_so_many", values={"n": len(ctx.shown)})
    if ctx.shown and (_place(said.casefold()) or 0) > len(ctx.shown) and fact not in ctx.outcome.facts:
        ctx.outcome.facts.append(fact)


def _as_said(ctx: TurnContext, reference: str) -> str:
    """The reference; where it is a place that nobody named, the one beyond the list that the words do name.

    A small model writes only places that are on the screen, and so "the ninth" of six became another item.
    """
    if not ctx.shown or _is_said(reference.casefold(), ctx.said.casefold()):
        return reference
    return next((str(number) for number in places_said(ctx.said) if number > len(ctx.shown)), reference)


def _is_said(place: str, words: str) -> bool:
    """Whether the words name this place themselves; what is no place by number is left as it is."""
    if place in LAST:
        return _LAST_SAID.search(words) is not None
    number = _place(place)
    if number is None or number in places_said(words) or number in map(_number, _CARDINAL.findall(words)):
        return True
    return re.search(rf"(?<!\d){number}(?!\d)", words) is not None


def _nearest(ctx: TurnContext, said: str) -> list[Item]:
    """Items whose titles come nearest to a spoken one; those on the screen when it is a place that does not exist."""
    catalogue = ctx.engine.catalogue
    if is_place(said):
        return _screen(ctx)
    found = ctx.engine.resolver.candidates("item", said, NEAREST, lang=ctx.lang)
    return _for_age(ctx, [catalogue.item(match.key) for match in found])


def _for_age(ctx: TurnContext, items: Sequence[Item]) -> list[Item]:
    """Those within the listener's age mark: beyond it nothing is told of an item either."""
    mark = AGE_ORDER.index(ctx.stores.users.get(ctx.user_id).age) if items else 0
    return [item for item in items if AGE_ORDER.index(item.age) <= mark]


def _screen(ctx: TurnContext) -> list[Item]:
    """The items on the screen, first to last."""
    return [ctx.engine.catalogue.item(item_id) for item_id in ctx.shown if item_id in ctx.engine.catalogue.row]


def _by_place(ctx: TurnContext, said: str) -> Item | None:
    word, chosen = said.casefold(), None
    number = _place(word)
    if word in THIS:
        chosen = ctx.about or ctx.outcome.about or (ctx.shown[0] if len(ctx.shown) == 1 else None)
    elif word in LAST:
        chosen = ctx.shown[-1] if ctx.shown else None
    elif number is not None and 1 <= number <= len(ctx.shown):
        chosen = ctx.shown[number - 1]
    return ctx.engine.catalogue.item(chosen) if chosen in ctx.engine.catalogue.row else None


def _place(word: str) -> int | None:
    match = _PLACE.fullmatch(word) or _PLACE_ZH.fullmatch(word)
    return _number(next(filter(None, match.groups()))) if match else None


def _number(word: str) -> int | None:
    return int(word) if word.isdecimal() else _NUMBERS.get(word)


def _by_title(ctx: TurnContext, said: str) -> Item | None:
    """The title on the screen that is meant; else an item of the catalogue that is surely called so.

    What is called just so comes before a part of a title that is shown, and that before whom a title shown is by, and
    what is only spelt alike.
    """
    if not plain(said) or is_place(said):
        return None
    catalogue = ctx.engine.catalogue
    alike, shown = _on_screen(ctx, plain(said))
    if alike >= SAME:
        return shown
    match = ctx.engine.resolver.resolve("item", said, lang=ctx.lang)
    sure = [catalogue.item(match.key)] if match and match.kind == "item" and match.how in SURE else []
    called = next(iter(_for_age(ctx, sure)), None)
    if called and alike >= PART:
        return called if plain(said) in _titles(called) else shown
    if called and match and match.how == "exact":
        return called
    return shown or _by_person(ctx, plain(said)) or called


def _by_person(ctx: TurnContext, said: str) -> Item | None:
    """The one item on the screen by whom the words name: "the Ishiguro"."""
    found = [item for item in _screen(ctx) if any(name == said or name.endswith(f" {said}") for name in _people(item))]
    return found[0] if len(found) == 1 else None


def _people(item: Item) -> list[str]:
    return [plain(name) for names in (item.author, item.narrator) if names for name in people_in(names)]


def _titles(item: Item) -> list[str]:
    return [plain(title) for title in (item.title, item.title_alt) if title]


def _on_screen(ctx: TurnContext, said: str) -> tuple[float, Item | None]:
    """The item on the screen whose title is most like the words, and how like; of equals the first."""
    best, found = 0.0, None
    for item in _screen(ctx):
        alike = max(likeness(said, title) for title in _titles(item))
        if alike > best:
            best, found = alike, item
    return best, found
