"""A conversation with canned answers behind the real page: fast, no model, no catalogue, memory in a dict."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from chat.view import CardAction, CardView, Chip, Message, Param, Screen, Step, ToolNote
from recommend.request import Listener

HTML_TITLE = "<img src=x onerror=alert(1)> <b>bold</b> ${window.hacked=1} {{value}}"
PERSONAS = (
    Listener(user_id="p-mei", name="Mei", ui_language="zh", persona=True, onboarded=True),
    Listener(user_id="p-tom", name="Tom", persona=True, onboarded=True),
)
ITEMS: tuple[dict[str, Any], ...] = (
    dict(item_id="sf-1", title="The Left Hand of Darkness", people="by Ursula K. Le Guin · read by George Guidall",
         facts="9 h 39 min · completed · English · 4.6", price="Free", category="Science fiction",
         category_path="scifi-fantasy/scifi/classic", reason="Thoughtful and complete, as you asked.",
         url="https://example.org/left-hand"),
    dict(item_id="x-1", title=HTML_TITLE, people="by <script>alert(2)</script>", facts="1 h", price="¥16",
         category="Stand-up", category_path="comedy/standup/solo", reason="Funny & short: \"<i>under an hour</i>\".",
         url="javascript:alert(3)"),
    dict(item_id="hi-1", title="万历十五年", people="黄仁宇 著 · 沈砚秋 播讲", facts="12 小时 · 完结 · 4.7",
         price="¥16", category="中国古代史", category_path="history/chinese-history/ancient-china",
         reason="同样喜欢历史的人常听这部。"),
    dict(item_id="sl-1", title="Rain on a Tin Roof", people="Field recordings",
         facts="8 h · one sitting · no speech · 4.3",
         price="Free", category="Sleep sounds", category_path="health/sleep/sounds", reason="Calm, for bedtime."),
    dict(item_id="bu-1", title="A Very Long Title About the Economics of Everything Between the Wars, Volume Two",
         people="by An Author With A Rather Long Name and Somebody Else · read by A Narrator", price="Members",
         facts="23 h 10 min · 46 episodes · still running · English · 3.9", category="Economic history and policy",
         category_path="business/economy/history", reason="Not the usual for you: a look into business."),
    dict(item_id="my-1", title="The Hound of the Baskervilles", people="by Arthur Conan Doyle · read by David Timson",
         facts="6 h 24 min · completed · English · 4.5", price="Free", category="Golden age",
         category_path="mystery/detective/golden-age", reason="You like detective stories."),
)  # fmt: skip
TASTES = (
    ("Science fiction", "科幻", "scifi-fantasy/scifi"), ("Mystery", "悬疑推理", "mystery"),
    ("History", "历史人文", "history"),
    ("Comedy", "相声喜剧", "comedy"), ("Sleep", "助眠", "health/sleep"), ("Kids", "儿童亲子", "kids"),
)  # fmt: skip

CHIPS = (("Shorter", "短一点"), ("Finished only", "只要完结的"), ("Surprise me", "给点惊喜"))


@dataclass
class Memory:
    """One fake user."""

    listener: Listener
    messages: list[Message] = field(default_factory=list)
    params: dict[tuple[str, str], Param] = field(default_factory=dict)
    undone: list[tuple[tuple[str, str], Param]] = field(default_factory=list)
    marks: dict[str, set[str]] = field(default_factory=dict)
    acts: list[tuple[str, str]] = field(default_factory=list)
    turned: int = 0
    last: int = 0


class FakeConversation:
    """The interface of chat.conversation.Conversation, canned."""

    teaching = None

    def __init__(self) -> None:
        self.users: dict[str, Memory] = {p.user_id: Memory(p) for p in PERSONAS}
        self.lock = threading.RLock()
        self.act_s = 0.0
        """Seconds that the answer to a card's button takes."""
        self.left_early: list[str] = []
        """What was being answered when nobody listened any more."""

    def open(self, visitor: str, guest: str = "") -> str:
        with self.lock:
            self.users.setdefault(visitor, Memory(Listener(user_id=visitor)))
        return f"c-{visitor}"

    def forget(self, user_id: str) -> None:
        with self.lock:
            self.users.pop(user_id, None)

    def listeners(self) -> list[Listener]:
        return [self.users[p.user_id].listener for p in PERSONAS]

    def taste_choices(self, lang: str) -> list[tuple[str, str]]:
        return [(zh if lang == "zh" else en, path) for en, zh, path in TASTES]

    def screen(self, user_id: str, conversation_id: str) -> Screen:
        assert conversation_id == f"c-{user_id}", "a conversation of somebody else"
        memory = self.users[user_id]
        zh = memory.listener.ui_language == "zh"
        return Screen(
            lang=memory.listener.ui_language, listener=memory.listener, messages=tuple(memory.messages),
            cards=self._cards(memory), panel=tuple(memory.params.values()), can_undo=bool(memory.params),
            can_redo=bool(memory.undone), title="为你推荐" if zh else "For you",
            chips=tuple(Chip(chip_id=f"c{n}", text=chip[zh]) for n, chip in enumerate(CHIPS)),
        )  # fmt: skip

    def act(self, user_id: str, conversation_id: str, item_id: str, action: CardAction) -> Screen:
        memory = self.users[user_id]
        memory.acts.append((item_id, action))
        time.sleep(self.act_s)
        if action in {"like", "dislike", "save"}:
            memory.marks.setdefault(item_id, set()).symmetric_difference_update({action})
        elif action in {"more", "why"}:
            memory.turned += action == "more"
            memory.messages.append(Message(role="assistant", text=f"{action}: {item_id}"))
        return self.screen(user_id, conversation_id)

    def set_param(self, user_id: str, conversation_id: str, factor: str, key: str, value: float) -> Screen:
        memory = self.users[user_id]
        memory.params[factor, key] = memory.params[factor, key].model_copy(
            update={"value": value, "origin": "set by hand"}
        )
        return self.screen(user_id, conversation_id)

    def remove_param(self, user_id: str, conversation_id: str, factor: str, key: str) -> Screen:
        self.users[user_id].params.pop((factor, key), None)
        return self.screen(user_id, conversation_id)

    def undo(self, user_id: str, conversation_id: str, change_ids: Collection[int] | None = None) -> Screen:
        memory = self.users[user_id]
        given = [key for key, param in memory.params.items() if param.change_id in (change_ids or ())]
        for key in list(memory.params)[-1:] if change_ids is None else given:
            memory.undone.append((key, memory.params.pop(key)))
        return self.screen(user_id, conversation_id)

    def redo(self, user_id: str, conversation_id: str) -> Screen:
        memory = self.users[user_id]
        if memory.undone:
            key, param = memory.undone.pop()
            memory.params[key] = param
        return self.screen(user_id, conversation_id)

    def refresh(self, user_id: str, conversation_id: str) -> Screen:
        self.users[user_id].turned += 1
        return self.screen(user_id, conversation_id)

    def onboard(self, user_id: str, conversation_id: str, age: str, language: str, tastes: Sequence[str]) -> Screen:
        memory = self.users[user_id]
        memory.listener = memory.listener.model_copy(update={"onboarded": True, "age": age})
        for taste in tastes:
            self._set(memory, "category", taste, f"More {taste}")
        return self.screen(user_id, conversation_id)

    def set_language(self, user_id: str, conversation_id: str, ui: str) -> Screen:
        memory = self.users[user_id]
        memory.listener = memory.listener.model_copy(update={"ui_language": ui})
        return self.screen(user_id, conversation_id)

    async def say(self, user_id: str, conversation_id: str, text: str) -> AsyncIterator[Step]:
        memory = self.users[user_id]
        memory.messages.append(Message(role="user", text=text))
        yield Step(kind="thinking")
        if "break" in text:
            raise RuntimeError("canned failure")
        try:
            for n in range(60 if "slow" in text else 1):
                await asyncio.sleep(0.1)
                if n:
                    yield Step(kind="reply", text="slowly " * n)
        except (GeneratorExit, asyncio.CancelledError):
            self.left_early.append(text)
            raise
        notes, reply = self._understand(memory, text)
        for note in notes:
            yield Step(kind="tool", text=note.text, note=note)
            await asyncio.sleep(0.05)
        for end in range(10, len(reply) + 10, 10):
            yield Step(kind="reply", text=reply[:end])
            await asyncio.sleep(0.01)
        memory.messages.append(Message(role="assistant", text=reply, notes=notes))
        memory.turned += 1
        yield Step(kind="screen", screen=self.screen(user_id, conversation_id))

    def offered(self, user_id: str, chip_id: str) -> str | None:
        number = int(chip_id.removeprefix("c"))
        return CHIPS[number][self.users[user_id].listener.ui_language == "zh"] if number < len(CHIPS) else None

    def tap(self, user_id: str, conversation_id: str, chip_id: str) -> AsyncIterator[Step]:
        return self.say(user_id, conversation_id, self.offered(user_id, chip_id) or "")

    def _understand(self, memory: Memory, text: str) -> tuple[tuple[ToolNote, ...], str]:
        if any("\u4e00" <= char <= "\u9fff" for char in text):
            first = self._set(memory, "mood", "healing", "更治愈")
            second = self._set(memory, "block", "horror", "不要恐怖", kind="switch")
            return (first, second), "好的：多一些治愈，不要恐怖，直到你撤销。列表按睡前来排。"
        first = self._set(memory, "mood", "funny", "More funny")
        second = self._set(memory, "status", "completed", "Finished only", kind="switch")
        return (first, second), f"More funny, finished only, until you undo it. The top one is {HTML_TITLE}."

    def _set(self, memory: Memory, factor: str, key: str, label: str, kind: str = "slider") -> ToolNote:
        memory.last += 1
        memory.params[factor, key] = Param(
            factor=factor, key=key, label=label, kind=kind, value=0.6, origin="you said so just now",
            expiry="until you undo it", change_id=memory.last,
        )  # fmt: skip
        return ToolNote(tool="set_mood", text=label, change_ids=(memory.last,))

    def _cards(self, memory: Memory) -> tuple[CardView, ...]:
        turn = memory.turned % len(ITEMS)
        return tuple(
            CardView(position=n, liked="like" in marks, disliked="dislike" in marks, saved="save" in marks, **item)
            for n, item in enumerate(ITEMS[turn:] + ITEMS[:turn], 1)
            for marks in [memory.marks.get(item["item_id"], set())]
        )
