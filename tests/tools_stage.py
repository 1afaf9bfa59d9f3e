"""A stage for the tools: the demonstration catalogue, a real database in a folder of its own, two users."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from catalog.catalogue import Catalogue
from catalog.demo import demo_items, demo_words
from catalog.resolve import Resolver
from catalog.search import Search
from db.engine import Database, open_database
from db.events import EventStore
from db.journal import Journal
from db.pbox import PBoxStore
from db.users import UserStore
from prompts.texts import Texts
from recommend.models import Models
from recommend.pbox import Factor, PBox
from recommend.pipeline import Pipeline
from tools.context import Engine, Outcome, Stores, TurnContext
from tools.registry import run_call
from tools.replies import compose

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DIM = 64


def embed(text: str) -> np.ndarray:
    """A vector that only depends on the text: no two texts are alike, so nothing is found by meaning."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    vector = np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
    return vector / np.linalg.norm(vector)


@functools.cache
def make_engine() -> Engine:
    """The parts that find and name things, over the demonstration catalogue."""
    items = demo_items()
    catalogue = Catalogue.build(items, demo_words(), np.stack([embed(item.id) for item in items]), embed)
    search = Search(catalogue)
    pipeline = Pipeline(catalogue, search, Models.empty(catalogue))
    return Engine(catalogue, search, Resolver(catalogue), pipeline, Texts.load())


@dataclass
class Stage:
    """Two users on one database; every call is a turn of its own unless told otherwise."""

    database: Database
    stores: Stores
    engine: Engine
    folder: Path
    turn: int = 0
    shown: tuple[str, ...] = ()
    about: str | None = None

    @classmethod
    def open(cls, folder: Path, engine: Engine) -> Stage:
        database = open_database(f"sqlite:///{folder / 'attune.db'}")
        stores = Stores(UserStore(database), PBoxStore(database), EventStore(database), Journal(database))
        for user_id in ("anna", "ben"):
            stores.users.ensure(user_id)
        return cls(database, stores, engine, folder)

    def context(self, user_id: str = "anna", lang: str = "en", **more: object) -> TurnContext:
        """A turn that begins now."""
        self.turn += 1
        context = TurnContext(
            user_id, f"talk-{user_id}", f"turn-{self.turn}", lang, self.now, self.stores, self.engine,  # type: ignore[arg-type]
            shown=self.shown, about=self.about, outcome=Outcome(),
        )  # fmt: skip
        return replace(context, **more)  # type: ignore[arg-type]

    @property
    def now(self) -> datetime:
        return NOON + timedelta(minutes=self.turn)

    def do(self, tool: str, /, lang: str = "en", **args: object) -> Outcome:
        """One call of one turn by anna."""
        context = self.context(lang=lang)
        run_call(context, tool, args)
        return context.outcome

    def reply(self, outcome: Outcome, lang: str = "en") -> str:
        return compose(outcome, lang, self.engine.texts, self.engine.catalogue)  # type: ignore[arg-type]

    def box(self, user_id: str = "anna") -> PBox:
        return self.stores.pbox.load(user_id, self.now)

    def set_keys(self, factor: Factor, user_id: str = "anna") -> dict[str, float]:
        """Key -> value of the factor's entries."""
        return {entry.key: entry.value for entry in self.box(user_id).of(factor)}

    def title(self, item_id: str) -> str:
        return self.engine.catalogue.item(item_id).title
