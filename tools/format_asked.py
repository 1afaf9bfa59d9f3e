"""The format that a search is to lean to: in "podcasts about jazz" only "jazz" is looked for."""

from __future__ import annotations

import numpy as np

from catalog.formats import FORMAT_WORDS, formats_called, formats_named
from catalog.items import Format
from catalog.resolve import Kind
from catalog.resolve_words import is_filler
from catalog.spelling import form, is_chinese
from tools.context import TurnContext
from tools.linking import cuts

NAMES: tuple[Kind, ...] = ("item", "author", "narrator", "series")
"""What has a name of its own, where all else is a topic."""


def topic_and_format(ctx: TurnContext, query: str) -> tuple[str, Format | None]:
    """What to look for and the one format that the words of the turn name with it; mostly None.

    None too for a name that is here in other formats only: who asks for a podcast of Dracula may have the book.
    """
    is_name = _is_name(ctx, query)
    if formats_named(query):
        return (query, None) if is_name else _apart(query)
    kind = format_said(ctx)
    if kind and is_name and not (_called(ctx, query) & of_format(ctx, kind)).any():
        return query, None
    return query, kind


def format_said(ctx: TurnContext) -> Format | None:
    """The one format that the words of the turn name; None for several."""
    named = formats_named(ctx.said)
    return next(iter(named)) if len(named) == 1 else None


def of_format(ctx: TurnContext, kind: Format) -> np.ndarray:
    """The items of a format (a mask)."""
    return ctx.engine.catalogue.holds("tag", FORMAT_WORDS[kind][0])


def _apart(query: str) -> tuple[str, Format | None]:
    """ "Dinosaur podcasts" are podcasts about dinosaurs; golf courses are no courses about golf."""
    for topic, back in cuts(query):
        formats = formats_called(form(back))
        if formats and not is_filler(form(topic)) and (formats[0] != "course" or is_chinese(back)):
            return topic, formats[0]
    return query, None


def _is_name(ctx: TurnContext, query: str) -> bool:
    match = ctx.engine.resolver.any_kind(query, NAMES, lang=ctx.lang)
    return match is not None and match.how == "exact"


def _called(ctx: TurnContext, query: str) -> np.ndarray:
    """The items that are about what is looked for, or are called so, or whose people are (a mask)."""
    catalogue = ctx.engine.catalogue
    mask = catalogue.holds("theme", query)
    for kind in ("author", "narrator", "series"):
        mask = mask | catalogue.holds(kind, query)
    return mask | catalogue.holds("title", query)
