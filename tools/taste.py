"""What someone likes: genres, people, series and themes (relative), moods and scenes (absolute)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from langchain.tools import ToolRuntime
from langchain_core.tools import tool
from pydantic import Field

from db.pbox import Change
from recommend.filters import FOR_CHILDREN
from recommend.pbox import Factor
from tools.changing import box, clear, half_life, lasting_box, say, scope_of, taken_back, write
from tools.context import Done, Duration, ListRequest, TurnContext
from tools.exclusively import only_leans
from tools.forgetting import wishes_forgotten
from tools.giving_way import lifted, replaced
from tools.linking import (
    Link,
    free,
    link_category,
    link_entity,
    link_moods,
    link_term,
    says_nothing,
    spoken,
    turned,
    with_format,
)
from tools.voices import is_unmarked_voice, unmarked_voice

Step = Annotated[float, Field(ge=-1, le=1, description="0.15 a bit, 0.3 plain, 0.6 a lot; negative for less")]
Weight = Annotated[float, Field(ge=-1, le=1, description="0.4 a bit, 0.8 plain, 1.0 very; negative for not")]
CHILDREN_STORIES = {"en": "children's stories", "zh": "儿童故事"}
PLAIN = 0.3
"""The step of a wish that is neither "a bit" nor "a lot"."""
Lasts = Annotated[
    Duration | None, Field(description="session = for now, lasting = from now on; leave out when not said")
]


@tool
def update_interest_weight(
    category: str, weight_increase: Step, runtime: ToolRuntime[TurnContext], duration: Lasts = None
) -> str:
    """More or less of a genre or category: "more history", "a lot less politics", "我想多听点历史"."""
    ctx: TurnContext = runtime.context
    how: tuple[float, Duration | None] = weight_increase, duration
    said = spoken(category)
    if weight_increase > 0 and says_nothing(ctx, said):
        return _anything(ctx, "update_interest_weight", how)
    genre, kind = with_format(ctx, said) if weight_increase > 0 else (said, "")
    told = [_like(ctx, "update_interest_weight", link_category(ctx, genre), genre, how)]
    # "Crime podcasts" are podcasts too; fewer of them are no fewer podcasts.
    told += [_like(ctx, "update_interest_weight", free(kind), kind, how)] if kind else []
    return ", ".join(told)


@tool
def update_entity_weight(
    kind: Literal["author", "narrator", "series", "tag"],
    name: str,
    weight_increase: Step,
    runtime: ToolRuntime[TurnContext],
    duration: Lasts = None,
) -> str:
    """Like or dislike a writer (author), a reader, performer or host (narrator), a series, or a theme word (tag)."""
    ctx, said = runtime.context, spoken(name)
    if is_unmarked_voice(ctx, said):
        return unmarked_voice(ctx, "update_entity_weight")
    if kind == "tag" and weight_increase > 0 and says_nothing(ctx, said):
        return _anything(ctx, "update_entity_weight", (weight_increase, duration))
    return _like(ctx, "update_entity_weight", link_entity(ctx, kind, said), said, (weight_increase, duration))


@tool
def update_mood_preference(mood: str, weight: Weight, runtime: ToolRuntime[TurnContext], duration: Lasts = None) -> str:
    """How it should feel: funny, relaxing, scary, uplifting, 治愈, 烧脑. Negative: not in the mood for it."""
    ctx = runtime.context
    said, weight = turned(ctx, spoken(mood), weight)
    keys = link_moods(ctx, said)
    said = said if len(keys) == 1 else ""
    links = [Link(Factor.MOOD, key) for key in keys]
    return _set(ctx, "update_mood_preference", links, said, (weight, duration))


@tool
def update_scene_preference(
    scene: str, weight: Weight, runtime: ToolRuntime[TurnContext], duration: Lasts = None
) -> str:
    """When and where it is heard: commute, bedtime, workout, driving, cooking, 睡前, 通勤."""
    ctx, said = runtime.context, spoken(scene)
    link = Link(Factor.SCENE, link_term(ctx, "scene", said))
    return _set(ctx, "update_scene_preference", [link], said, (weight, duration))


def _anything(ctx: TurnContext, name: str, how: tuple[float, Duration | None]) -> str:
    """A wish for "some stories" is one for a list, and for small children one for children's stories."""
    if FOR_CHILDREN.search(ctx.said):
        said = CHILDREN_STORIES[ctx.lang]
        return _like(ctx, name, link_category(ctx, said), said, how)
    ctx.outcome.lists.append(ListRequest(intent="home"))
    ctx.outcome.done.append(Done(tool=name, text=say(ctx, "step.home")))
    return "a list will be shown beside your reply"


def _like(ctx: TurnContext, name: str, link: Link, said: str, how: tuple[float, Duration | None]) -> str:
    step, duration = how
    if step > 0 and link.factor != Factor.MOOD and (fact := only_leans(ctx, said)):
        ctx.outcome.facts.append(fact)
    if step < 0 and (forgotten := wishes_forgotten(ctx, (link.block,), said)):
        return write(ctx, name, list(map(taken_back, forgotten)))
    if link.factor == Factor.MOOD:
        # A mood is set, not stepped: the plain step of 0.3 stands for the plain weight of 0.8.
        return _set(ctx, name, [link], said, (max(-1.0, min(1.0, step * 8 / 3)), duration))
    op, value = _stepped(_standing(ctx, link, how), step)
    change = Change(
        factor=link.factor, key=link.key, op=op, value=value, scope=scope_of(duration), said=said,
        half_life_days=half_life(link.factor, duration),
    )  # fmt: skip
    return write(
        ctx, name, [*lifted(ctx, link, said, how), *replaced(ctx, link, how), change], lasting=duration == "lasting"
    )


def _standing(ctx: TurnContext, link: Link, how: tuple[float, Duration | None]) -> tuple[float, float]:
    """What is held of a thing: what a step for this duration is added to, and what is in force now."""
    step, duration = how
    now = box(ctx).value(link.factor, link.key)
    if duration == "session":
        return (now if now * step > 0 else 0.0), now
    return lasting_box(ctx).value(link.factor, link.key), now


def _stepped(held: tuple[float, float], step: float) -> tuple[Literal["add", "set"], float]:
    """How a step changes what is held: what was said before does not outweigh the wish of now.

    Who wants more of a thing wants it, though they were tired of it; who wants less of it wants it no more than other
    things, unless they say "a bit".
    """
    base, now = held
    if step > 0:
        return ("set", max(base, 0.0) + step) if min(held) < 0 else ("add", step)
    if step <= -PLAIN and max(held) > 0:
        return "set", min(base + step, 0.0)
    return "add", step


def _set(ctx: TurnContext, name: str, links: Sequence[Link], said: str, how: tuple[float, Duration | None]) -> str:
    weight, duration = how
    if weight < 0 and (forgotten := [e for link in links for e in wishes_forgotten(ctx, (), said or link.key)]):
        return write(ctx, name, list(map(taken_back, forgotten)))
    if weight == 0:
        return write(ctx, name, [clear(link.factor, link.key, said, duration) for link in links])
    changes = [change for link in links for change in lifted(ctx, link, said or link.key, how)]
    changes += replaced(ctx, links[0], how)
    changes += [
        Change(
            factor=link.factor, key=link.key, op="set", value=weight, scope=scope_of(duration), said=said,
            half_life_days=half_life(link.factor, duration),
        )
        for link in links
    ]  # fmt: skip
    return write(ctx, name, changes, lasting=duration == "lasting")
