"""The agent loop: LangChain's `create_agent` over the tools, with limits, order and one border for errors."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelCallLimitMiddleware, ToolCallLimitMiddleware
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.types import Command

from chat.llm.embedded import EmbeddedChat
from tools.context import ToolRetry, TurnContext

log = logging.getLogger(__name__)

MODEL_CALLS = 4
TOOL_CALLS = 12


class ToolOrder:
    """Lets the calls of one answer run in the order in which they were said, though LangGraph starts them together.

    Without it "undo that, and make it jazz" could undo the jazz.
    """

    def __init__(self) -> None:
        self._done: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def wait_for(self, call_ids: Sequence[str]) -> None:
        """Returns when all of these calls have ended."""
        for call_id in call_ids:
            await self._done[call_id].wait()

    def ended(self, call_id: str) -> None:
        """Marks a call as over, whether it worked or not."""
        self._done[call_id].set()


@dataclass(frozen=True)
class AgentContext(TurnContext):
    """The turn's context with what only the agent loop needs."""

    order: ToolOrder = field(default_factory=ToolOrder)


class InOrder(AgentMiddleware):
    """Runs the calls of one answer one after the other, and turns what fails into a message for the model."""

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command]]
    ) -> ToolMessage | Command:
        call_id = str(request.tool_call["id"])
        context: AgentContext = request.runtime.context  # type: ignore[assignment]
        await context.order.wait_for(_said_before(call_id, request.state["messages"]))
        before = context.outcome.mark()
        try:
            answer = await handler(request)
        except ToolRetry as retry:
            answer = _refused(request, str(retry))
        except Exception:
            log.exception("tool=%s failed", request.tool_call["name"])
            context.outcome.failed[call_id] = "fault"
            return _refused(request, "the tool failed; say so and go on without it")
        finally:
            context.order.ended(call_id)
        if isinstance(answer, ToolMessage) and answer.status == "error":  # LangGraph itself refuses wrong arguments
            context.outcome.refused(call_id, before)
        return answer


def _said_before(call_id: str, messages: Sequence[BaseMessage]) -> list[str]:
    answer = next((m for m in reversed(messages) if isinstance(m, AIMessage) and m.tool_calls), None)
    ids = [str(call["id"]) for call in answer.tool_calls] if answer else []
    return ids[: ids.index(call_id)] if call_id in ids else []


def _refused(request: ToolCallRequest, text: str) -> ToolMessage:
    return ToolMessage(text, tool_call_id=request.tool_call["id"], name=request.tool_call["name"], status="error")


class Agent:
    """One compiled agent for all users: who is asking comes with each run."""

    def __init__(self, model: BaseChatModel, tools: Sequence[BaseTool]) -> None:
        self.reads_screen_as_text = not isinstance(model, EmbeddedChat)
        """Whether the prompt must tell what is on the screen; the embedded model gets it as data."""
        middleware: list[AgentMiddleware[Any, Any, Any]] = [
            InOrder(),
            ModelCallLimitMiddleware(run_limit=MODEL_CALLS, exit_behavior="end"),
            ToolCallLimitMiddleware(run_limit=TOOL_CALLS, exit_behavior="continue"),
        ]
        self._graph = create_agent(model, list(tools), middleware=middleware, context_schema=AgentContext)

    async def run(
        self, system: str, messages: Sequence[BaseMessage], context: AgentContext
    ) -> AsyncIterator[BaseMessage]:
        """The new messages of one turn as they come: answers with calls, tool results, the closing text.

        Closing the iterator stops the model at its next token.
        """
        given: Any = {"messages": [SystemMessage(system), *messages] if system else list(messages)}
        async for update in self._graph.astream(given, context=context, stream_mode="updates"):
            for change in update.values():
                for message in (change or {}).get("messages", ()):
                    yield message
