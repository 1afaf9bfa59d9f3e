"""What words or calls would set off, told as the chat's notes tell it, without touching anybody's settings.

A rehearsal runs the real agent and the real tools for a listener who exists only meanwhile and is forgotten afterwards:
what it tells is what a turn would do.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from langchain_core.messages import AIMessage, BaseMessage

from chat.agent import Agent, AgentContext
from chat.llm.understanding import Call
from chat.parts import Parts
from chat.turn import human_message, spoken_language
from recommend.request import UiLanguage
from tools.context import Done, ToolRetry
from tools.registry import run_call
from tools.words import joined

log = logging.getLogger(__name__)

LONGEST_S = 30.0
"""How long a model on a server may take."""


class Understood(NamedTuple):
    """What was understood, in words; "" where it was nothing."""

    told: str
    sure: bool = True


class Rehearsal:
    """Tries words and calls out. Safe to use from several threads."""

    def __init__(self, parts: Parts, agent: Agent) -> None:
        self._parts, self._agent = parts, agent

    async def words(self, text: str, lang: UiLanguage) -> Understood:
        """What the model and the lessons make of `text`, said by somebody with a fresh page in `lang`.

        Raises TimeoutError, and whatever the model raises.
        """
        with self._somebody(text, lang) as context:
            seen = {"shown": [], "asked": None, "about": None}
            asked = human_message(self._parts, self._agent, text, seen, context.lang)
            system = self._parts.texts.say("agent.system", context.lang)
            answers = self._agent.run(system, [asked], context)
            mode = await asyncio.wait_for(_mode(answers), LONGEST_S)
            told = "" if mode == "ask" else _told(context.outcome.done, context.lang)
        return Understood(told, sure=mode != "confirm")

    def calls(self, said: str, calls: Sequence[Call], lang: UiLanguage) -> str:
        """What the calls of a taught sentence do; the bare calls where that depends on what is on the screen."""
        with self._somebody(said, lang) as context:
            for call in calls:
                try:
                    run_call(context, call.name, call.args)
                except ToolRetry as retry:
                    log.info("rehearsed tool=%s refused: %s", call.name, retry)
            told = _told(context.outcome.done, context.lang)
        return told or "; ".join(f"{call.name} {json.dumps(call.args, ensure_ascii=False)}" for call in calls)

    @contextmanager
    def _somebody(self, text: str, lang: UiLanguage) -> Iterator[AgentContext]:
        users, user_id = self._parts.stores.users, f"rehearsal-{uuid.uuid4().hex}"
        listener = users.ensure(user_id, ui_language=lang)
        try:
            yield AgentContext(
                user_id=user_id,
                conversation_id=user_id,
                turn_id=user_id,
                lang=spoken_language(text, listener),
                now=datetime.now(UTC),
                stores=self._parts.stores,
                engine=self._parts.engine,
            )
        finally:
            users.forget(user_id)


async def _mode(messages: AsyncIterator[BaseMessage]) -> str:
    """Runs an answer to its end; returns how its first message was meant (`chat.policy.Mode`)."""
    mode = ""
    async for message in messages:
        if isinstance(message, AIMessage) and not mode:
            mode = message.response_metadata.get("mode", "act")
    return mode


def _told(done: Sequence[Done], lang: UiLanguage) -> str:
    return joined((made.text for made in done if made.ok), lang)
