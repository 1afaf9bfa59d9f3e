"""Which item "2", "last", "this" or a title means: the list on the screen first, then the catalogue."""

from __future__ import annotations

import re
from collections.abc import Sequence

from catalog.items import AGE_ORDER, Item
from catalog.resolve import SURE
from catalog.spelling import people_in, plain
from tools.context import Done, Missed, Option, ToolRetry, TurnContext
from tools.titles import PART, SAME, likeness

NEAREST = 3
LAST = frozenset({"last", "last one", "the last one", "最后", "最后一个"})
THIS = frozenset({"this", "this one", "it", "that", "that one", "这个", "那个", "它"})
ORDINALS = (
    ("first", "1st", "一"), ("second", "2nd", "二"), ("third", "3rd", "三"), ("fourth", "4th", "四"),
    ("fifth", "5th", "五"), ("sixth", "6th", "六"), ("seventh", "7th", "七"), ("eighth", "8th", "八"),
)  # fmt: skip
_PLACE = re.compile(r"#?\s*(\d{1,2})\.?|(?:the )?([1-8](?:st|nd|rd|th)|[a-z]+th|first|second|third)(?: one)?")
_PLACE_ZH = re.compile(r"第\s*(?:(\d{1,2})|([一二三四五六七八]))[个部本条集]?")
_NAMED_BY = {"block_content": "name", "unblock_content": "name"}


def find_item(ctx: TurnContext, tool: str, reference: str, **rest: object) -> Item:
    """The item that a reference means. Where there is none, the user gets the nearest titles, the model a ToolRetry.

    `rest`: the call's other arguments, so that a tapped title does what was meant.
    """
    item = meant(ctx, reference)
    if item is None:
        raise ToolRetry(_missed(ctx, tool, reference.strip(), rest))
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
        places = f'"1" to "{len(ctx.shown)}"' if ctx.shown else "no place, for no list is shown"
        return f"there is no item {said!r}; allowed is {places}, or a title. Ask which one is meant."
    ctx.outcome.missed.append(Missed(said=said, nearest=tuple(item.title for item in near)))
    titles = ", ".join(repr(item.title) for item in near)
    advice = f"nearest: {titles}. Call again with one of these" if titles else "search for its topic instead"
    return f"no item is called {said!r}; {advice}, or say that it is not here."


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
    if match is None:
        return None
    if match.group(1):
        return int(match.group(1))
    return next((number for number, names in enumerate(ORDINALS, 1) if match.group(2) in names), None)


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
