"""A chat model for tests that says what it is told: an unplanned call fails the test."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult


def calls(*named: tuple[str, dict[str, Any]], mode: str = "act") -> AIMessage:
    """An answer with tool calls, as the embedded model gives it."""
    made = [{"name": n, "args": a, "id": f"call-{i}", "type": "tool_call"} for i, (n, a) in enumerate(named)]
    return AIMessage("", tool_calls=made, response_metadata={"mode": mode, "confidence": 0.9, "model": "script"})


class ScriptedModel(BaseChatModel):
    """Speaks its lines in order. After tool results it is silent, as the embedded model is."""

    lines: Any
    heard: list[list[BaseMessage]] = []
    delay_s: float = 0.0
    asked: int = 0
    """How often an answer was begun, a slow one included."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @classmethod
    def of(cls, *lines: AIMessage | Exception, delay_s: float = 0.0) -> ScriptedModel:
        return cls(lines=deque(lines), heard=[], delay_s=delay_s)

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _next(self, messages: list[BaseMessage]) -> ChatResult:
        self.heard.append(list(messages))
        if isinstance(messages[-1], ToolMessage):
            return ChatResult(generations=[ChatGeneration(message=AIMessage(""))])
        assert self.lines, f"not in the script: {messages[-1]}"
        line = self.lines.popleft()
        if isinstance(line, Exception):
            raise line
        return ChatResult(generations=[ChatGeneration(message=line)])

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        return self._next(messages)

    async def _agenerate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> ChatResult:
        self.asked += 1
        await asyncio.sleep(self.delay_s)
        return self._next(messages)
