"""What the browser may send with a tap. Everything is refused that does not fit, before it reaches the conversation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from chat.screens.onboarding import MAX_TASTES
from chat.view import CardAction

Name = Annotated[str, StringConstraints(max_length=300)]
TYPED = 1000
"""Characters that a text box of ours takes: more than is allowed, so that too much can be told."""
MAX_ROWS = 1000
"""Parameters that one change may have written: a reset writes all there are."""
Typed = Annotated[str, StringConstraints(max_length=TYPED)]


class Tap(BaseModel, frozen=True, extra="ignore"):
    """A tap on a chip. Its id holds the chip's text and calls, so it is longer than a name."""

    chip: Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class CardTap(BaseModel, frozen=True, extra="ignore"):
    """A tap on a card, or on "other suggestions"."""

    act: CardAction | Literal["refresh"]
    item: Name = ""


class PanelTap(BaseModel, frozen=True, extra="ignore"):
    """A change by hand in the panel."""

    act: Literal["set", "remove", "undo", "redo"]
    factor: Name = ""
    key: Name = ""
    value: Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)] = 0.0


class UndoTap(BaseModel, frozen=True, extra="ignore"):
    """Undo of one understood change: its history rows, comma-separated."""

    changes: Annotated[str, StringConstraints(max_length=MAX_ROWS * 16, pattern=r"^\d{1,15}(,\d{1,15})*$")]

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.changes.split(","))


class HeaderTap(BaseModel, frozen=True, extra="ignore"):
    """A choice in the header."""

    act: Literal["language", "persona", "forget"]
    lang: Literal["en", "zh"] = "en"
    value: Name = ""


class Answers(BaseModel, frozen=True, extra="ignore"):
    """The fields of the onboarding card."""

    language: tuple[Literal["any", "en", "zh"], ...] = ()
    age: tuple[Literal["all", "7+", "13+", "18+"], ...] = ()
    tastes: Annotated[tuple[Name, ...], Field(max_length=MAX_TASTES * 8)] = ()


class OnboardTap(BaseModel, frozen=True, extra="ignore"):
    """The onboarding card, answered or skipped."""

    act: Literal["onboard", "skip"]
    fields: Answers = Answers()


class Lines(BaseModel, frozen=True, extra="ignore"):
    """The two boxes of the teaching card."""

    said: Annotated[tuple[Typed, ...], Field(max_length=1)] = ()
    means: Annotated[tuple[Typed, ...], Field(max_length=1)] = ()


class TeachTap(BaseModel, frozen=True, extra="ignore"):
    """A tap on the teaching card."""

    act: Literal["teach", "correct", "withdraw", "again", "cancel"]
    lesson: Name = ""
    fields: Lines = Lines()

    @property
    def said(self) -> str:
        return "".join(self.fields.said)

    @property
    def means(self) -> str:
        return "".join(self.fields.means)
