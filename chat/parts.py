"""What a conversation works with, built once by the application."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from chat.cards import CardWriter
from chat.chips import ChipMaker, ChipSigner
from chat.llm.lessons import LessonBook
from chat.panel import PanelWriter
from prompts.texts import Texts
from tools.context import Engine, Stores


@dataclass(frozen=True)
class Parts:
    """Stores, engine, texts, and the writers of what a screen shows."""

    stores: Stores
    engine: Engine
    texts: Texts
    secret: str
    lessons: LessonBook
    language: Literal["en", "zh"] = "en"
    """Page language of a new visitor."""
    cards: CardWriter = field(init=False)
    chips: ChipMaker = field(init=False)
    signer: ChipSigner = field(init=False)
    panel: PanelWriter = field(init=False)

    def __post_init__(self) -> None:
        catalogue = self.engine.catalogue
        object.__setattr__(self, "cards", CardWriter(catalogue, self.texts))
        object.__setattr__(self, "chips", ChipMaker(catalogue, self.texts))
        object.__setattr__(self, "signer", ChipSigner(self.secret))
        object.__setattr__(self, "panel", PanelWriter(catalogue, self.texts))
