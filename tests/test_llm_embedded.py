"""Rules of the embedded chat model: it answers a person with calls, a tool with silence, and lets go when stopped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import ValidationError

from chat.llm.context import Context
from chat.llm.embedded import EmbeddedChat
from chat.llm.understanding import Call, Parse

HISTORY = Call(name="update_interest_weight", args={"category": "历史", "weight_increase": 0.3})
FREE = Call(name="set_payment", args={"access": "free"})


class FakeReader:
    """Answers with what it was given; keeps what it was asked."""

    def __init__(self, *calls: Call, confidence: float = 0.9) -> None:
        self.reading = Parse(calls=calls, confidence=confidence)
        self.heard: list[tuple[str, Context]] = []

    def parse(self, utterance: str, context: Context, *, cancelled: Callable[[], bool] | None = None) -> Parse:
        self.heard.append((utterance, context))
        return self.reading


class WaitingReader(FakeReader):
    """Reads until it is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.started, self.let_go = threading.Event(), threading.Event()

    def parse(self, utterance: str, context: Context, *, cancelled: Callable[[], bool] | None = None) -> Parse:
        self.started.set()
        while not (cancelled and cancelled()):
            threading.Event().wait(0.005)
        self.let_go.set()
        return Parse(calls=(), confidence=0.0)


def said(text: str, **kwargs: Any) -> HumanMessage:
    return HumanMessage(text, additional_kwargs=kwargs)


def test_a_person_is_answered_with_calls_and_how_sure_it_is() -> None:
    reader = FakeReader(HISTORY, FREE)
    context = {"shown": ["Dune"], "asked": None, "about": "Dune"}
    answer = EmbeddedChat(reader=reader).invoke([said("多来点历史，免费的", context=context, lang="zh")])
    assert [(call["name"], call["args"]) for call in answer.tool_calls] == [(c.name, c.args) for c in (HISTORY, FREE)]
    assert len({call["id"] for call in answer.tool_calls}) == 2
    assert answer.response_metadata["mode"] == "act" and answer.response_metadata["confidence"] == 0.9
    assert answer.response_metadata["model"] == "embedded" and answer.response_metadata["lang"] == "zh"
    assert reader.heard == [("多来点历史，免费的", Context(shown=("Dune",), about="Dune"))]


def test_streaming_says_the_same() -> None:
    async def stream() -> AIMessageChunk:
        whole = None
        async for chunk in EmbeddedChat(reader=FakeReader(HISTORY)).astream([said("more")]):
            whole = chunk if whole is None else whole + chunk
        assert whole is not None
        return whole

    whole = asyncio.run(stream())
    assert whole.tool_calls[0]["name"] == "recommend"
    chunk = next(iter(EmbeddedChat(reader=FakeReader(HISTORY)).stream([said("多来点历史")])))
    assert chunk.tool_calls[0]["args"] == HISTORY.args and chunk.response_metadata["confidence"] == 0.9


def test_after_the_tools_it_is_silent() -> None:
    reader = FakeReader(HISTORY)
    talk = [
        said("x"),
        AIMessage("", tool_calls=[{"name": "recommend", "args": {}, "id": "1"}]),
        ToolMessage("ok", tool_call_id="1"),
    ]
    answer = EmbeddedChat(reader=reader).invoke(talk)
    assert answer.content == "" and not answer.tool_calls and not reader.heard


def test_an_unsure_reading_searches_with_the_words() -> None:
    answer = EmbeddedChat(reader=FakeReader(HISTORY, confidence=0.1)).invoke([said("the usual thing")])
    assert answer.response_metadata["mode"] == "ask"
    assert [(call["name"], call["args"]) for call in answer.tool_calls] == [
        ("search_catalog", {"query": "the usual thing"})
    ]


def test_a_context_that_it_does_not_know_is_refused() -> None:
    with pytest.raises(ValidationError, match="screen"):
        EmbeddedChat(reader=FakeReader()).invoke([said("x y", context={"screen": []})])


@pytest.mark.parametrize("stream", [False, True])
def test_a_cancelled_turn_frees_the_model(stream: bool) -> None:
    reader = WaitingReader()
    model = EmbeddedChat(reader=reader)

    async def once() -> None:
        if stream:
            async for _ in model.astream([said("hello you")]):
                pass
        else:
            await model.ainvoke([said("hello you")])

    async def run() -> None:
        task = asyncio.create_task(once())
        await asyncio.to_thread(reader.started.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert reader.let_go.wait(5)


def test_it_drives_an_agent() -> None:
    heard: list[dict[str, Any]] = []

    @tool
    def update_interest_weight(category: str, weight_increase: float) -> str:
        """More or less of a category."""
        heard.append({"category": category, "weight_increase": weight_increase})
        return "done"

    agent = create_agent(EmbeddedChat(reader=FakeReader(HISTORY)), [update_interest_weight])
    final = asyncio.run(agent.ainvoke({"messages": [said("多来点历史")]}))
    assert heard == [HISTORY.args] and final["messages"][-1].content == ""
