"""One turn: words in, steps out. The agent runs the tools; what they did becomes a list, a reply and a screen."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from catalog.shelf import shelf
from catalog.spelling import is_chinese
from chat.agent import Agent, AgentContext
from chat.faithful import faithful
from chat.heard import Heard, tapped
from chat.list_words import about_list
from chat.lists import ListMaker, heard_by, list_language, wanted_list
from chat.narrative import missed, near, telling, unheld
from chat.parts import Parts
from chat.policy import courtesy, search_for
from chat.staging import Stage, tool_note
from chat.view import Step
from db.journal import TurnRecord
from recommend.request import Listener, UiLanguage
from tools.changing import box
from tools.context import Option
from tools.forgetting import calls_to_forget, name_to_forget
from tools.options import options_for
from tools.replies import compose

log = logging.getLogger(__name__)

REMEMBERED_TURNS = 3
"""Turns before this one that a model sees."""


@dataclass(frozen=True)
class Spoken:
    """What a user said or tapped. `calls` is set for a tap, which needs no model."""

    user_id: str
    conversation_id: str
    text: str
    calls: tuple[dict[str, Any], ...] | None = None


@dataclass(frozen=True)
class Opening:
    """Everything that a turn starts from."""

    listener: Listener
    context: AgentContext
    messages: tuple[BaseMessage, ...]
    system: str
    started: float


class TurnRunner:
    """Runs turns for all users; holds no user's state."""

    def __init__(self, parts: Parts, agent: Agent) -> None:
        self._parts, self._agent = parts, agent
        self._stage = Stage(parts)
        self._lists = ListMaker(parts)

    async def run(self, spoken: Spoken) -> AsyncIterator[Step]:
        """The steps of a turn. Closing the iterator stops the model; what was already changed stays changed."""
        yield Step(kind="thinking")
        opening = await asyncio.to_thread(self._open, spoken)
        heard, done = Heard(), False
        try:
            async for step in self._listen(spoken, opening, heard):
                yield step
            reply, screen = await asyncio.to_thread(self._close, spoken, opening, heard)
            done = True
            yield Step(kind="reply", text=reply)
            yield Step(kind="screen", screen=screen)
        except Exception:
            log.exception("turn=%s failed", opening.context.turn_id)
            done = True
            text = self._parts.texts.say("talk.fault", opening.context.lang)
            self._write(spoken, opening, heard, text, ())
            yield Step(kind="error", text=text)
        finally:
            if not done:
                text = self._parts.texts.say("talk.stopped", opening.context.lang)
                self._write(spoken, opening, heard, text, ())

    async def _listen(self, spoken: Spoken, opening: Opening, heard: Heard) -> AsyncIterator[Step]:
        """Runs the agent, or the calls of a tap; yields a step for each thing that a tool did."""
        outcome, told = opening.context.outcome, 0
        calls = self._forgetting(spoken, opening.context) if spoken.calls is None else spoken.calls
        events = tapped(calls, opening.context, heard) if calls else self._ask_agent(opening, heard)
        async for _ in events:
            for made in outcome.done[told:]:
                yield Step(kind="tool", text=made.text, note=tool_note(made))
            told = len(outcome.done)

    def _forgetting(self, spoken: Spoken, ctx: AgentContext) -> Sequence[dict[str, Any]]:
        """The calls for words that only want something forgotten that is wished for; no model knows what that is."""
        if not name_to_forget(spoken.text):
            return ()
        return calls_to_forget(spoken.text, box(ctx).entries, ctx.engine, ctx.lang)

    async def _ask_agent(self, opening: Opening, heard: Heard) -> AsyncIterator[None]:
        async for message in self._agent.run(opening.system, opening.messages, opening.context):
            if isinstance(message, AIMessage):
                heard.take_in(message)
            yield

    def _open(self, spoken: Spoken) -> Opening:
        stores, now = self._parts.stores, datetime.now(UTC)
        listener = stores.users.ensure(spoken.user_id)
        turns = stores.journal.turns(spoken.user_id, spoken.conversation_id, REMEMBERED_TURNS)
        slate = stores.journal.shown(spoken.user_id, spoken.conversation_id)
        context = AgentContext(
            user_id=spoken.user_id,
            conversation_id=spoken.conversation_id,
            turn_id=uuid.uuid4().hex,
            lang=self._language(spoken, listener),
            now=now,
            stores=stores,
            engine=self._parts.engine,
            shown=tuple(i for i in (slate.item_ids if slate else ()) if i in self._parts.engine.catalogue.row),
            about=turns[-1].about if turns else None,
            reasons={c.candidate.item_id: c.reason.text for c in slate.cards} if slate else {},
            source="chat" if spoken.calls is None else "chip",
            said=spoken.text if spoken.calls is None else "",
        )
        asked = turns[-1].asked if turns else None
        system = "" if spoken.calls is not None else self._parts.texts.say("agent.system", context.lang)
        return Opening(listener, context, self._messages(spoken, context, turns, asked), system, time.perf_counter())

    def _language(self, spoken: Spoken, listener: Listener) -> UiLanguage:
        """The language to answer in: that of the words, and for a chip that of the list which it stands beside."""
        if spoken.calls is None:
            return spoken_language(spoken.text, listener)
        return list_language(self._parts.stores.journal, spoken.conversation_id, listener)

    def _messages(
        self, spoken: Spoken, context: AgentContext, turns: Sequence[TurnRecord], asked: str | None
    ) -> tuple[BaseMessage, ...]:
        catalogue = self._parts.engine.catalogue
        about = catalogue.item(context.about).title if context.about in catalogue.row else None
        seen = {"shown": [catalogue.item(i).title for i in context.shown], "asked": asked, "about": about}
        before = [m for t in turns for m in (HumanMessage(t.user_text), AIMessage(t.reply))]
        if spoken.calls is not None:
            return (*before, HumanMessage(spoken.text))
        return (*before, human_message(self._parts, self._agent, spoken.text, seen, context.lang))

    def _close(self, spoken: Spoken, opening: Opening, heard: Heard) -> tuple[str, Any]:
        """Fetches the list that the turn calls for, composes the reply, and remembers the turn."""
        ctx = opening.context
        ctx.outcome.mend(heard.mended)
        wanted = heard_by(ctx, wanted_list(ctx, spoken.text), spoken.text)
        if wanted and wanted.intent in ("home", "search", "similar"):
            engine = self._parts.engine
            bare = spoken.calls is None and unheld(ctx.outcome.changes, engine.catalogue)
            bare = bare and near(spoken.text, engine.search)
            said = spoken.text if spoken.calls is None else wanted.query or ""
            kind = wanted.query if wanted.query and shelf(wanted.query, engine.catalogue) else None
            told = telling(said, heard.worked(ctx.outcome), bare=bare, kind=kind)
            wanted = wanted.model_copy(update={"told": told or wanted.told})
        hearer = opening.listener.model_copy(update={"ui_language": ctx.lang})
        slate = self._lists.make(hearer, ctx.conversation_id, wanted, ctx.now, ctx.shown) if wanted else None
        sentence = about_list(self._parts, ctx, wanted, slate) if wanted and slate else ""
        reply = self._reply(spoken, heard, ctx, sentence)
        brought = (slate.slate_id,) if slate and wanted and (slate.cards or wanted.intent != "more") else ()
        self._write(spoken, opening, heard, reply, brought)
        answers = self._answers(spoken, heard, ctx)
        return reply, self._stage.screen(spoken.user_id, spoken.conversation_id, answers=answers)

    def _answers(self, spoken: Spoken, heard: Heard, ctx: AgentContext) -> Sequence[Option]:
        """What the user may tap next: an answer to a question, or words to look for that were taken for small talk."""
        catalogue, texts = self._parts.engine.catalogue, self._parts.texts
        if not heard.calls and courtesy(spoken.text) == "chat" and missed(spoken.text, self._parts.engine.search):
            calls = tuple(call.model_dump() for call in search_for(spoken.text))
            return (Option(text=texts.say("talk.look_for", ctx.lang, query=spoken.text.strip()), calls=calls),)
        if ctx.outcome.options or heard.mode != "ask":
            return ctx.outcome.options
        categories = options_for("category", (), catalogue, texts, ctx.lang)
        return (*categories[:3], *options_for("other", (), catalogue, texts, ctx.lang))

    def _reply(self, spoken: Spoken, heard: Heard, ctx: AgentContext, sentence: str) -> str:
        say, lang = self._parts.texts.say, ctx.lang
        parts = [compose(ctx.outcome, lang, self._parts.texts, self._parts.engine.catalogue), sentence]
        if heard.mode == "confirm" and ctx.outcome.changes:
            parts.append(say("talk.unsure", lang))
        if heard.mode == "ask":
            parts.append(say("talk.lost", lang))
        failed = self._failed(heard, ctx)
        text = ("" if lang == "zh" else " ").join(part for part in (*parts, failed) if part)
        if heard.said and not failed and faithful(heard.said, text, self._parts.engine.catalogue):
            return heard.said
        return text or say(f"talk.{courtesy(spoken.text)}", lang)

    def _failed(self, heard: Heard, ctx: AgentContext) -> str:
        """What came to nothing and is told nowhere else; "" where nothing did, or the model has mended it."""
        worst = heard.failure(ctx.outcome)
        part = "_part" if heard.worked(ctx.outcome) else ""
        return self._parts.texts.say(f"talk.{worst}{part}", ctx.lang) if worst else ""

    def _write(self, spoken: Spoken, opening: Opening, heard: Heard, reply: str, slate_ids: tuple[str, ...]) -> None:
        ctx = opening.context
        record = TurnRecord(
            id=ctx.turn_id,
            user_id=spoken.user_id,
            conversation_id=spoken.conversation_id,
            user_text=spoken.text,
            reply=reply,
            calls=tuple(heard.with_notes(ctx.outcome.done)),
            prompt_version=self._parts.texts.version("agent.system"),
            model=heard.model,
            confidence=heard.confidence,
            timings_ms={"turn": round((time.perf_counter() - opening.started) * 1000, 1)},
            asked=ctx.outcome.asked,
            about=ctx.outcome.about or (None if slate_ids or ctx.outcome.several else ctx.about),
            slate_ids=slate_ids,
            at=ctx.now,
        )
        self._parts.stores.journal.turn(record)


def human_message(parts: Parts, agent: Agent, text: str, seen: Mapping[str, Any], lang: UiLanguage) -> HumanMessage:
    """What somebody said, as the agent's model reads it: with what is on the screen (`seen`) and what was taught."""
    say, taught = parts.texts.say, parts.lessons.about(text, near=agent.reads_screen_as_text)
    extra = {"context": dict(seen), "lang": lang, "taught": taught._asdict()}
    if agent.reads_screen_as_text:
        told = [say("agent.screen", lang, **seen)]
        told += [say("agent.lessons", lang, lessons=taught.near)] if taught.near else []
        text = "\n\n".join((*told, text))
    return HumanMessage(text, additional_kwargs=extra)


def spoken_language(text: str, listener: Listener) -> Any:
    """The language to answer in: that of the words; the page's where they have no letters of either."""
    if is_chinese(text):
        return "zh"
    return "en" if any(char.isascii() and char.isalpha() for char in text) else listener.ui_language
