"""Lists that someone asks for. A tool only notes the wish; the list is fetched when all tools have run."""

from __future__ import annotations

from langchain.tools import ToolRuntime
from langchain_core.tools import tool

from catalog.resolve import SURE
from tools.changing import say
from tools.context import Done, Fact, ListRequest, TurnContext
from tools.items import find_item, is_place, meant
from tools.linking import spoken

FEWEST, MOST = 1, 20


@tool
def recommend(runtime: ToolRuntime[TurnContext], count: int | None = None) -> str:
    """Recommend something, or more of it: "recommend me something", "more", "next", "show me five"."""
    ctx = runtime.context
    size = None if count is None else min(max(count, FEWEST), MOST)
    ctx.outcome.lists.append(ListRequest(intent="more" if ctx.shown else "home", size=size))
    return _noted(ctx, "recommend", say(ctx, "step.more" if ctx.shown else "step.home"))


@tool
def search_catalog(query: str, runtime: ToolRuntime[TurnContext]) -> str:
    """Look for a title, a person, a topic or a plot: "got Dracula?", "books about octopuses"."""
    ctx = runtime.context
    wanted = spoken(query)
    ctx.outcome.lists.append(ListRequest(intent="search", query=wanted))
    return _noted(ctx, "search_catalog", say(ctx, "step.search", query=wanted))


@tool
def find_similar(item: str, runtime: ToolRuntime[TurnContext]) -> str:
    """More like one item, by its place ("2", "last"), its title, or "this": "more like the second", "类似三体的"."""
    ctx = runtime.context
    said = spoken(item)
    anchor = find_item(ctx, "find_similar", said) if is_place(said) else meant(ctx, said)
    if anchor is None:
        # A person, or a title that is not here, still says what is wanted: the list of such words tells what it is.
        ctx.outcome.lists.append(ListRequest(intent="search", query=said))
        return _noted(ctx, "find_similar", say(ctx, "step.search", query=said))
    ctx.outcome.lists.append(ListRequest(intent="similar", anchor=anchor.id))
    return _noted(ctx, "find_similar", say(ctx, "step.similar", title=anchor.title))


@tool
def get_trending(runtime: ToolRuntime[TurnContext], category: str | None = None) -> str:
    """What is popular now, in a category or over all: "what's hot", "top podcasts this week"."""
    ctx = runtime.context
    path, label = None, ""
    if category and category.strip():
        match = ctx.engine.resolver.resolve("category", category.strip(), lang=ctx.lang)
        if match and match.how in SURE:
            path, label = match.key, match.label
        else:
            ctx.outcome.facts.append(Fact(kind="no_category", values={"said": category.strip()}))
    ctx.outcome.lists.append(ListRequest(intent="trending", category=path))
    return _noted(ctx, "get_trending", say(ctx, "step.trending_in", what=label) if path else say(ctx, "step.trending"))


@tool
def discover_interests(runtime: ToolRuntime[TurnContext]) -> str:
    """Once, something outside the usual: "surprise me", "something completely different", "出圈一下"."""
    runtime.context.outcome.lists.append(ListRequest(intent="discover"))
    return _noted(runtime.context, "discover_interests", say(runtime.context, "step.discover"))


def _noted(ctx: TurnContext, name: str, text: str) -> str:
    ctx.outcome.done.append(Done(tool=name, text=text))
    return f"{text}: the list will be shown beside your reply"
