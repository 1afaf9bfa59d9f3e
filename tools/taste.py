"""What someone likes: genres, people, series and themes (relative), moods and scenes (absolute)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from langchain.tools import ToolRuntime
from langchain_core.tools import tool
from pydantic import Field

from db.pbox import Change
from recommend.pbox import Factor
from tools.blocking import blocks_named, same_thing
from tools.changing import clear, half_life, reached, scope_of, write
from tools.context import Duration, Fact, TurnContext
from tools.linking import Link, link_category, link_entity, link_moods, link_term, spoken, turned

Step = Annotated[float, Field(ge=-1, le=1, description="0.15 a bit, 0.3 plain, 0.6 a lot; negative for less")]
Weight = Annotated[float, Field(ge=-1, le=1, description="0.4 a bit, 0.8 plain, 1.0 very; negative for not")]
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
    op, value = _stepped(reached(ctx, duration).value(link.factor, link.key), step)
    change = Change(
        factor=link.factor, key=link.key, op=op, value=value, scope=scope_of(duration), said=said,
        half_life_days=half_life(link.factor, duration),
    )  # fmt: skip
    return write(ctx, name, [*_lifted(ctx, link, said, how), change], lasting=duration == "lasting")


def _stepped(held: float, step: float) -> tuple[Literal["add", "set"], float]:
    """How a step changes what is held: what was said before does not outweigh the wish of now.

    Who wants more of a thing wants it, though they were tired of it; who wants less of it wants it no more than other
    things, unless they say "a bit".
    """
    if step > 0 > held:
        return "set", step
    if step <= -PLAIN and held > 0:
        return "set", min(held + step, 0.0)
    return "add", step


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
    held = reached(ctx, duration)
    blocks = blocks_named(ctx, held, keys, said)
    for block in (entry for entry in held.of(Factor.BLOCK) if entry not in blocks and same_thing(ctx, entry, link)):
        ctx.outcome.facts.append(Fact(kind="spared", values={"name": block.said or block.key, "wish": said}))
        blocks += held.of_one_wish(block)
    return [clear(Factor.BLOCK, entry.key, entry.said, duration) for entry in blocks]
