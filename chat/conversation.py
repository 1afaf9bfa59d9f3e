"""The one object that a page talks to. It holds no user's state: all is read from, and written to, the stores."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import UTC, datetime

from chat.agent import Agent
from chat.chips import ChipError
from chat.lists import NOTHING_UNDONE, RECENT_EVENTS, ListMaker, list_language, same_again
from chat.parts import Parts
from chat.staging import Mark, Stage, marks
from chat.teaching import Teaching
from chat.turn import Spoken, TurnRunner
from chat.view import CardAction, Screen, Step
from db.pbox import Change, Undone
from recommend.pbox import Entry, Factor, Source, bounded
from recommend.request import Listener, UiLanguage
from tools.changing import removed
from tools.context import ListRequest
from tools.feedback import hidden, nudge

log = logging.getLogger(__name__)

LONGEST = 2000
"""Characters of one message that are read."""
TASTE_STEP = 0.6
LEARNT: dict[Mark, int] = {"like": 1, "dislike": -1}
"""Which way a card's button moves the taste for its category."""
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

    def offered(self, user_id: str, chip_id: str) -> str | None:
        """What a suggestion says; None for one that was not offered to this user."""
        try:
            return self._parts.signer.read(user_id, chip_id)[0]
        except ChipError:
            return None

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

    def open(self, user_id: str, guest: str = "") -> str:
        """Makes sure that the user exists; returns the conversation to go on with, the last one or a new one.

        guest: the visitor who slips into that user, a simulated one; what they say is for no other visitor.
        """
        self._parts.stores.users.ensure(user_id, ui_language=self._parts.language)
        stem = f"{user_id}:{guest}:" if guest else f"{user_id}:"
        return self._parts.stores.journal.last_conversation(user_id, stem) or f"{stem}{uuid.uuid4().hex[:12]}"

    def screen(self, user_id: str, conversation_id: str) -> Screen:
        """What the user sees now; a first visit gets a first list."""
        if self._parts.stores.journal.shown(user_id, conversation_id) is None:
            return self.refresh(user_id, conversation_id)
        return self._stage.screen(user_id, conversation_id)

    def refresh(self, user_id: str, conversation_id: str) -> Screen:
        """A new list from the parameters as they are."""
        self._list(user_id, conversation_id, ListRequest(intent="home"))
        return self._stage.screen(user_id, conversation_id)

    def again(self, user_id: str, conversation_id: str) -> Screen:
        """The list on the screen once more, from the parameters as they are now."""
        self._list_again(user_id, conversation_id)
        return self._stage.screen(user_id, conversation_id)

    def act(self, user_id: str, conversation_id: str, item_id: str, action: CardAction) -> Screen:
        """A card's button. An unknown action changes nothing, nor does an item that was not shown here lately.

        Lately: whoever taps two cards quickly means both, though the first tap may have brought another list.
        """
        shown = self._parts.stores.journal.lately_shown(user_id, conversation_id)
        if item_id not in self._parts.engine.catalogue.row or item_id not in shown:
            return self._stage.screen(user_id, conversation_id)
        if action == "more":
            self._list(user_id, conversation_id, ListRequest(intent="similar", anchor=item_id))
        elif action == "play":
            self._parts.stores.events.log(user_id, item_id, action, datetime.now(UTC))
        elif action in ("like", "dislike", "save"):
            self._mark(user_id, conversation_id, item_id, action)
        return self._stage.screen(user_id, conversation_id)

    def set_param(self, user_id: str, conversation_id: str, factor: str, key: str, value: float) -> Screen:
        """A slider of the panel: moves the value within the factor's range, and leaves how long it holds as it was.

        ValueError for an unknown factor.
        """
        known = Factor(factor)
        change = Change(factor=known, key=key, op="set", value=bounded(known, value))
        if entry := self._entry(user_id, conversation_id, known, key):
            hard = entry.hardness == "hard"
            kept = {"scope": entry.scope, "said": entry.said, "half_life_days": entry.half_life_days, "hard": hard}
            change = change.model_copy(update=kept)
        return self._by_hand(user_id, conversation_id, [change])

    def remove_param(self, user_id: str, conversation_id: str, factor: str, key: str) -> Screen:
        """The panel's remove button. What was for this session only ends, and what lasts shows again."""
        pbox = self._parts.stores.pbox.load(user_id, datetime.now(UTC), conversation_id)
        entry = pbox.entry(Factor(factor), key)
        changes = [change for gone in (pbox.of_one_wish(entry) if entry else ()) for change in removed(gone)]
        return self._by_hand(user_id, conversation_id, changes)

    def undo(self, user_id: str, conversation_id: str, change_ids: Collection[int] | None = None) -> Screen:
        """Takes back what was done last, or these changes in one step. A new list only where something was undone."""
        now, boxes = datetime.now(UTC), self._parts.stores.pbox
        if change_ids is None:
            undone = boxes.undo(user_id, now)
        else:
            undone = Undone(boxes.undo_changes(user_id, change_ids, now))
        if any(undone):
            self._list_again(user_id, conversation_id, undone=undone)
        return self.screen(user_id, conversation_id)

    def redo(self, user_id: str, conversation_id: str) -> Screen:
        """Makes again what the last undo took back. A new list only where something was."""
        redone = any(self._parts.stores.pbox.redo(user_id, datetime.now(UTC)))
        return (self.again if redone else self.screen)(user_id, conversation_id)

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
        lang: UiLanguage = "zh" if ui == "zh" else "en"
        self._parts.stores.users.update(user_id, ui_language=lang)
        self._list_again(user_id, conversation_id, lang=lang)
        return self._stage.screen(user_id, conversation_id)

    def listeners(self) -> list[Listener]:
        """The simulated listeners that a demonstration may slip into; the other ones stay in the background."""
        return [listener for listener in self._parts.stores.users.list() if listener.user_id.startswith("persona-")]

    def forget(self, user_id: str) -> None:
        """Deletes everything about a user."""
        self._parts.stores.users.forget(user_id)

    def _entry(self, user_id: str, conversation_id: str, factor: Factor, key: str) -> Entry | None:
        """The parameter as the panel shows it."""
        return self._parts.stores.pbox.load(user_id, datetime.now(UTC), conversation_id).entry(factor, key)

    def _mark(self, user_id: str, conversation_id: str, item_id: str, action: Mark) -> None:
        """Keeps the feedback of a card's button; what stands there already is not given twice."""
        events, tap = self._parts.stores.events, uuid.uuid4().hex
        if action in marks(events.history(user_id, RECENT_EVENTS))[item_id]:
            return
        item = self._parts.engine.catalogue.item(item_id)
        kept = events.log(user_id, item_id, action, datetime.now(UTC), turn_id=tap)
        if kept and action in LEARNT:
            pbox = self._parts.stores.pbox.load(user_id, datetime.now(UTC), session_id="")
            changes = nudge(pbox, Factor.CATEGORY, item.category, LEARNT[action])
            self._change(user_id, conversation_id, changes, "feedback", tap)
        if not kept and action == "dislike":
            self._change(user_id, conversation_id, [hidden(item)], "feedback", tap)
        if action == "dislike":
            self._list_again(user_id, conversation_id, {item_id})

    def _by_hand(self, user_id: str, conversation_id: str, changes: Sequence[Change]) -> Screen:
        self._change(user_id, conversation_id, changes, "panel")
        return self.again(user_id, conversation_id)

    def _change(
        self, user_id: str, conversation_id: str, changes: Sequence[Change], source: Source, turn_id: str = ""
    ) -> None:
        self._parts.stores.pbox.change(
            user_id, turn_id, changes, source=source, session_id=conversation_id, now=datetime.now(UTC)
        )

    def _list_again(
        self,
        user_id: str,
        conversation_id: str,
        unwanted: Collection[str] = (),
        lang: UiLanguage | None = None,
        undone: Undone = NOTHING_UNDONE,
    ) -> None:
        wanted = same_again(self._parts.stores.journal, user_id, conversation_id, unwanted, undone)
        self._list(user_id, conversation_id, wanted, lang)

    def _list(self, user_id: str, conversation_id: str, wanted: ListRequest, lang: UiLanguage | None = None) -> None:
        """Makes a list, in the language of the talk unless another one is named."""
        journal, listener = self._parts.stores.journal, self._parts.stores.users.ensure(user_id)
        hearer = listener.model_copy(update={"ui_language": lang or list_language(journal, conversation_id, listener)})
        shown = journal.last_slate(user_id, conversation_id)
        self._lists.make(hearer, conversation_id, wanted, datetime.now(UTC), shown)
