"""What goes into the recommender and what comes out: frozen values, no behaviour."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from catalog.items import Format
from recommend.pbox import PBox

UiLanguage = Literal["en", "zh"]
Intent = Literal["home", "more", "search", "similar", "trending", "discover"]
OWN_PAGE = frozenset({"home", "more"})
"""Lists of nothing but what their listener likes and wishes."""
EventKind = Literal["impression", "click", "play", "dwell", "like", "dislike", "skip", "save", "finished", "rating"]


class Listener(BaseModel, frozen=True, extra="forbid"):
    """A user's profile: constraints and the language of the page, not taste."""

    user_id: str
    name: str = ""
    ui_language: UiLanguage = "en"
    age: Literal["all", "7+", "13+", "18+"] = "18+"
    """The highest age mark that may be shown to this user."""
    consent: bool = True
    """Whether listening events may be kept and learnt from."""
    persona: bool = False
    """A simulated listener of the demonstration."""
    onboarded: bool = False


class Event(BaseModel, frozen=True, extra="forbid"):
    """One thing that a user did with one item."""

    user_id: str
    item_id: str
    kind: EventKind
    at: datetime
    value: float | None = None
    """Seconds for dwell, stars for rating, else None."""


class Exposure(BaseModel, frozen=True, extra="forbid"):
    """A list that a user was shown."""

    user_id: str
    at: datetime
    intent: Intent
    places: dict[str, int]
    """Item id -> place from 0."""


class History(BaseModel, frozen=True, extra="forbid"):
    """A user's latest events, oldest first, and what of all their doings holds however long ago it was."""

    events: tuple[Event, ...] = ()
    heard: frozenset[str] = frozenset()
    """Item ids that were ever played or finished."""
    rejected: frozenset[str] = frozenset()
    """Item ids that were turned down, with nothing better said since."""


class Request(BaseModel, frozen=True, extra="forbid"):
    """One question to the pipeline. The same request over the same models gives the same slate."""

    listener: Listener
    pbox: PBox = PBox()
    history: History = History()
    now: datetime
    size: int = 6
    intent: Intent = "home"
    query: str | None = None
    """Free text to look for (intent "search")."""
    told: str | None = None
    """What the listener told at length, where the parameters cannot hold it: looked for beside them."""
    anchor: str | None = None
    """Item id that the list should resemble (intent "similar")."""
    category: str | None = None
    """Category path that a trending list is limited to."""
    format: Format | None = None
    """The format that a list keeps to where there is some of it."""
    children: bool | None = None
    """Whether small children will listen; None where only the words of the query or telling may say so."""
    seen: frozenset[str] = frozenset()
    """Item ids that were just shown and should not come again ("more")."""
    seed: int = 0

    @property
    def ui_language(self) -> UiLanguage:
        return self.listener.ui_language


class Effect(BaseModel, frozen=True, extra="forbid"):
    """How one PBox entry moved one item's score in the fine stage."""

    factor: str
    key: str
    shift: float
    """Logit shift, signed."""


class Promotion(BaseModel, frozen=True, extra="forbid"):
    """The campaign that gave an item its place or lifted it: told to the listener as such."""

    campaign: str
    """Campaign id."""
    en: str
    zh: str

    def title(self, lang: UiLanguage) -> str:
        """The campaign's name in the language of the page."""
        return self.zh if lang == "zh" else self.en


class Candidate(BaseModel, frozen=True, extra="forbid"):
    """An item on its way through the stages, with its whole provenance."""

    item_id: str
    row: int
    sources: dict[str, float]
    """Recall source -> its score in [0, 1]."""
    coarse: float = 0.0
    fine: float = 0.0
    final: float = 0.0
    effects: tuple[Effect, ...] = ()
    slot: Literal["ranked", "explore", "campaign"] = "ranked"
    promotion: Promotion | None = None


class Reason(BaseModel, frozen=True, extra="forbid"):
    """Why a card is there: a sentence, and the evidence that carries it."""

    text: str
    evidence: tuple[str, ...]
    """For instance "mood:funny", "source:similar:sf-012", "attribute:completed"."""


class Card(BaseModel, frozen=True, extra="forbid"):
    """One place of a slate."""

    position: int
    """1-based."""
    candidate: Candidate
    reason: Reason


class StageTrace(BaseModel, frozen=True, extra="forbid"):
    """One line of the product manager's view of a request."""

    stage: str
    ms: float
    out: int


class Slate(BaseModel, frozen=True, extra="forbid"):
    """A list as shown."""

    slate_id: str
    pbox_version: int
    intent: Intent
    cards: tuple[Card, ...]
    trace: tuple[StageTrace, ...] = ()
    relaxed: tuple[str, ...] = ()
    """What the list could not give, for an honest reply: "few" (hard wishes left less than was asked for), "query"
    (a search with no hit, or none better than a guess), "anchor" (unknown item), a soft wish as "factor:key" that no
    item meets ("mood:funny"), or "together" (each wish is met, but never all by one item)."""

    @property
    def item_ids(self) -> tuple[str, ...]:
        return tuple(card.candidate.item_id for card in self.cards)
