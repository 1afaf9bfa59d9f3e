"""The demonstration catalogue with made-up vectors, a simulated population, and short ways to say a request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np

from catalog.catalogue import Catalogue
from catalog.demo import demo_items, demo_words
from catalog.search import Search
from recommend.coarse import coarse
from recommend.fine import Scorer, fine
from recommend.models import Models, fit_models
from recommend.pbox import Entry, Factor, PBox
from recommend.pipeline import Pipeline
from recommend.population import simulate
from recommend.reading import Reading, read
from recommend.recall import Pool, recall
from recommend.request import Event, History, Listener, Request

NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
DIM = 48


def embed(text: str) -> np.ndarray:
    seed = int.from_bytes(sha256(text.encode()).digest()[:8], "big")
    vector = np.random.default_rng(seed).normal(size=DIM)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@cache
def catalogue() -> Catalogue:
    """Items of one category lie near each other."""
    items = demo_items()
    vectors = np.array([sum(embed(path) for path in item.categories) + 0.8 * embed(item.id) for item in items])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Catalogue.build(items, demo_words(), vectors.astype(np.float32), embed)


@cache
def population() -> tuple[list[Listener], list[Event]]:
    return simulate(catalogue(), listeners=120, seed=3, until=NOW)


@cache
def models() -> Models:
    return fit_models(catalogue(), population()[1])


@cache
def search() -> Search:
    return Search(catalogue())


@cache
def pipeline() -> Pipeline:
    return Pipeline(catalogue(), search(), models())


def history(user_id: str) -> History:
    return History(events=tuple(e for e in population()[1] if e.user_id == user_id))


def entry(factor: Factor, key: str = "", value: float = 0.5, **more: Any) -> Entry:
    return Entry(factor=factor, key=key, value=value, set_at=NOW - timedelta(minutes=1), **more)


def request(*entries: Entry, **more: Any) -> Request:
    more.setdefault("listener", Listener(user_id="someone"))
    return Request(pbox=PBox(version=len(entries), entries=entries), now=NOW, **more)


def pool_for(user_id: str, *entries: Entry, **more: Any) -> tuple[Reading, Pool]:
    """What the fine stage gets for a listener of the population, on their own page."""
    more.setdefault("history", history(user_id))
    reading = read(request(*entries, listener=Listener(user_id=user_id), **more), catalogue(), models())
    return reading, coarse(reading, recall(reading, search()))


def never_lowers(scorer: Scorer, user_id: str, wish: tuple[Factor, str], low: float, more: float) -> None:
    """Fails where an item that has most of a wish falls as the wish is raised by `more`."""
    before, after = (
        {one.row: one for one in fine(*pool_for(user_id, entry(*wish, value)), scorer)} for value in (low, low + more)
    )
    both = [row for row in before if row in after]
    place_before = {row: place for place, row in enumerate(both)}
    place_after = {row: place for place, row in enumerate(row for row in after if row in before)}
    degree = {row: sum(effect.shift for effect in before[row].effects) for row in both}
    top = max(degree.values())
    for row in both:
        if degree[row] == top and top > 0.0:
            assert place_after[row] <= place_before[row]
