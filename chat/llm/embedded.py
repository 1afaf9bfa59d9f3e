"""The embedded model as a LangChain chat model: no prompt, no weights to choose, one reading a turn.

A person's message is read by `Understanding`, weighed by `chat.policy` and answered with tool calls. After the
tools have run there is nothing to add: the conversation composes the reply from their outcome and the texts.
"""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import Field

from chat.llm.context import Context
from chat.llm.lessons import Taught
from chat.llm.understanding import Parse
from chat.policy import Decision, Thresholds, decide, shortcut

NAME = "embedded"


@runtime_checkable
class Reader(Protocol):
    """What reads an utterance: `chat.llm.understanding.Understanding`, or a fake in tests."""

    def parse(self, utterance: str, context: Context, *, cancelled: Callable[[], bool] | None = None) -> Parse:
        """The calls that `utterance` asks for."""
        ...


class EmbeddedChat(BaseChatModel):
    """Reads the last human message; its `additional_kwargs` carry "context" (a dict of `Context`), "lang", and "taught"
    (a dict of `chat.llm.lessons.Taught`) where people taught something about it.

    `response_metadata` of the answer: confidence (0..1), mode (`chat.policy.Mode`), model, and lang as it came in.
    """

    reader: Reader
    thresholds: Thresholds = Field(default_factory=Thresholds)
    name_of_model: str = NAME

    @property
    def _llm_type(self) -> str:
        return "attune-embedded"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.name_of_model, **self.thresholds.model_dump()}

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model itself: it was trained for the tool contract and cannot learn other tools from a prompt."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _result(self._answer(messages, None))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _result(await self._answer_in_a_thread(messages))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield _chunk(self._answer(messages, None))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        yield _chunk(await self._answer_in_a_thread(messages))

    async def _answer_in_a_thread(self, messages: list[BaseMessage]) -> AIMessage:
        stopped = threading.Event()
        try:
            return await asyncio.to_thread(self._answer, messages, stopped.is_set)
        finally:
            stopped.set()

    def _answer(self, messages: list[BaseMessage], cancelled: Callable[[], bool] | None) -> AIMessage:
        last = messages[-1] if messages else None
        if not isinstance(last, HumanMessage):
            return AIMessage("", response_metadata={"model": self.name_of_model, "mode": "act", "confidence": 1.0})
        context = Context.model_validate(last.additional_kwargs.get("context") or {})
        told: Any = last.additional_kwargs.get("taught") or {"plain": str(last.text)}
        decision, confidence = self._decide(str(last.text), Taught(**told), context, cancelled)
        return AIMessage(
            "",
            tool_calls=[
                {"name": call.name, "args": call.args, "id": f"call_{uuid.uuid4().hex}", "type": "tool_call"}
                for call in decision.calls
            ],
            response_metadata={
                "confidence": confidence,
                "mode": decision.mode,
                "model": self.name_of_model,
                "lang": last.additional_kwargs.get("lang"),
            },
        )

    def _decide(
        self, utterance: str, taught: Taught, context: Context, cancelled: Callable[[], bool] | None
    ) -> tuple[Decision, float]:
        exact = shortcut(utterance, context)
        if exact is not None:
            return exact, 1.0
        if taught.calls is not None:
            return Decision(calls=taught.calls, mode="act"), 1.0
        parse = self.reader.parse(taught.plain, context, cancelled=cancelled)
        return decide(parse, utterance, context, self.thresholds), parse.confidence


def _result(message: AIMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=message)])


def _chunk(message: AIMessage) -> ChatGenerationChunk:
    pieces = [
        tool_call_chunk(name=call["name"], args=json.dumps(call["args"], ensure_ascii=False), id=call["id"], index=at)
        for at, call in enumerate(message.tool_calls)
    ]
    return ChatGenerationChunk(
        message=AIMessageChunk(content="", tool_call_chunks=pieces, response_metadata=message.response_metadata)
    )
