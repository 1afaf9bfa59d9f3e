"""What the page shows, as frozen values: the border between the conversation and any screen."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from recommend.request import Listener

CardAction = Literal["like", "dislike", "more", "save", "play", "why"]


class ToolNote(BaseModel, frozen=True, extra="forbid"):
    """One visible tool step: what was understood, in plain words ("more history")."""

    tool: str
    text: str
    ok: bool = True
    change_ids: tuple[int, ...] = ()
    """PBox history rows that it wrote; each can be undone on its own."""


class Message(BaseModel, frozen=True, extra="forbid"):
    """One line of the talk."""

    role: Literal["user", "assistant"]
    text: str
    notes: tuple[ToolNote, ...] = ()


class CardView(BaseModel, frozen=True, extra="forbid"):
    """One item of the list, in the words of the reader's language. All text is data, to be escaped."""

    item_id: str
    position: int
    title: str
    people: str
    """"by A · read by B"."""
    facts: str
    """Length, state, language, rating: "11 h · completed · 4.6"."""
    price: str
    category: str
    """Label of the leaf category."""
    category_path: str
    reason: str
    url: str | None = None
    liked: bool = False
    disliked: bool = False
    saved: bool = False


class Param(BaseModel, frozen=True, extra="forbid"):
    """One set parameter of the panel."""

    factor: str
    key: str
    label: str
    """Plain words: "More history", "Never horror"."""
    kind: Literal["slider", "switch"]
    """A slider can be moved within [low, high]; a switch can only be removed."""
    value: float
    low: float = -1.0
    high: float = 1.0
    origin: str
    """"you said so 2 turns ago", "set by hand"."""
    expiry: str
    """"until you undo it", "for this session"."""
    change_id: int = 0


class Chip(BaseModel, frozen=True, extra="forbid"):
    """A tappable suggestion or answer. It carries its own tool calls on the server: no model is needed."""

    chip_id: str
    text: str


class Screen(BaseModel, frozen=True, extra="forbid"):
    """All that one user sees at one moment."""

    lang: Literal["en", "zh"]
    listener: Listener
    messages: tuple[Message, ...] = ()
    cards: tuple[CardView, ...] = ()
    panel: tuple[Param, ...] = ()
    chips: tuple[Chip, ...] = ()
    can_undo: bool = False
    can_redo: bool = False
    title: str = ""
    """Heading of the list: "For you", "Like Dune"."""
    notice: str = ""


class LessonView(BaseModel, frozen=True, extra="forbid"):
    """One thing taught. All text is data, to be escaped."""

    lesson_id: str
    said: str
    means: str
    """Its meaning in plain words; for a whole sentence, what its calls do."""
    sentence: bool = False
    """Whether it was taught whole, with its calls."""
    withdrawn: bool = False


class Taught(BaseModel, frozen=True, extra="forbid"):
    """What came of teaching."""

    lesson: LessonView
    understood: str | None
    """What its words now set off, as the chat's notes tell it; "" for nothing, None where it could not be tried."""
    sure: bool = True
    before: str = ""
    """What it meant until now, where this corrected it."""


class Step(BaseModel, frozen=True, extra="forbid"):
    """One event of a running turn, in order: thinking, tool*, reply* (growing text), screen | error | stopped."""

    kind: Literal["thinking", "tool", "reply", "screen", "error", "stopped"]
    text: str = ""
    note: ToolNote | None = None
    screen: Screen | None = None
