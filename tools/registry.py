"""All tools of the contract, in its order, and one call of one tool without a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain.tools import ToolRuntime
from langchain_core.tools import BaseTool
from pydantic import ValidationError

from tools.context import ToolRetry, TurnContext
from tools.feedback import ask_clarification, record_feedback
from tools.finding import discover_interests, find_similar, get_trending, recommend, search_catalog
from tools.finding_facts import compare_items, explain_recommendation, item_details
from tools.taste import (
    update_entity_weight,
    update_interest_weight,
    update_mood_preference,
    update_scene_preference,
)
from tools.taste_avoid import block_content, unblock_content
from tools.taste_form import (
    set_completion_status,
    set_exploration,
    set_freshness,
    set_language,
    set_length,
    set_payment,
    set_popularity,
)
from tools.taste_memory import reset_preferences, show_preferences, undo_last_change


def all_tools() -> list[BaseTool]:
    """The 26 tools, in the order of the contract."""
    return [
        update_interest_weight,
        update_entity_weight,
        update_mood_preference,
        update_scene_preference,
        block_content,
        unblock_content,
        set_completion_status,
        set_length,
        set_payment,
        set_freshness,
        set_exploration,
        set_popularity,
        set_language,
        undo_last_change,
        reset_preferences,
        show_preferences,
        recommend,
        search_catalog,
        find_similar,
        get_trending,
        item_details,
        compare_items,
        explain_recommendation,
        discover_interests,
        record_feedback,
        ask_clarification,
    ]


def run_call(ctx: TurnContext, name: str, args: Mapping[str, Any]) -> str:
    """Runs one call, as a tapped chip does. Raises ToolRetry for an unknown tool, bad arguments, a refusal."""
    tool = next((tool for tool in all_tools() if tool.name == name), None)
    if tool is None:
        raise ToolRetry(f"no tool {name!r}; there are {[tool.name for tool in all_tools()]}")
    wanted = {key: value for key, value in args.items() if key in tool.args}
    runtime = ToolRuntime(
        state={}, context=ctx, config={}, stream_writer=_silent, tool_call_id=f"{ctx.turn_id}:{name}", store=None
    )
    try:
        return tool.invoke({**wanted, "runtime": runtime})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ToolRetry(f"{name}: {faults}. Call again with allowed arguments.") from error


def _silent(_: object) -> None:
    """Takes what a tool streams and drops it."""
