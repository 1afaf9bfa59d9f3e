"""What a tool sees of the turn it runs in, and the collector of what the turn did.

The host fills in who is talking; a model cannot. Tools write through the stores, and note in the `Outcome` what the
conversation needs afterwards: changes, lists to fetch, facts, a question. Nothing here belongs to more than one turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from catalog.catalogue import Catalogue
from catalog.items import Format
from catalog.resolve import Resolver
from catalog.search import Search
from db.events import EventStore
from db.journal import Journal
from db.pbox import Applied, PBoxStore
from db.users import UserStore
from prompts.texts import Texts
from recommend.pbox import Source
from recommend.pipeline import Pipeline
from recommend.request import Intent, UiLanguage

Topic = Literal["category", "mood", "length", "scene", "item", "other"]
Duration = Literal["session", "lasting"]
Failure = Literal["fault", "refused", "explained"]
"""How a call came to nothing: something broke, the tool refused it, or it refused and noted why for the user."""


class ToolRetry(Exception):
    """A call that cannot be done as it is. The text is for the model: the value, what is allowed, what to do."""


class Fact(BaseModel, frozen=True, extra="forbid"):
    """Something true that the reply may say: a text name of the group `replies.fact` and the values it needs."""

    kind: str
    values: dict[str, Any] = {}


class ListRequest(BaseModel, frozen=True, extra="forbid"):
    """A list to fetch once all tools of the turn have run."""

    intent: Intent
    size: int | None = None
    """How many; None for the usual number."""
    query: str | None = None
    told: str | None = None
    """The words of the turn that go with the list, see `chat.narrative`."""
    anchor: str | None = None
    """Item id."""
    category: str | None = None
    """Category path."""
    format: Format | None = None
    """The one format that the words name beside what is looked for."""
    seen: frozenset[str] = frozenset()
    """Item ids that shall not be in it."""
    children: bool | None = None
    """Whether small children will listen; None as with the list before."""
    again: bool = False
    """Whether it is the list on the screen once more, whose items may all come again."""


class Option(BaseModel, frozen=True, extra="forbid"):
    """An answer to tap: its text and the calls that it stands for, each `{"name": …, "args": {…}}`."""

    text: str
    calls: tuple[dict[str, Any], ...]


class Missed(BaseModel, frozen=True, extra="forbid"):
    """A name that nothing in the catalogue or on the screen answers to."""

    said: str
    nearest: tuple[str, ...] = ()
    """Titles that come nearest, in order."""


class Done(BaseModel, frozen=True, extra="forbid"):
    """One visible tool step, in the user's language."""

    tool: str
    text: str
    changes: tuple[Applied, ...] = ()
    ok: bool = True


class Mark(NamedTuple):
    """How much an outcome holds at some time: steps, misses, options, and the question asked."""

    done: int
    missed: int
    options: int
    asked: Topic | None


class Astray(NamedTuple):
    """What a refused call noted for the user."""

    missed: list[Missed]
    options: list[Option]
    asked: Topic | None


@dataclass
class Outcome:
    """What the tools of one turn did. Tools only append to it; the host takes back what a model has mended."""

    changes: list[Applied] = field(default_factory=list)
    undone: list[Applied] = field(default_factory=list)
    """Changes that this turn took back."""
    lasting: set[int] = field(default_factory=set)
    """Ids of changes that the user explicitly wanted to last."""
    lists: list[ListRequest] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    missed: list[Missed] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    failed: dict[str, Failure] = field(default_factory=dict)
    """Id of a call that came to nothing -> how."""
    astray: dict[str, Astray] = field(default_factory=dict)
    """Id of a refused call -> what it noted for the user."""
    asked: Topic | None = None
    """What the assistant now asks about."""
    about: str | None = None
    """Item id that the talk has come to."""
    several: bool = False
    """Whether the talk has come to several items at once, so that "this" is none of them."""
    refresh: bool = False
    """Whether the list on the screen no longer fits."""
    given_back: list[str] = field(default_factory=list)
    """Items on which this turn took feedback back."""
    unwanted: list[str] = field(default_factory=list)
    """Items on the screen that shall go."""

    def mark(self) -> Mark:
        """Where the outcome stands before a call, for `refused`."""
        return Mark(len(self.done), len(self.missed), len(self.options), self.asked)

    def refused(self, call_id: str, before: Mark) -> None:
        """Notes a refused call; `before`: the mark from before it. A step that it left tells the user why."""
        self.failed[call_id] = "explained" if len(self.done) > before.done else "refused"
        asked = self.asked if self.asked != before.asked else None
        self.astray[call_id] = Astray(self.missed[before.missed :], self.options[before.options :], asked)

    def mend(self, call_ids: Iterable[str]) -> None:
        """Takes back what refused calls noted for the user: the model has made them again."""
        for astray in [self.astray.pop(call_id) for call_id in call_ids if call_id in self.astray]:
            self.missed = [one for one in self.missed if not any(one is gone for gone in astray.missed)]
            self.options = [one for one in self.options if not any(one is gone for gone in astray.options)]
            self.asked = None if astray.asked and self.asked == astray.asked else self.asked


@dataclass(frozen=True)
class Stores:
    """Everything that is remembered."""

    users: UserStore
    pbox: PBoxStore
    events: EventStore
    journal: Journal


@dataclass(frozen=True)
class Engine:
    """Everything that finds and names things."""

    catalogue: Catalogue
    search: Search
    resolver: Resolver
    pipeline: Pipeline
    texts: Texts = field(default_factory=Texts.load)


@dataclass(frozen=True)
class TurnContext:
    """One turn of one user, put together by the host."""

    user_id: str
    conversation_id: str
    turn_id: str
    lang: UiLanguage
    now: datetime
    stores: Stores
    engine: Engine
    shown: tuple[str, ...] = ()
    """Item ids of the list on the screen, first to last."""
    about: str | None = None
    """Item id under discussion."""
    outcome: Outcome = field(default_factory=Outcome)
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Item id -> the reason on its card."""
    source: Source = "chat"
    """Who calls: the chat, or a tapped chip."""
    said: str = ""
    """The words of the turn; "" for a tap."""
