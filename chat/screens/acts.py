"""What each event of the page does: find out who asks, check what was sent, call the conversation, draw its answer.

Identity comes from the signed cookie alone; whose page is shown (a simulated listener's) and which conversation goes on
is kept on the server in `Seat`, which counts only for the visitor who owns it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import gradio as gr
from pydantic import BaseModel, ValidationError

from chat.conversation import LONGEST, Conversation
from chat.screens.chatlog import Running
from chat.screens.chips import last_notes
from chat.screens.identity import visitor
from chat.screens.live import payload
from chat.screens.onboarding import MAX_TASTES
from chat.screens.paint import Frame, Parts, Updates, busy, paint
from chat.screens.taps import CardTap, HeaderTap, OnboardTap, PanelTap, Tap, TeachTap, UndoTap
from chat.screens.teach import Slip, answer, teach_html
from chat.screens.visits import Seat, Visit, in_order
from chat.screens.words import Say, words
from chat.view import Screen, Step
from prompts.texts import Texts

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")
NOTHING_TAUGHT = Slip()
LONGEST_WAIT_S, GLANCE_S = 60.0, 0.05
"""How long forgetting waits for an answer that is being written, and how often it looks."""


class Acts:
    """The page's events over one conversation. Keeps nothing of any visitor but who is being answered."""

    def __init__(self, conversation: Conversation, texts: Texts, parts: Parts) -> None:
        self.talk = conversation
        self.texts = texts
        self.parts = parts
        self.lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By visitor, while a tap of theirs is answered."""
        self.running: Counter[str] = Counter()
        """By conversation, the turns that are being answered."""

    async def arrive(self, seat: Seat, hint: str, request: gr.Request) -> Updates:
        """The page opens. `hint` is the browser's language on its very first visit, else empty."""
        visit = await self._visit(seat, request)
        screen = await self._screen(visit)
        if hint.lower().startswith("zh") and screen.lang == "en" and not screen.messages:
            screen = await self._call(self.talk.set_language, visit, "zh")
        return await self._painted(visit, screen) | await self._lessons(screen)

    async def say(self, text: str, seat: Seat, request: gr.Request) -> AsyncIterator[Updates]:
        """The visitor says something."""
        said = str(text or "").strip()
        if not said:
            yield {self.parts.box: gr.skip()}
            return
        visit = await self._visit(seat, request)
        screen = await self._screen(visit)
        say = self._words(screen)
        notice = say("cut", limit=LONGEST) if len(said) > LONGEST else ""
        said = said[:LONGEST]
        steps = self.talk.say(visit.user_id, visit.seat.conversation, said)
        async with _closing(self._turn(visit, screen, said, steps, notice)) as updates:
            first = True
            async for update in updates:
                yield update | {self.parts.box: gr.update(value="")} if first else update
                first = False

    async def chip(self, seat: Seat, request: gr.Request, event: gr.EventData) -> AsyncIterator[Updates]:
        """A tap under the last message: a suggestion, or the undo of one change."""
        visit = await self._visit(seat, request)
        screen = await self._screen(visit)
        if undo := _read(UndoTap, event):
            yield await self._painted(visit, await self._take_back(visit, screen, undo))
            return
        tap = _read(Tap, event)
        said = self.talk.offered(visit.user_id, tap.chip) if tap else None
        if tap is None or said is None:
            yield await self._painted(visit, screen, self.texts.say("talk.tap_gone", screen.lang), alert=True)
            return
        steps = self.talk.tap(visit.user_id, visit.seat.conversation, tap.chip)
        async with _closing(self._turn(visit, screen, said, steps)) as updates:
            async for update in updates:
                yield update

    @in_order
    async def card(self, seat: Seat, request: gr.Request, event: gr.EventData) -> Updates:
        """A button of a card, or "other suggestions"."""
        visit = await self._visit(seat, request)
        screen = await self._screen(visit)
        tap = _read(CardTap, event)
        notice = ""
        if tap and tap.act == "refresh":
            screen = await self._call(self.talk.refresh, visit)
        elif tap:
            card = next((card for card in screen.cards if card.item_id == tap.item), None)
            screen = await self._call(self.talk.act, visit, tap.item, tap.act)
            if tap.act == "play" and card and not card.url:
                notice = self._words(screen)("nothing_to_play")
        return await self._painted(visit, screen, notice)

    @in_order
    async def panel(self, seat: Seat, request: gr.Request, event: gr.EventData) -> Updates:
        """A change by hand in the panel."""
        visit = await self._visit(seat, request)
        screen = await self._screen(visit)
        tap = _read(PanelTap, event)
        param = next((p for p in screen.panel if tap and (p.factor, p.key) == (tap.factor, tap.key)), None)
        if tap and tap.act == "undo":
            screen = await self._call(self.talk.undo, visit)
        elif tap and tap.act == "redo":
            screen = await self._call(self.talk.redo, visit)
        elif tap and param and tap.act == "remove":
            screen = await self._call(self.talk.remove_param, visit, param.factor, param.key)
        elif tap and param and param.kind == "slider":
            value = min(max(tap.value, param.low), param.high)
            screen = await self._call(self.talk.set_param, visit, param.factor, param.key, value)
        return await self._painted(visit, screen)

    @in_order
    async def header(self, seat: Seat, request: gr.Request, event: gr.EventData) -> Updates:
        """Language of the page, whose page it is, forget me."""
        visit = await self._visit(seat, request)
        tap = _read(HeaderTap, event)
        notice = ""
        if tap and tap.act == "persona":
            visit = await self._visit(replace(visit.seat, persona=tap.value, conversation=""), request)
        elif tap and tap.act == "forget" and not visit.seat.persona:
            lang = (await self._screen(visit)).lang
            await self._at_rest(visit)
            await asyncio.to_thread(self.talk.forget, visit.user_id)
            visit = await self._visit(Seat(), request)
            await self._call(self.talk.set_language, visit, lang)
            notice = "forgotten"
        elif tap and tap.act == "language":
            screen = await self._call(self.talk.set_language, visit, tap.lang)
            return await self._painted(visit, screen) | await self._lessons(screen)
        screen = await self._screen(visit)
        drawn = await self._painted(visit, screen, self._words(screen)(notice) if notice else "")
        return drawn | await self._lessons(screen)

    @in_order
    async def onboard(self, seat: Seat, request: gr.Request, event: gr.EventData) -> Updates:
        """The onboarding card, answered or skipped."""
        visit = await self._visit(seat, request)
        screen = await self._screen(visit)
        if tap := _read(OnboardTap, event):
            known = {path for _, path in await asyncio.to_thread(self.talk.taste_choices, screen.lang)}
            fields = tap.fields if tap.act == "onboard" else type(tap.fields)()
            tastes = [path for path in fields.tastes if path in known][:MAX_TASTES]
            age = next(iter(fields.age), screen.listener.age)
            screen = await self._call(self.talk.onboard, visit, age, next(iter(fields.language), "any"), tastes)
        return await self._painted(visit, screen)

    @in_order
    async def teach(self, seat: Seat, request: gr.Request, event: gr.EventData) -> Updates:
        """A tap on the teaching card. Where nobody may teach from the page it does nothing."""
        visit = await self._visit(seat, request)
        screen = await self._screen(visit)
        tap = _read(TeachTap, event)
        if not tap or not self.talk.teaching:
            return {self.parts.seat: visit.seat}
        slip = await answer(self.talk.teaching, tap, screen.lang, self._words(screen))
        return {self.parts.seat: visit.seat, **await self._lessons(screen, slip)}

    async def stopped(self, seat: Seat, request: gr.Request) -> Updates:
        """After Stop: the page at rest again, as far as the turn came."""
        visit = await self._visit(seat, request)
        screen = await self._screen(visit)
        return await self._painted(visit, screen, self._words(screen)("stopped"), rests=True)

    async def failed(self, seat: Seat, why: str, request: gr.Request) -> Updates:
        """After an event that broke, or was stopped (`why` is "stopped"): the page at rest, and a word about it."""
        if why == "stopped":
            return await self.stopped(seat, request)
        visit = await self._visit(seat, request)
        screen = await self._screen(visit)
        return await self._painted(visit, screen, self._words(screen)("failed"), alert=True, rests=True)

    async def _turn(
        self, visit: Visit, screen: Screen, said: str, steps: AsyncIterator[Step], notice: str = ""
    ) -> AsyncIterator[Updates]:
        say = self._words(screen)
        running = Running(before=screen.messages, said=said, waiting=say("thinking"))
        after, alert = None, False
        with self._answering(visit):
            yield {self.parts.chat: running.messages(), **busy(self.parts, screen, say)}
            async with _closing(steps) as stream:
                async for step in stream:
                    running = running.after(step)
                    after = step.screen or after
                    if step.kind in {"error", "stopped"}:
                        alert = step.kind == "error"
                        notice = step.text or say("failed" if alert else "stopped")
                    elif step.kind != "screen":
                        yield {self.parts.chat: running.messages()}
        yield await self._painted(visit, after or await self._screen(visit), notice, alert=alert)

    @contextmanager
    def _answering(self, visit: Visit) -> Iterator[None]:
        """While a turn runs; what is tapped meanwhile leaves its part of the page alone."""
        self.running[visit.seat.conversation] += 1
        try:
            yield
        finally:
            self.running[visit.seat.conversation] -= 1
            self.running += Counter()  # forgets those at rest

    async def _visit(self, seat: Seat, request: gr.Request) -> Visit:
        own = visitor(request)
        personas = tuple(await asyncio.to_thread(self.talk.listeners))
        mine = seat if isinstance(seat, Seat) and seat.owner == own else Seat(owner=own)
        if mine.persona and mine.persona not in {p.user_id for p in personas}:
            mine = Seat(owner=own)
        if not mine.conversation:
            opened = await asyncio.to_thread(self.talk.open, mine.persona or own, own if mine.persona else "")
            mine = replace(mine, conversation=opened)
        return Visit(mine, personas)

    async def _at_rest(self, visit: Visit) -> None:
        """Waits for an answer that is being written: what it keeps at its end would outlive the forgetting."""
        for _ in range(round(LONGEST_WAIT_S / GLANCE_S)):
            if not self.running[visit.seat.conversation]:
                return
            await asyncio.sleep(GLANCE_S)

    async def _screen(self, visit: Visit) -> Screen:
        return await self._call(self.talk.screen, visit)

    async def _call(self, method: Callable[..., Result], visit: Visit, *args: Any) -> Result:
        return await asyncio.to_thread(method, visit.user_id, visit.seat.conversation, *args)

    async def _take_back(self, visit: Visit, screen: Screen, tap: UndoTap) -> Screen:
        shown = {change for note in last_notes(screen) for change in note.change_ids}
        understood = [change for change in tap.ids if change in shown]
        return await self._call(self.talk.undo, visit, understood) if understood else screen

    async def _painted(
        self, visit: Visit, screen: Screen, notice: str = "", *, alert: bool = False, rests: bool = False
    ) -> Updates:
        """The page; while a turn runs without what the turn draws itself, unless it is known to rest (`rests`)."""
        tastes = await asyncio.to_thread(self.talk.taste_choices, screen.lang)
        frame = Frame(acting=visit.seat.persona, personas=visit.personas, tastes=tastes)
        drawn = paint(self.parts, screen, frame, self._words(screen), notice, alert=alert)
        if self.running[visit.seat.conversation] and not rests:
            drawn = {part: value for part, value in drawn.items() if part not in self.parts.of_a_turn()}
        return {self.parts.seat: visit.seat, **drawn}

    async def _lessons(self, screen: Screen, slip: Slip = NOTHING_TAUGHT) -> Updates:
        """The teaching card; drawn seldom, as words that are being typed into it would be lost."""
        if not self.talk.teaching:
            return {}
        lessons = await asyncio.to_thread(self.talk.teaching.lessons, screen.lang)
        return {self.parts.teach: teach_html(lessons, slip, self._words(screen))}

    def _words(self, screen: Screen) -> Say:
        return words(self.texts, screen.lang)


@asynccontextmanager
async def _closing(stream: AsyncIterator[Result]) -> AsyncIterator[AsyncIterator[Result]]:
    """Closes a stream at the end, also when the turn is cancelled, so that the model stops at its next token."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


def _read(model: type[Model], event: gr.EventData) -> Model | None:
    try:
        return model.model_validate(dict(payload(event)))
    except ValidationError:
        return None
