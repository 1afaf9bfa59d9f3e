"""A mix of requests over a generated catalogue: who asks for what, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from catalog.catalogue import Catalogue
from lab.bench.world import NOW, World
from recommend.pbox import Entry, Factor, PBox
from recommend.request import Event, History, Intent, Listener, Request

Kind = Intent | Literal["told"]
"""told: the listener's own page after something was told at length (`Request.told`)."""
MIX: tuple[tuple[Kind, float], ...] = (
    ("home", 0.42),
    ("told", 0.08),
    ("more", 0.1),
    ("search", 0.14),
    ("similar", 0.12),
    ("trending", 0.07),
    ("discover", 0.07),
)
STEERED = 0.75
"""Share of requests with a PBox."""
NEW = 0.15
"""Share of listeners without a history."""


def requests(made: World, catalogue: Catalogue, events: list[Event], count: int, seed: int = 0) -> Iterator[Request]:
    """`count` requests of listeners with their histories and wishes."""
    rng = np.random.default_rng(seed + 2)
    by_user: dict[str, list[Event]] = {}
    for event in events:
        by_user.setdefault(event.user_id, []).append(event)
    users = list(by_user)
    kinds, shares = zip(*MIX, strict=True)
    for number in range(count):
        kind: Kind = kinds[int(rng.choice(len(kinds), p=shares))]
        user = users[int(rng.integers(len(users)))]
        cluster = made.clusters[int(rng.integers(len(made.clusters)))]
        yield Request(
            listener=Listener(user_id=user, age="13+" if rng.random() < 0.1 else "18+"),
            pbox=_pbox(rng, made) if rng.random() < STEERED else PBox(),
            history=History() if rng.random() < NEW else History(events=tuple(by_user[user])),
            now=NOW,
            intent="home" if kind == "told" else kind,
            size=12,
            query=_query(rng, cluster.themes, cluster.authors) if kind == "search" else None,
            told=_telling(rng, cluster.themes) if kind == "told" else None,
            anchor=catalogue.items[int(rng.integers(len(catalogue)))].id if kind == "similar" else None,
            category=cluster.path.partition("/")[0] if kind == "trending" and rng.random() < 0.5 else None,
            seed=number,
        )


def kind_of(request: Request) -> Kind:
    """The kind under which MIX counts a request."""
    return "told" if request.told and request.intent == "home" else request.intent


def _telling(rng: np.random.Generator, themes: tuple[str, ...]) -> str:
    one, two, three, four = (themes[int(n)] for n in rng.integers(len(themes), size=4))
    return (
        f"a long story about {one} and the {two} behind it, with some {three}, where nobody speaks of {four} at first"
    )


def _query(rng: np.random.Generator, themes: tuple[str, ...], authors: tuple[str, ...]) -> str:
    said = [themes[int(n)] for n in rng.integers(len(themes), size=2)]
    kind = rng.random()
    if kind < 0.3:
        return authors[int(rng.integers(len(authors)))]
    return " ".join(said) if kind < 0.6 else f"an audiobook of {said[0]} in the {said[1]}"


def _pbox(rng: np.random.Generator, made: World) -> PBox:
    clusters = [made.clusters[int(n)] for n in rng.integers(len(made.clusters), size=4)]
    wished, blocked, liked, tagged = clusters
    depth = int(rng.integers(1, 4))
    options = [
        (Factor.CATEGORY, "/".join(wished.path.split("/")[:depth]), 0.6, "soft"),
        (Factor.MOOD, wished.moods[0], 0.8, "soft"),
        (Factor.SCENE, made.words.scenes.terms[int(rng.integers(len(made.words.scenes.terms)))].slug, 0.5, "soft"),
        (Factor.ENTITY, f"author:{liked.authors[0]}", 0.7, "soft"),
        (Factor.ENTITY, f"tag:{tagged.themes[0]}", 0.5, "soft"),
        (Factor.BLOCK, f"category:{blocked.path.partition('/')[0]}", 1.0, "hard"),
        (Factor.PENALTY, f"tag:{blocked.themes[0]}", 0.5, "soft"),
        (Factor.LENGTH, "max", 60.0, "hard" if rng.random() < 0.5 else "soft"),
        (Factor.ACCESS, "", -1.0, "hard"),
        (Factor.LANGUAGE, "en", 1.0, "hard"),
        (Factor.POPULARITY, "", float(rng.uniform(-1, 1)), "soft"),
        (Factor.RECENCY, "", float(rng.uniform(-1, 1)), "soft"),
        (Factor.NOVELTY, "", float(rng.uniform(0, 1)), "soft"),
    ]
    chosen = rng.choice(len(options), size=int(rng.integers(2, 7)), replace=False)
    entries = [
        Entry(factor=factor, key=key, value=value, hardness="hard" if hard == "hard" else "soft", set_at=NOW)
        for factor, key, value, hard in (options[int(n)] for n in sorted(chosen))
    ]
    return PBox(version=1, entries=tuple(entries))
