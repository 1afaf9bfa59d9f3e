"""The one object that a page talks to. It holds no user's state: all is read from, and written to, the stores."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from chat.agent import Agent
from chat.chips import ChipError
from chat.lists import ListMaker
from chat.parts import Parts
from chat.staging import Stage
from chat.teaching import Teaching
from chat.turn import Spoken, TurnRunner
from chat.view import CardAction, Screen, Step
from db.pbox import Change
from recommend.pbox import Factor, Source, bounded
from recommend.request import Listener
from tools.context import ListRequest

log = logging.getLogger(__name__)

LONGEST = 2000
"""Characters of one message that are read."""
TASTE_STEP = 0.6
AGES = ("all", "7+", "13+", "18+")


class Conversation:
    """Talks, taps, card buttons and panel edits of all users. Safe to use from several threads."""

    def __init__(self, parts: Parts, agent: Agent, *, teaching: bool = False) -> None:
        """teaching: whether whoever sees the page may teach, which holds for everybody."""
        self.teaching = Teaching(parts, agent) if teaching else None
        self._parts = parts
        self._turns = TurnRunner(parts, agent)
        self._stage = Stage(parts)
        self._lists = ListMaker(parts)

    async def say(self, user_id: str, conversation_id: str, text: str) -> AsyncIterator[Step]:
        """One spoken turn. Empty text does nothing; text beyond LONGEST is cut."""
        text = text.strip()[:LONGEST]
        if not text:
            return
        async for step in self._turns.run(Spoken(user_id, conversation_id, text)):
            yield step

    async def tap(self, user_id: str, conversation_id: str, chip_id: str) -> AsyncIterator[Step]:
        """One tapped suggestion. One that this server did not offer to this user gives an error step."""
        try:
            text, calls = self._parts.signer.read(user_id, chip_id)
        except ChipError as error:
            log.warning("chip refused: %s", error)
            lang = self._parts.stores.users.ensure(user_id).ui_language
            yield Step(kind="error", text=self._parts.texts.say("talk.tap_gone", lang))
            return
        async for step in self._turns.run(Spoken(user_id, conversation_id, text, tuple(calls))):
            yield step

    def open(self, visitor: str) -> str:
        """Makes sure that the user exists; returns the conversation to go on with, the last one or a new one."""
        self._parts.stores.users.ensure(visitor, ui_language=self._parts.language)
        return self._parts.stores.journal.last_conversation(visitor) or f"{visitor}:{uuid.uuid4().hex[:12]}"

    def screen(self, user_id: str, conversation_id: str) -> Screen:
        """What the user sees now; a first visit gets a first list."""
        if self._parts.stores.journal.shown(user_id, conversation_id) is None:
            return self.refresh(user_id, conversation_id)
        return self._stage.screen(user_id, conversation_id)

    def refresh(self, user_id: str, conversation_id: str) -> Screen:
        """A new list from the parameters as they are."""
        self._list(user_id, conversation_id, ListRequest(intent="home"))
        return self._stage.screen(user_id, conversation_id)

    def act(self, user_id: str, conversation_id: str, item_id: str, action: CardAction) -> Screen:
        """A card's button. An unknown action changes nothing, nor does an item that was not shown here lately.

        Lately: whoever taps two cards quickly means both, though the first tap may have brought another list.
        """
        shown = self._parts.stores.journal.lately_shown(user_id, conversation_id)
        if item_id not in self._parts.engine.catalogue.row or item_id not in shown:
            return self._stage.screen(user_id, conversation_id)
        now = datetime.now(UTC)
        if action == "more":
            self._list(user_id, conversation_id, ListRequest(intent="similar", anchor=item_id))
        elif action in ("like", "dislike", "save", "play"):
            self._parts.stores.events.log(user_id, item_id, action, now)
            if action in ("like", "dislike"):
                self._learn(user_id, conversation_id, item_id, 0.15 if action == "like" else -0.15)
            if action == "dislike":
                self._list(user_id, conversation_id, ListRequest(intent="home"))
        return self._stage.screen(user_id, conversation_id)

    def set_param(self, user_id: str, conversation_id: str, factor: str, key: str, value: float) -> Screen:
        """A slider of the panel; the value is brought into the factor's range. ValueError for an unknown factor."""
        known = Factor(factor)
        change = Change(factor=known, key=key, op="set", value=bounded(known, value))
        return self._by_hand(user_id, conversation_id, [change])

    def remove_param(self, user_id: str, conversation_id: str, factor: str, key: str) -> Screen:
        """The panel's remove button."""
        return self._by_hand(user_id, conversation_id, [Change(factor=Factor(factor), key=key, op="clear")])

    def undo(self, user_id: str, conversation_id: str, change_id: int | None = None) -> Screen:
        """Takes back the last change, or one particular change."""
        now, boxes = datetime.now(UTC), self._parts.stores.pbox
        if change_id is None:
            boxes.undo(user_id, now)
        else:
            boxes.undo_change(user_id, change_id, now)
        return self.refresh(user_id, conversation_id)

    def redo(self, user_id: str, conversation_id: str) -> Screen:
        """Puts the last change that was taken back in force again."""
        self._parts.stores.pbox.redo(user_id, datetime.now(UTC))
        return self.refresh(user_id, conversation_id)

    def onboard(self, user_id: str, conversation_id: str, age: str, language: str, tastes: Sequence[str]) -> Screen:
        """The first-visit card: age mark, language of the audio ("any": both), category paths (none when skipped)."""
        if age not in AGES:
            raise ValueError(f"age {age!r}; use one of {AGES}")
        self._parts.stores.users.update(user_id, age=age, onboarded=True)
        known = {path for _, path in self.taste_choices("en")}
        changes = [Change(factor=Factor.CATEGORY, key=p, op="set", value=TASTE_STEP) for p in tastes if p in known]
        if language in ("en", "zh"):
            changes.append(Change(factor=Factor.LANGUAGE, key=language, op="set", value=1.0, hard=True))
        if changes:
            self._change(user_id, conversation_id, changes, "onboarding")
        return self.refresh(user_id, conversation_id)

    def taste_choices(self, lang: str) -> list[tuple[str, str]]:
        """Label and path of the categories that the first-visit card offers."""
        taxonomy = self._parts.engine.catalogue.words.taxonomy
        return [(taxonomy.label(category.path, lang), category.path) for category in taxonomy.children(None)]

    def set_language(self, user_id: str, conversation_id: str, ui: str) -> Screen:
        """The language of the page, "en" or "zh". Reasons are told anew in it."""
        self._parts.stores.users.update(user_id, ui_language="zh" if ui == "zh" else "en")
        return self.refresh(user_id, conversation_id)

    def listeners(self) -> list[Listener]:
        """The simulated listeners that a demonstration may slip into; the other ones stay in the background."""
        return [listener for listener in self._parts.stores.users.list() if listener.user_id.startswith("persona-")]

    def forget(self, user_id: str) -> None:
        """Deletes everything about a user."""
        self._parts.stores.users.forget(user_id)

    def _learn(self, user_id: str, conversation_id: str, item_id: str, step: float) -> None:
        item = self._parts.engine.catalogue.item(item_id)
        change = Change(factor=Factor.CATEGORY, key=item.category, op="add", value=step)
        self._change(user_id, conversation_id, [change], "feedback")

    def _by_hand(self, user_id: str, conversation_id: str, changes: Sequence[Change]) -> Screen:
        self._change(user_id, conversation_id, changes, "panel")
        return self.refresh(user_id, conversation_id)

    def _change(self, user_id: str, conversation_id: str, changes: Sequence[Change], source: Source) -> None:
        self._parts.stores.pbox.change(
            user_id, uuid.uuid4().hex, changes, source=source, session_id=conversation_id, now=datetime.now(UTC)
        )

    def _list(self, user_id: str, conversation_id: str, wanted: ListRequest) -> None:
        listener = self._parts.stores.users.ensure(user_id)
        shown = self._parts.stores.journal.last_slate(user_id, conversation_id)
        self._lists.make(listener, conversation_id, wanted, datetime.now(UTC), shown)
