"""What was made of one utterance or tap: the calls, what came of them, how sure the model was."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage

from chat.staging import tool_note
from tools.context import Done, Outcome, ToolRetry, TurnContext
from tools.registry import run_call

log = logging.getLogger(__name__)


@dataclass
class Heard:
    """Collected while a turn runs."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    """Each with its id, name and args."""
    mended: set[str] = field(default_factory=set)
    """Ids of calls after which the model called the same tool once more."""
    mode: str = "act"
    confidence: float | None = None
    model: str = ""
    said: str = ""
    """Closing text of a model that phrases its own replies."""

    def take_in(self, message: AIMessage) -> None:
        """One answer of the model. How sure it is, and what it meant to do, is told with its first one."""
        told = message.response_metadata
        if not self.model:
            self.mode = told.get("mode", "act")
            self.confidence = told.get("confidence")
            self.model = told.get("model") or told.get("model_name") or "unnamed"
        again = {call["name"] for call in message.tool_calls}
        self.mended |= {call["id"] for call in self.calls if call["name"] in again}
        self.calls += [
            {"id": str(call["id"]), "name": call["name"], "args": call["args"]} for call in message.tool_calls
        ]
        if isinstance(message.content, str) and not message.tool_calls:
            self.said = message.content.strip()

    def worked(self, outcome: Outcome) -> list[dict[str, Any]]:
        """The calls that came to something."""
        return [call for call in self.calls if call["id"] not in outcome.failed]

    def failure(self, outcome: Outcome) -> str | None:
        """The worst of what came to nothing and is told nowhere else; what the model has mended does not count."""
        failed = {failure for call_id, failure in outcome.failed.items() if call_id not in self.mended}
        return next((failure for failure in ("fault", "refused") if failure in failed), None)

    def with_notes(self, done: Sequence[Done]) -> list[dict[str, Any]]:
        """Each call with the step that it made visible, so that a reload shows it again."""
        left, noted = list(done), []
        for call in self.calls:
            mine = next((made for made in left if made.tool == call["name"]), None)
            if mine:
                left.remove(mine)
            notes = [tool_note(mine).model_dump(mode="json")] if mine else []
            noted.append({"name": call["name"], "args": call["args"], "notes": notes})
        return noted


async def tapped(calls: Sequence[dict[str, Any]], context: TurnContext, heard: Heard) -> AsyncIterator[None]:
    """Runs the calls that a tapped chip carries, in order; one that fails does not stop the others."""
    heard.model, heard.confidence = "tap", 1.0
    outcome = context.outcome
    for place, call in enumerate(calls):
        call_id, before = str(place), outcome.mark()
        heard.calls.append({"id": call_id, **call})
        try:
            await asyncio.to_thread(run_call, context, call["name"], call["args"])
        except ToolRetry as retry:
            log.info("tap tool=%s refused: %s", call["name"], retry)
            outcome.refused(call_id, before)
        except Exception:
            log.exception("tap tool=%s failed", call["name"])
            outcome.failed[call_id] = "fault"
        yield
