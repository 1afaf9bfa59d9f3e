"""The tool contract as data: each tool's arguments in the order in which the model writes them."""

from __future__ import annotations

from typing import NamedTuple

RELATIVE = (-0.6, -0.3, -0.15, 0.15, 0.3, 0.6)
ABSOLUTE = (-1.0, -0.8, -0.4, 0.4, 0.8, 1.0)
LEANING = (-1.0, -0.8, -0.4, 0.0, 0.4, 0.8, 1.0)
SHARE = (0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 0.9, 1.0)
NAMED = ("author", "narrator", "series", "tag")
BLOCKABLE = (*NAMED, "category", "item")


class Arg(NamedTuple):
    """One argument: its kind is text, item, items, choice, number, minutes or count."""

    name: str
    kind: str
    values: tuple = ()
    required: bool = True


class Tool(NamedTuple):
    """One tool; `least_one` asks for one optional argument besides `duration`."""

    name: str
    args: tuple[Arg, ...] = ()
    least_one: bool = False


def _choice(name: str, *values: str, required: bool = True) -> Arg:
    return Arg(name, "choice", values, required)


def _number(name: str, values: tuple[float, ...], required: bool = True) -> Arg:
    return Arg(name, "number", values, required)


_DURATION = _choice("duration", "session", "lasting", required=False)

TOOLS: tuple[Tool, ...] = (
    Tool("update_interest_weight", (Arg("category", "text"), _number("weight_increase", RELATIVE), _DURATION)),
    Tool(
        "update_entity_weight",
        (_choice("kind", *NAMED), Arg("name", "text"), _number("weight_increase", RELATIVE), _DURATION),
    ),
    Tool("update_mood_preference", (Arg("mood", "text"), _number("weight", ABSOLUTE), _DURATION)),
    Tool("update_scene_preference", (Arg("scene", "text"), _number("weight", ABSOLUTE), _DURATION)),
    Tool("block_content", (_choice("kind", *BLOCKABLE), Arg("name", "text"), _DURATION)),
    Tool("unblock_content", (_choice("kind", *BLOCKABLE), Arg("name", "text"))),
    Tool("set_completion_status", (_choice("status", "completed", "ongoing", "any"),)),
    Tool(
        "set_length",
        (
            _choice("length", "short", "medium", "long", "any", required=False),
            Arg("min_minutes", "minutes", required=False),
            Arg("max_minutes", "minutes", required=False),
            _DURATION,
        ),
        least_one=True,
    ),
    Tool("set_payment", (_choice("access", "free", "paid", "any"),)),
    Tool(
        "set_freshness",
        (_number("recency", LEANING, False), _choice("repeats", "avoid", "allow", required=False)),
        least_one=True,
    ),
    Tool("set_exploration", (_number("novelty", SHARE, False), _number("diversity", SHARE, False)), least_one=True),
    Tool("set_popularity", (_number("popularity", LEANING, False), _number("quality", SHARE, False)), least_one=True),
    Tool("set_language", (_choice("language", "en", "zh", "any"),)),
    Tool("undo_last_change"),
    Tool(
        "reset_preferences",
        (
            _choice(
                "dimension",
                "interest",
                "avoidance",
                "mood",
                "form",
                "payment",
                "freshness",
                "exploration",
                "authority",
                "all",
            ),
        ),
    ),
    Tool("show_preferences"),
    Tool("recommend", (Arg("count", "count", required=False),)),
    Tool("search_catalog", (Arg("query", "text"),)),
    Tool("find_similar", (Arg("item", "item"),)),
    Tool("get_trending", (Arg("category", "text", required=False),)),
    Tool("item_details", (Arg("item", "item"),)),
    Tool("compare_items", (Arg("items", "items"),)),
    Tool("explain_recommendation", (Arg("item", "item", required=False),)),
    Tool("discover_interests"),
    Tool(
        "record_feedback",
        (Arg("item", "item"), _choice("signal", "like", "dislike", "skip", "play", "save", "finished", "rating")),
    ),
    Tool("ask_clarification", (_choice("about", "category", "mood", "length", "scene", "item", "other"),)),
)
BY_NAME = {tool.name: tool for tool in TOOLS}
RATING = Arg("rating", "rating")
