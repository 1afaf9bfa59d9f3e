"""What someone likes: genres, people, series and themes (relative), moods and scenes (absolute)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from langchain.tools import ToolRuntime
from langchain_core.tools import tool
from pydantic import Field

from db.pbox import Change
from recommend.pbox import Factor
from tools.changing import clear, half_life, reached, scope_of, write
from tools.context import Duration, TurnContext
from tools.linking import Link, blocks_named, link_category, link_entity, link_moods, link_term, spoken, turned

Step = Annotated[float, Field(ge=-1, le=1, description="0.15 a bit, 0.3 plain, 0.6 a lot; negative for less")]
Weight = Annotated[float, Field(ge=-1, le=1, description="0.4 a bit, 0.8 plain, 1.0 very; negative for not")]
Lasts = Annotated[
    Duration | None, Field(description="session = for now, lasting = from now on; leave out when not said")
]


@tool
def update_interest_weight(
    category: str, weight_increase: Step, runtime: ToolRuntime[TurnContext], duration: Lasts = None
) -> str:
    """More or less of a genre or category: "more history", "a lot less politics", "我想多听点历史"."""
    ctx, said = runtime.context, spoken(category)
    return _like(ctx, "update_interest_weight", link_category(ctx, said), said, (weight_increase, duration))


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


def _like(ctx: TurnContext, name: str, link: Link, said: str, how: tuple[float, Duration | None]) -> str:
    step, duration = how
    if link.factor == Factor.MOOD:
        # A mood is set, not stepped: the plain step of 0.3 stands for the plain weight of 0.8.
        return _set(ctx, name, [link], said, (max(-1.0, min(1.0, step * 8 / 3)), duration))
    change = Change(
        factor=link.factor, key=link.key, op="add", value=step, scope=scope_of(duration), said=said,
        half_life_days=half_life(link.factor, duration),
    )  # fmt: skip
    return write(ctx, name, [*_lifted(ctx, link, said, how), change], lasting=duration == "lasting")


def _set(ctx: TurnContext, name: str, links: Sequence[Link], said: str, how: tuple[float, Duration | None]) -> str:
    weight, duration = how
    if weight == 0:
        return write(ctx, name, [clear(link.factor, link.key, said, duration) for link in links])
    changes = [change for link in links for change in _lifted(ctx, link, said or link.key, how)]
    changes += [
        Change(
            factor=link.factor, key=link.key, op="set", value=weight, scope=scope_of(duration), said=said,
            half_life_days=half_life(link.factor, duration),
        )
        for link in links
    ]  # fmt: skip
    return write(ctx, name, changes, lasting=duration == "lasting")


def _lifted(ctx: TurnContext, link: Link, said: str, how: tuple[float, Duration | None]) -> list[Change]:
    """Wanting a thing takes back an earlier block of that very thing, for as long; else the wish could not be met."""
    weight, duration = how
    if weight <= 0 or link.factor == Factor.SCENE:
        return []
    keys = tuple(key for key in (link.block, f"tag:{link.key}") if key)
    blocks = blocks_named(ctx, reached(ctx, duration), keys, said)
    return [clear(Factor.BLOCK, entry.key, entry.said, duration) for entry in blocks]
