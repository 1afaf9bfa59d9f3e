"""The screen of one user, put together from what is stored: a reload or another process shows the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from chat.chips import Offer
from chat.list_words import heading
from chat.lists import RECENT_EVENTS, list_language
from chat.parts import Parts
from chat.view import CardView, Chip, Message, Screen, ToolNote
from db.journal import TurnRecord
from recommend.pbox import PBox
from recommend.request import History, Slate, UiLanguage
from tools.context import Done, Option

MESSAGES = 30
"""Turns that a screen shows."""
CHANGES = 100
"""The last changes, of which a screen knows whether they were undone."""
Mark = Literal["like", "dislike", "save"]
"""Feedback that a card shows as given."""
OPPOSITE: dict[str, Mark] = {"like": "dislike", "dislike": "like"}


class Stage:
    """Builds screens."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def screen(self, user_id: str, conversation_id: str, *, answers: Sequence[Option] = (), notice: str = "") -> Screen:
        """What the user sees now: the page in its own language, the list and what goes with it in that of the talk.

        `answers` stand in place of the usual chips where a question was asked.
        """
        stores, now = self._parts.stores, datetime.now(UTC)
        listener = stores.users.ensure(user_id)
        wanted = stores.journal.request(user_id, conversation_id)
        lang = list_language(stores.journal, conversation_id, listener)
        turns = stores.journal.turns(user_id, conversation_id, MESSAGES)
        slate = stores.journal.shown(user_id, conversation_id)
        pbox = stores.pbox.load(user_id, now, conversation_id)
        steps = stores.pbox.steps(user_id, now)
        undone = {change.id for change in stores.pbox.history(user_id, CHANGES) if change.undone}
        shown = self._known(slate)
        return Screen(
            lang=listener.ui_language,
            listener=listener,
            messages=tuple(m for turn in turns for m in _messages(turn, undone)),
            cards=self._cards(user_id, slate, lang),
            panel=self._parts.panel.params(pbox, [turn.id for turn in reversed(turns)], now, lang),
            chips=self._chips(user_id, lang, pbox, shown, answers, len(turns)),
            can_undo=steps.undo,
            can_redo=steps.redo,
            title=heading(self._parts, slate, wanted, lang) if slate else "",
            notice=notice,
        )

    def _known(self, slate: Slate | None) -> list[str]:
        row = self._parts.engine.catalogue.row
        return [item_id for item_id in slate.item_ids if item_id in row] if slate else []

    def _cards(self, user_id: str, slate: Slate | None, lang: UiLanguage) -> tuple[CardView, ...]:
        standing = marks(self._parts.stores.events.history(user_id, RECENT_EVENTS))
        row = self._parts.engine.catalogue.row
        return tuple(
            self._parts.cards.card(
                card.candidate.item_id,
                card.position,
                card.reason.text,
                lang,
                standing[card.candidate.item_id],
            )
            for card in (slate.cards if slate else ())
            if card.candidate.item_id in row
        )

    def _chips(
        self, user_id: str, lang: UiLanguage, pbox: PBox, shown: Sequence[str], answers: Sequence[Option], seed: int
    ) -> tuple[Chip, ...]:
        offers = [Offer(answer.text, tuple(answer.calls), "answer") for answer in answers]
        if not offers:
            hour = datetime.now().astimezone().hour
            offers = self._parts.chips.offers(pbox, shown, hour, seed, lang)
        return tuple(self._parts.signer.sign(user_id, offer) for offer in offers)


def marks(history: History) -> dict[str, set[str]]:
    """By item, the feedback that stands on its card: of like and dislike the later one."""
    standing: dict[str, set[str]] = defaultdict(set)
    for event in history.events:
        if event.kind in get_args(Mark):
            standing[event.item_id].discard(OPPOSITE.get(event.kind, ""))
            standing[event.item_id].add(event.kind)
    return standing


def tool_note(done: Done) -> ToolNote:
    """A tool step as the page shows it."""
    return ToolNote(tool=done.tool, text=done.text, ok=done.ok, change_ids=tuple(change.id for change in done.changes))


def _standing(kept: dict[str, Any], undone: Collection[int]) -> ToolNote:
    """A note as it was kept, less the changes that were undone: there is nothing to undo about them any more."""
    note = ToolNote.model_validate(kept)
    return note.model_copy(update={"change_ids": tuple(one for one in note.change_ids if one not in undone)})


def _messages(turn: TurnRecord, undone: Collection[int]) -> tuple[Message, ...]:
    notes = tuple(_standing(note, undone) for call in turn.calls for note in call.get("notes", ()))
    spoken = Message(role="assistant", text=turn.reply, notes=notes)
    return (Message(role="user", text=turn.user_text), spoken) if turn.user_text else (spoken,)
