"""The tools as a model meets them: names and arguments of the contract, one trusted user, words for everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from tools_stage import NOON, Stage, make_engine

from db.pbox import Applied
from recommend.pbox import Entry, Factor
from tools.context import TurnContext
from tools.registry import all_tools
from tools.words import describe, describe_entry

CONTRACT: dict[str, tuple[set[str], set[str]]] = {
    "update_interest_weight": ({"category", "weight_increase"}, {"duration"}),
    "update_entity_weight": ({"kind", "name", "weight_increase"}, {"duration"}),
    "update_mood_preference": ({"mood", "weight"}, {"duration"}),
    "update_scene_preference": ({"scene", "weight"}, {"duration"}),
    "block_content": ({"kind", "name"}, {"duration"}),
    "unblock_content": ({"kind", "name"}, set()),
    "set_completion_status": ({"status"}, set()),
    "set_length": (set(), {"length", "min_minutes", "max_minutes", "duration"}),
    "set_payment": ({"access"}, set()),
    "set_freshness": (set(), {"recency", "repeats"}),
    "set_exploration": (set(), {"novelty", "diversity"}),
    "set_popularity": (set(), {"popularity", "quality"}),
    "set_language": ({"language"}, set()),
    "undo_last_change": (set(), set()),
    "reset_preferences": ({"dimension"}, set()),
    "show_preferences": (set(), set()),
    "recommend": (set(), {"count"}),
    "search_catalog": ({"query"}, set()),
    "find_similar": ({"item"}, set()),
    "get_trending": (set(), {"category"}),
    "item_details": ({"item"}, set()),
    "compare_items": ({"items"}, set()),
    "explain_recommendation": (set(), {"item"}),
    "discover_interests": (set(), set()),
    "record_feedback": ({"item", "signal"}, {"rating"}),
    "ask_clarification": ({"about"}, set()),
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "update_interest_weight": {"category": "mystery", "weight_increase": 0.3},
    "update_entity_weight": {"kind": "tag", "name": "ghosts", "weight_increase": 0.3},
    "update_mood_preference": {"mood": "funny", "weight": 0.8},
    "update_scene_preference": {"scene": "睡前", "weight": 0.8, "duration": "session"},
    "block_content": {"kind": "tag", "name": "恐怖"},
    "unblock_content": {"kind": "tag", "name": "恐怖"},
    "set_completion_status": {"status": "completed"},
    "set_length": {"length": "short"},
    "set_payment": {"access": "free"},
    "set_freshness": {"recency": 0.8},
    "set_exploration": {"novelty": 0.8},
    "set_popularity": {"popularity": -0.8},
    "set_language": {"language": "en"},
    "reset_preferences": {"dimension": "form"},
    "search_catalog": {"query": "Dracula"},
    "find_similar": {"item": "2"},
    "item_details": {"item": "1"},
    "compare_items": {"items": ["1", "last"]},
    "record_feedback": {"item": "1", "signal": "like"},
    "ask_clarification": {"about": "mood"},
}
KEYS: dict[Factor, tuple[str, ...]] = {
    Factor.CATEGORY: ("mystery/detective", "no/such"),
    Factor.ENTITY: ("author:Agatha Christie", "narrator:单田芳", "series:Dune", "tag:ghosts"),
    Factor.BLOCK: ("category:horror", "tag:恐怖", "item:my-099", "item:gone"),
    Factor.PENALTY: ("tag:gore",),
    Factor.MOOD: ("funny", "squelchy"),
    Factor.SCENE: ("bedtime", "allotment"),
    Factor.LENGTH: ("min", "max"),
    Factor.LANGUAGE: ("en", "zh"),
}


class ScriptedModel(BaseChatModel):
    """Speaks its lines; a line that is not planned fails the test."""

    lines: list[AIMessage]
    heard: list[list[BaseMessage]] = []

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> ScriptedModel:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self.heard.append(list(messages))
        assert self.lines, f"answer {len(self.heard)} is not in the script"
        return ChatResult(generations=[ChatGeneration(message=self.lines.pop(0))])


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage.open(tmp_path, make_engine())
    stage.shown = tuple(item.id for item in stage.engine.catalogue.items[:4])
    return stage


def run(context: TurnContext, *calls: tuple[str, dict[str, Any]]) -> list[ToolMessage]:
    """What the tools answer when a model makes these calls at once."""
    asked = [
        {"name": name, "args": args, "id": f"call-{n}", "type": "tool_call"} for n, (name, args) in enumerate(calls)
    ]
    model = ScriptedModel(lines=[AIMessage("", tool_calls=asked), AIMessage("done")])
    agent = create_agent(model, all_tools(), context_schema=TurnContext)
    result = agent.invoke({"messages": [HumanMessage("x")]}, context=context)  # type: ignore[arg-type]
    return [message for message in result["messages"] if isinstance(message, ToolMessage)]


def test_the_tools_are_those_of_the_contract_in_its_order() -> None:
    assert [tool.name for tool in all_tools()] == list(CONTRACT)


@pytest.mark.parametrize("tool", all_tools(), ids=lambda tool: tool.name)
def test_a_model_sees_the_arguments_of_the_contract_and_no_user(tool: Any) -> None:
    required, optional = CONTRACT[tool.name]
    schema = tool.tool_call_schema.model_json_schema()
    assert set(schema.get("required", [])) == required
    assert set(schema["properties"]) == required | optional
    assert len(tool.description) > 20


@pytest.mark.parametrize("name", CONTRACT)
def test_every_tool_works_through_an_agent_and_for_its_user_only(stage: Stage, name: str) -> None:
    context = stage.context(reasons=dict.fromkeys(stage.shown, "a reason"))
    evil = {"user_id": "ben", "runtime": {"context": {"user_id": "ben"}}}
    (answer,) = run(context, (name, EXAMPLES.get(name, {}) | evil))
    assert answer.status == "success" and answer.content
    assert context.outcome.done and context.outcome.done[-1].text
    assert not stage.box("ben").entries and not stage.stores.events.history("ben").events
    assert stage.box("ben").version == 0
    assert stage.reply(context.outcome) or context.outcome.lists


def test_several_calls_of_one_answer_are_one_turn(stage: Stage) -> None:
    context = stage.context()
    answers = run(
        context,
        ("update_interest_weight", {"category": "mystery", "weight_increase": 0.3}),
        ("update_mood_preference", {"mood": "funny", "weight": 0.8}),
        ("set_length", {"length": "short"}),
    )
    assert [answer.status for answer in answers] == ["success"] * 3
    assert {entry.turn_id for entry in stage.box().entries} == {context.turn_id}
    stage.do("undo_last_change")
    assert not stage.box().entries


def test_wrong_arguments_come_back_as_a_message(stage: Stage) -> None:
    (answer,) = run(stage.context(), ("set_payment", {"access": "cheap"}))
    assert answer.status == "error" and not stage.box().entries


def test_what_a_tool_refuses_is_for_the_border_of_the_turn(stage: Stage) -> None:
    with pytest.raises(Exception, match="no length given"):
        run(stage.context(), ("set_length", {}))


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("factor", list(Factor))
def test_every_parameter_has_words_in_both_languages(stage: Stage, factor: Factor, lang: Any) -> None:
    engine = stage.engine
    for key in KEYS.get(factor, ("",)):
        for value in (-1.0, -0.4, -0.1, 0.0, 0.1, 0.4, 1.0):
            entry = Entry(factor=factor, key=key, value=value, set_at=NOON)
            assert describe_entry(entry, engine.texts, engine.catalogue, lang)
        for before, after in ((None, 0.3), (0.3, None), (0.3, 0.3), (-0.2, 0.5)):
            change = Applied(
                id=1, turn_id="t", factor=factor, key=key, said="", before=before, after=after, scope="lasting",
                source="chat", at=NOON, undone=False,
            )  # fmt: skip
            assert describe(change, engine.texts, engine.catalogue, lang)


def test_both_languages_hold_the_same_texts_with_the_same_values() -> None:
    texts = make_engine().texts
    for name in texts.names("replies"):
        assert texts.wants(name, "zh") <= texts.wants(name, "en") | texts.wants(name, "zh")
        assert texts.wants(name, "zh") == texts.wants(name, "en"), name
